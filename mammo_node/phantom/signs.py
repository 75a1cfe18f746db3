"""Findings beside masses and clusters: which a woman has, and how they come into her views."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry, draw_asymmetry
from mammo_node.phantom.distortion import (
    Distortion,
    distort,
    distortion_pull,
    draw_distortion,
)
from mammo_node.phantom.kinds import (
    ASYMMETRY,
    DISTORTION,
    FOCAL_ASYMMETRY,
    GLOBAL_ASYMMETRY,
    SIGNS,
    SKIN_RETRACTION,
    SKIN_THICKENING,
    SUSPICIOUS_NODE,
)
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.placement import Point
from mammo_node.phantom.pull import Pull, moved_point, pulled
from mammo_node.phantom.retraction import Retraction, dent, draw_retraction, retract
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.skin import SkinThickening, draw_thickening

#: Share of women who have a sign, when none is asked for; each further one is rarer.
_ANY, _ANOTHER = 0.25, 0.15
#: How the signs of `SIGNS` share that, in order.
_WEIGHTS = (0.24, 0.2, 0.14, 0.14, 0.1, 0.08, 0.06, 0.04)
#: Signs are numbered apart from lesions, so that neither depends on how many there are of others.
FIRST_IDENTITY = 101
_TRIES = 60

Detail = Asymmetry | SkinThickening | Distortion | Retraction | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A finding of one breast; `identity` is its number in every view that shows it."""

    kind: str
    identity: int
    malignant_looking: bool
    detail: Detail


def draw_signs(
    rng: np.random.Generator, anatomies: dict[str, Anatomy], wanted: Iterable[str] | None
) -> dict[str, tuple[Sign, ...]]:
    """Draw the signs of a woman, by breast ("L", "R"); `wanted` names them, or None for a draw.

    Raises
    ------
    ValueError
        If a wanted kind is not one of `SIGNS`.
    """
    kinds = _drawn_kinds(rng) if wanted is None else tuple(wanted)
    unknown = sorted(set(kinds) - set(SIGNS))
    if unknown:
        raise ValueError(f"no such sign: {', '.join(unknown)}; there are {', '.join(SIGNS)}")
    made: dict[str, list[Sign]] = {"L": [], "R": []}
    for number, kind in enumerate(kinds):
        side = "L" if rng.uniform() < 0.5 else "R"
        made[side].append(_draw(rng, anatomies[side], kind, FIRST_IDENTITY + number))
    return {side: tuple(signs) for side, signs in made.items()}


def _drawn_kinds(rng: np.random.Generator) -> tuple[str, ...]:
    count = 0
    while count < len(SIGNS) and rng.uniform() < (_ANOTHER if count else _ANY):
        count += 1
    return tuple(str(k) for k in rng.choice(SIGNS, size=count, replace=False, p=_WEIGHTS))


def _draw(rng: np.random.Generator, anatomy: Anatomy, kind: str, identity: int) -> Sign:
    if kind in (ASYMMETRY, FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY):
        asymmetry = draw_asymmetry(rng, anatomy, kind, identity)
        return Sign(kind, identity, asymmetry.malignant_looking, asymmetry)
    if kind == SKIN_THICKENING:
        skin = draw_thickening(rng, anatomy.half_width_mm, identity)
        return Sign(kind, identity, skin.malignant_looking, skin)
    if kind == DISTORTION:
        return Sign(kind, identity, bool(rng.uniform() < 0.75), draw_distortion(rng))
    if kind == SUSPICIOUS_NODE:
        return Sign(kind, identity, True, None)
    suspicious = bool(rng.uniform() < (0.85 if kind == SKIN_RETRACTION else 0.6))
    return Sign(kind, identity, suspicious, draw_retraction(rng, kind, anatomy.half_width_mm))


def growths(signs: Iterable[Sign]) -> tuple[Asymmetry | SkinThickening, ...]:
    """Return the signs that are tissue of the breast."""
    return tuple(s.detail for s in signs if isinstance(s.detail, Asymmetry | SkinThickening))


def pull_tissue(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    signs: Iterable[Sign],
    taken: list[Point],
) -> tuple[tuple[Scene, ...], tuple[list[PhantomLesion], ...]]:
    """Put distortions and retractions into the scenes of one breast.

    `taken` grows by the points of distortions, so that lesions keep away from them.
    """
    truths: tuple[list[PhantomLesion], ...] = tuple([] for _ in scenes)
    for sign in signs:
        point = None
        if isinstance(sign.detail, Distortion):
            point = _interior_point(rng, scenes, sign.detail.radius_mm)
            if point is None:
                continue
            taken.append(point)
        changed = []
        for scene, truth in zip(scenes, truths, strict=True):
            made, found = _pull(scene, sign, point)
            changed.append(made)
            truth.extend([found] if found else [])
        scenes = tuple(changed)
    return scenes, truths


def _pull(scene: Scene, sign: Sign, point: Point | None) -> tuple[Scene, PhantomLesion | None]:
    pitch = scene.grid.pitch_mm
    if isinstance(sign.detail, Distortion) and point is not None:
        centre = scene.to_pixel(point)
        pull = distortion_pull(sign.detail, (centre[0] * pitch, centre[1] * pitch))
        scene = pull_scene(scene, pull)
        return scene, distort(
            scene, sign.detail, centre, sign.identity, malignant_looking=sign.malignant_looking
        )
    if isinstance(sign.detail, Retraction):
        place = dent(scene, sign.detail)
        if place is None:
            return scene, None
        skin, normal, pull = place
        scene = pull_scene(scene, pull)
        return scene, retract(
            scene,
            sign.detail,
            skin,
            normal,
            sign.identity,
            malignant_looking=sign.malignant_looking,
        )
    return scene, None


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
