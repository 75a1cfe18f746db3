"""Harmless things that look a little like lesions: nodes, single calcifications, moles, vessels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mammo_node.phantom.calcification import add_specks
from mammo_node.phantom.kinds import (
    BENIGN_CALCIFICATION,
    LYMPH_NODE,
    MOLE,
    VASCULAR_CALCIFICATION,
)
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.truth import region_truth

_OUTLINE_POINTS = 32


def add_distractors(
    rng: np.random.Generator, scene: Scene, image: FloatArray, first_identity: int
) -> list[PhantomLesion]:
    """Add what this view happens to have to `image` (log attenuation, changed in place)."""
    nodes = int(rng.poisson(0.35))
    found: list[PhantomLesion | None] = [_add_node(rng, scene, image) for _ in range(nodes)]
    if rng.uniform() < 0.06:
        found.append(_add_mole(rng, scene, image))
    found += _add_single_calcifications(rng, scene, image)
    if scene.anatomy.calcified_vessels:
        found += _calcify_vessels(rng, scene, image)
    there = [lesion for lesion in found if lesion is not None]
    return [replace(lesion, identity=first_identity + i) for i, lesion in enumerate(there)]


def _ellipse(
    scene: Scene, kind: str, variety: str, place: np.ndarray, radius_mm: float
) -> PhantomLesion | None:
    """Truth of a round thing; its number is given later."""
    angle = np.linspace(0.0, 2.0 * np.pi, _OUTLINE_POINTS, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * (radius_mm / scene.grid.pitch_mm)
    return region_truth(
        scene.grid,
        kind,
        variety,
        malignant_looking=False,
        identity=0,
        outline_px=(place + ring).astype(np.float32),
        contrast=1.0,
        least_mm=0.2,
    )


def _add_node(rng: np.random.Generator, scene: Scene, image: FloatArray) -> PhantomLesion | None:
    """Add an intramammary or axillary lymph node with its fatty hilum."""
    place = _random_place(rng, scene, 6.0, upper=scene.view == "MLO")
    if place is None:
        return None
    length = float(rng.uniform(2.5, 7.0))
    body = _ellipsoid(rng, scene, place, length, length * float(rng.uniform(0.5, 0.8)))
    turn = rng.uniform(0.0, 2.0 * np.pi)
    offset = 0.45 * length / scene.grid.pitch_mm * np.array([np.cos(turn), np.sin(turn)])
    hilum = _ellipsoid(rng, scene, place + offset, 0.65 * length, 0.4 * length)
    path = np.clip(body - 0.9 * hilum, 0.0, None)
    image += (scene.mu.gland - scene.mu.adipose) * np.minimum(path, scene.thickness_mm)
    return _ellipse(scene, LYMPH_NODE, "fatty hilum", place, length)


def _add_mole(rng: np.random.Generator, scene: Scene, image: FloatArray) -> PhantomLesion | None:
    """Add a mole on the skin: sharp edge, thin rim of air."""
    place = _random_place(rng, scene, 4.0)
    if place is None:
        return None
    radius = float(rng.uniform(2.0, 5.0))
    disc = _ellipsoid(rng, scene, place, radius, radius)
    flat = np.clip(disc * 2.0, 0.0, 1.0)
    rim = cv2.GaussianBlur(flat, (0, 0), 0.6 / scene.grid.pitch_mm) - flat
    image += np.float32(0.08) * flat - np.float32(0.05) * np.clip(rim, 0.0, 1.0)
    return _ellipse(scene, MOLE, "mole", place, radius)


def _add_single_calcifications(
    rng: np.random.Generator, scene: Scene, image: FloatArray
) -> list[PhantomLesion | None]:
    found = []
    count = int(rng.poisson(2.2)) if rng.uniform() < 0.6 else 0
    for _ in range(count):
        place = _random_place(rng, scene, 4.0)
        if place is None:
            continue
        coarse = rng.uniform() < 0.25
        diameter = float(rng.uniform(0.8, 2.5)) if coarse else float(rng.uniform(0.25, 0.7))
        packing = float(rng.uniform(0.15, 0.5)) if coarse else float(rng.uniform(0.5, 1.0))
        _speck(rng, scene, image, place[None], np.array([[0, 0, 0, diameter, packing]]))
        variety = "coarse" if coarse else "single"
        found.append(_ellipse(scene, BENIGN_CALCIFICATION, variety, place, 0.6 * diameter))
    return found


def _calcify_vessels(
    rng: np.random.Generator, scene: Scene, image: FloatArray
) -> list[PhantomLesion | None]:
    found = []
    for path, width_mm in scene.vessels:
        if rng.uniform() < 0.4:
            continue
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        for side in (-0.5, 0.5):
            dense = np.repeat(path + side * width_mm * normal, 2, axis=0)
            dense = dense + rng.normal(0.0, 0.25, dense.shape)
            dense = dense[rng.uniform(size=len(dense)) < rng.uniform(0.3, 0.9)]
            specks = np.zeros((len(dense), 5))
            specks[:, 3] = rng.uniform(0.25, 0.7, len(dense))
            specks[:, 4] = rng.uniform(0.2, 0.6, len(dense))
            _speck(rng, scene, image, dense / scene.grid.pitch_mm, specks)
        found.append(_course(scene, path, width_mm))
    return found


def _course(scene: Scene, path: np.ndarray, width_mm: float) -> PhantomLesion | None:
    hull = cv2.convexHull(path.astype(np.float32))[:, 0]
    middle = hull.mean(axis=0)
    grown = hull + np.sign(hull - middle) * np.float32(0.5 * width_mm)
    return region_truth(
        scene.grid,
        VASCULAR_CALCIFICATION,
        "vessel",
        malignant_looking=False,
        identity=0,
        outline_px=(grown / scene.grid.pitch_mm).astype(np.float32),
        contrast=1.0,
        least_mm=0.2,
    )


def _speck(
    rng: np.random.Generator,
    scene: Scene,
    image: FloatArray,
    places: np.ndarray,
    specks: np.ndarray,
) -> None:
    contrast = scene.mu.calcification - scene.mu.gland
    seed = int(rng.integers(2**31))
    add_specks(image, places, specks.astype(np.float32), contrast, scene.grid.pitch_mm, seed, False)


def _random_place(
    rng: np.random.Generator, scene: Scene, margin_mm: float, *, upper: bool = False
) -> np.ndarray | None:
    rows = scene.grid.rows * (0.45 if upper else 1.0)
    for _ in range(30):
        place = rng.uniform(0.0, 1.0, 2) * [scene.nipple_px[0], rows]
        if scene.inside_mm[int(place[1]), min(int(place[0]), scene.grid.columns - 1)] > margin_mm:
            return place
    return None


def _ellipsoid(
    rng: np.random.Generator, scene: Scene, place: np.ndarray, long_mm: float, short_mm: float
) -> FloatArray:
    """Path length in mm through an ellipsoid with the given half axes, on the whole grid."""
    pitch = scene.grid.pitch_mm
    x = (np.arange(scene.grid.columns, dtype=np.float32) + 0.5 - place[0]) * pitch
    y = (np.arange(scene.grid.rows, dtype=np.float32) + 0.5 - place[1]) * pitch
    turn = rng.uniform(0.0, np.pi)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    reach = long_mm * 1.2
    columns, rows = np.flatnonzero(np.abs(x) < reach), np.flatnonzero(np.abs(y) < reach)
    total = np.zeros((scene.grid.rows, scene.grid.columns), dtype=np.float32)
    if not len(columns) or not len(rows):
        return total
    gx, gy = x[columns][None, :], y[rows][:, None]
    u, v = (cos * gx + sin * gy) / long_mm, (cos * gy - sin * gx) / short_mm
    path = 2.0 * short_mm * np.sqrt(np.clip(1.0 - u * u - v * v, 0.0, None))
    path = cv2.GaussianBlur(path.astype(np.float32), (0, 0), max(0.4, 0.4 / pitch))
    total[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = path
    return total
