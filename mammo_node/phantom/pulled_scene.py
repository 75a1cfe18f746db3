"""Distortions and retractions in the scenes of one breast: everything moves, truth included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mammo_node.phantom.distortion import Distortion, distort, distortion_pull
from mammo_node.phantom.lesion import PhantomLesion, bounds
from mammo_node.phantom.pull import Pull, moved_point, pulled
from mammo_node.phantom.retraction import Retraction, dent, retract
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.search import Place
from mammo_node.phantom.signs import Sign
from mammo_node.phantom.visibility import Point

_TRIES = 60


def pull_tissue(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    signs: Iterable[Sign],
    taken: list[Place],
) -> tuple[tuple[Scene, ...], tuple[list[PhantomLesion], ...]]:
    """Put distortions and retractions into the scenes of one breast.

    `taken` grows by the places of distortions, so that lesions keep away from them.
    """
    truths: tuple[list[PhantomLesion], ...] = tuple([] for _ in scenes)
    for sign in signs:
        point = None
        if isinstance(sign.detail, Distortion):
            point = _interior_point(rng, scenes, sign.detail.radius_mm)
            if point is None:
                continue
            taken.append(Place(point))
        changed = []
        for scene, truth in zip(scenes, truths, strict=True):
            made, found, pull = _pull(scene, sign, point)
            changed.append(made)
            if pull is not None:
                truth[:] = [moved_truth(scene, lesion, pull) for lesion in truth]
            truth.extend([found] if found else [])
        scenes = tuple(changed)
    return scenes, truths


def _pull(
    scene: Scene, sign: Sign, point: Point | None
) -> tuple[Scene, PhantomLesion | None, Pull | None]:
    pitch = scene.grid.pitch_mm
    if isinstance(sign.detail, Distortion) and point is not None:
        centre = scene.to_pixel(point)
        pull = distortion_pull(sign.detail, (centre[0] * pitch, centre[1] * pitch))
        scene = pull_scene(scene, pull)
        suspicious = sign.malignant_looking
        truth = distort(scene, sign.detail, centre, sign.identity, malignant_looking=suspicious)
        return scene, truth, pull
    if isinstance(sign.detail, Retraction):
        place = dent(scene, sign.detail)
        if place is None:
            return scene, None, None
        skin, normal, pull = place
        scene = pull_scene(scene, pull)
        truth = retract(
            scene,
            sign.detail,
            skin,
            normal,
            sign.identity,
            malignant_looking=sign.malignant_looking,
        )
        return scene, truth, pull
    return scene, None, None


def pull_scene(scene: Scene, pull: Pull) -> Scene:
    """Move everything that lies in the scene."""
    pitch = scene.grid.pitch_mm
    seen = moved_point((scene.nipple_seen_px[0] * pitch, scene.nipple_seen_px[1] * pitch), pull)
    return replace(
        scene,
        log_attenuation=np.maximum(pulled(scene.log_attenuation, pull, pitch), 0.0),
        inside_mm=np.maximum(pulled(scene.inside_mm, pull, pitch), 0.0),
        thickness_mm=np.maximum(pulled(scene.thickness_mm, pull, pitch), 0.0),
        pectoral=pulled(scene.pectoral, pull, pitch),
        gland=np.stack([pulled(g, pull, pitch * scene.factor) for g in scene.gland]),
        nipple_seen_px=(seen[0] / pitch, seen[1] / pitch),
        vessels=tuple((_moved_path(path, pull), width) for path, width in scene.vessels),
        grown=tuple(moved_truth(scene, lesion, pull) for lesion in scene.grown),
    )


def moved_truth(scene: Scene, lesion: PhantomLesion, pull: Pull) -> PhantomLesion:
    """Move a finding that was there before the pull; its centre stays within its box."""
    pitch = scene.grid.pitch_mm
    outline = np.asarray(_moved_path(lesion.outline_px * pitch, pull) / pitch, dtype=np.float32)
    box = bounds(outline, scene.grid.columns, scene.grid.rows)
    column, row = _moved_path(np.array([lesion.centre_px]) * pitch, pull)[0] / pitch
    return replace(
        lesion,
        outline_px=outline,
        box_px=box,
        centre_px=(float(np.clip(column, box[0], box[2])), float(np.clip(row, box[1], box[3]))),
        size_mm=max(box[2] - box[0], box[3] - box[1]) * pitch,
    )


def _moved_path(path: np.ndarray, pull: Pull) -> np.ndarray:
    x, y = pull.sources_mm(path[:, 0].astype(np.float32), path[:, 1].astype(np.float32))
    # To first order the way there is the way back.
    return np.asarray(2.0 * path - np.column_stack([x, y]))


def _interior_point(
    rng: np.random.Generator, scenes: tuple[Scene, ...], radius_mm: float
) -> Point | None:
    anatomy = scenes[0].anatomy
    for _ in range(_TRIES):
        point = (
            anatomy.depth_mm * float(rng.uniform(0.15, 0.85)),
            anatomy.half_width_mm * float(np.clip(rng.normal(0.1, 0.38), -0.75, 0.8)),
            anatomy.half_width_mm * float(np.clip(rng.normal(0.12, 0.38), -0.75, 0.8)),
        )
        if all(_depth_inside(scene, point) > 0.75 * radius_mm for scene in scenes):
            return point
    return None


def _depth_inside(scene: Scene, point: Point) -> float:
    column, row = (int(c) for c in scene.to_pixel(point))
    if not (0 <= row < scene.grid.rows and 0 <= column < scene.grid.columns):
        return 0.0
    # Tissue goes on beyond the chest wall's edge, but a picture of half a finding is no good.
    return min(float(scene.inside_mm[row, column]), (column + 0.5) * scene.grid.pitch_mm * 1.5)
