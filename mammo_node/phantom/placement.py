"""Where lesions go: inside the breast in both views, and as hard to see as real ones are.

Real masses stand out from their ring by a median of 1.4 standard deviations (10-90 %: 0.3-2.7).
Places are drawn until one fits the visibility that was drawn first.
"""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene

CANDIDATES = 20
Point = tuple[float, float, float]


def place_lesion(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    radius_mm: float,
    added_path_mm: float,
    taken: list[Point],
) -> Point | None:
    """Find an anatomical point for a lesion of `radius_mm` seen in all `scenes`, or None.

    `added_path_mm` is the depth of gland-like tissue that the lesion adds in its middle.
    """
    wanted = float(np.clip(2.6 * np.exp(0.6 * rng.standard_normal()), 0.5, 7.0))
    best: tuple[float, Point] | None = None
    for _ in range(CANDIDATES):
        point = _candidate(rng, scenes, radius_mm, taken)
        if point is None:
            continue
        ratios = [visibility(s, point, radius_mm, added_path_mm) for s in scenes]
        ratio = float(np.mean(ratios))
        if min(ratios) < 0.35:
            continue
        miss = abs(float(np.log(ratio / wanted)))
        if best is None or miss < best[0]:
            best = (miss, point)
    return best[1] if best else None


def local_gland(scene: Scene, point: Point, radius_mm: float) -> float:
    """Share of gland, 0..1, in the tissue that a lesion at `point` replaces."""
    column, row = scene.to_pixel(point)
    slab = scene.gland[scene.slab_of(point)]
    return float(
        np.clip(
            _disc_mean(
                slab,
                column / scene.factor,
                row / scene.factor,
                0.7 * radius_mm / (scene.grid.pitch_mm * scene.factor),
            ),
            0,
            0.85,
        )
    )


def visibility(scene: Scene, point: Point, radius_mm: float, added_path_mm: float) -> float:
    """Estimate the contrast of a lesion over the deviation of the ring around it."""
    added = added_path_mm * 0.75 * (scene.mu.gland - scene.mu.adipose)
    contrast = added * (1.1 - local_gland(scene, point, radius_mm))
    return contrast / max(_ring_deviation(scene, point, radius_mm), 1e-3)


def _candidate(
    rng: np.random.Generator, scenes: tuple[Scene, ...], radius_mm: float, taken: list[Point]
) -> Point | None:
    anatomy: Anatomy = scenes[0].anatomy
    half = anatomy.half_width_mm
    for _ in range(40):
        point = (
            anatomy.depth_mm * float(rng.uniform(0.08, 0.95)),
            half * float(np.clip(rng.normal(0.1, 0.42), -0.8, 0.9)),
            half * float(np.clip(rng.normal(0.12, 0.42), -0.8, 0.9)),
        )
        near = any(np.linalg.norm(np.subtract(point, t)) < 3.0 * radius_mm + 12 for t in taken)
        if not near and all(_fits(scene, point, radius_mm) for scene in scenes):
            return point
    return None


def _fits(scene: Scene, point: Point, radius_mm: float) -> bool:
    column, row = scene.to_pixel(point)
    margin = 0.8 * radius_mm / scene.grid.pitch_mm
    if not (margin <= column < scene.grid.columns - margin):
        return False
    if not (margin <= row < scene.grid.rows - margin):
        return False
    return bool(scene.inside_mm[int(row), int(column)] > 1.1 * radius_mm + 2.0) and bool(
        scene.thickness_mm[int(row), int(column)] > 1.2 * radius_mm
    )


def _ring_deviation(scene: Scene, point: Point, radius_mm: float) -> float:
    column, row = scene.to_pixel(point)
    pitch = scene.grid.pitch_mm
    reach = int(np.ceil(1.9 * radius_mm / pitch))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    patch = scene.log_attenuation[top : int(row) + reach, left : int(column) + reach]
    step = max(1, int(0.6 / pitch))
    patch = patch[::step, ::step]
    y = (np.arange(patch.shape[0]) * step + top - row)[:, None] * pitch
    x = (np.arange(patch.shape[1]) * step + left - column)[None, :] * pitch
    distance = np.sqrt(x * x + y * y)
    ring = patch[(distance > 1.15 * radius_mm) & (distance < 1.9 * radius_mm)]
    return float(ring.std()) if ring.size > 8 else 1.0


def _disc_mean(image: FloatArray, column: float, row: float, radius_px: float) -> float:
    reach = max(1, round(radius_px))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    patch = image[top : int(row) + reach + 1, left : int(column) + reach + 1]
    return float(cv2.mean(patch)[0]) if patch.size else 0.0
