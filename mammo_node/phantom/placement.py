"""Where lesions go: inside the breast in both views, and as hard to see as real ones are.

Real masses stand out from their ring by a median of 1.4 standard deviations (10-90 %: 0.3-2.7).
Places are drawn until one fits the visibility that was drawn first; most are drawn where gland
meets fat, as most cancers lie there.
"""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene

CANDIDATES = 30
#: Median and log deviation of the visibility that is asked for, and the least in any view. What is
#: asked for is more than what is reached: bright places for bright masses are few.
WANTED = (4.5, 0.6)
LEAST = 0.5
#: Share of masses put where this share of the depth is gland.
AT_BORDER = 0.5
BORDER_GLAND = (0.04, 0.35)
MOST_MUSCLE = 0.2
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
    wanted = float(np.clip(WANTED[0] * np.exp(WANTED[1] * rng.standard_normal()), 0.6, 12.0))
    at_border = bool(rng.uniform() < AT_BORDER)
    best: tuple[float, Point] | None = None
    for _ in range(CANDIDATES):
        point = _candidate(rng, scenes, radius_mm, taken)
        if point is None:
            continue
        if at_border and not any(_at_border(s, point, radius_mm) for s in scenes):
            continue
        ratios = [visibility(s, point, radius_mm, added_path_mm) for s in scenes]
        ratio = float(np.mean(ratios))
        if min(ratios) < LEAST:
            continue
        miss = abs(float(np.log(ratio / wanted)))
        if best is None or miss < best[0]:
            best = (miss, point)
    return best[1] if best else None


def slabs_within(scene: Scene, point: Point, radius_mm: float) -> range:
    """Tell which slabs a lesion at `point` reaches into, by index."""
    count = len(scene.gland)
    reach = max(1, round(2.0 * radius_mm / (scene.full_thickness_mm / count)))
    first = int(np.clip(scene.slab_of(point) - (reach - 1) // 2, 0, max(0, count - reach)))
    return range(first, min(count, first + reach))


def visibility(scene: Scene, point: Point, radius_mm: float, added_path_mm: float) -> float:
    """Estimate the contrast of a lesion over the deviation of the ring around it."""
    slabs = slabs_within(scene, point, radius_mm)
    gland = float(np.mean([_gland_share(scene, point, radius_mm, k) for k in slabs]))
    added = added_path_mm * 0.8 * (scene.mu.gland - scene.mu.adipose)
    contrast = added * max(1.03 - min(gland, 1.0), 0.0)
    return contrast / max(_ring_deviation(scene, point, radius_mm), 1e-3)


def _at_border(scene: Scene, point: Point, radius_mm: float) -> bool:
    shares = [_gland_share(scene, point, 1.5 * radius_mm, k) for k in range(len(scene.gland))]
    return BORDER_GLAND[0] < float(np.mean(shares)) < BORDER_GLAND[1]


def _gland_share(scene: Scene, point: Point, radius_mm: float, slab: int) -> float:
    column, row = scene.to_pixel(point)
    size_px = 0.7 * radius_mm / (scene.grid.pitch_mm * scene.factor)
    return _disc_mean(scene.gland[slab], column / scene.factor, row / scene.factor, size_px)


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
    here = int(row), int(column)
    # Nearly all masses lie in the breast, not over the muscle behind it.
    return (
        bool(scene.inside_mm[here] > 1.1 * radius_mm + 2.0)
        and bool(scene.thickness_mm[here] > 1.2 * radius_mm)
        and bool(scene.pectoral[here] < MOST_MUSCLE)
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
