"""How a lesion will stand out at some place: estimated before it is put there.

As real ones are measured: by a disc against the ring around it (see `contrast`).
"""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.contrast import DISC, RING
from mammo_node.phantom.mass import Mass
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene

#: Mean path through a ball with a soft surface, within the disc, in radii.
CORE_PATH = 1.5
#: A region of fewer values says nothing.
_FEWEST = 8
Point = tuple[float, float, float]


def mass_visibility(scene: Scene, point: Point, mass: Mass) -> tuple[float, float]:
    """Estimate how a mass will stand out: core minus ring, over the ring's deviation.

    In attenuation, with the tissue that it will replace and the tissue around it; first what the
    mass alone adds, then with the rise or fall of the tissue that is there.
    """
    slabs = slabs_within(scene, point, mass.radius_mm)
    gland = float(np.mean([gland_share(scene, point, mass.radius_mm, k) for k in slabs]))
    mu = scene.mu
    local = mu.adipose + (mu.gland - mu.adipose) * min(gland, 1.0)
    added = CORE_PATH * mass.radius_mm * (mass.density_ratio * mu.gland - local)
    core, ring = _core_and_ring(scene, point, mass.radius_mm)
    if min(core.size, ring.size) <= _FEWEST:
        return 0.0, 0.0
    deviation = max(float(ring.std()), 1e-3)
    rise = float(core.mean() - ring.mean())
    return added / deviation, (added + rise) / deviation


def quietness(scene: Scene, point: Point, radius_mm: float, added_path_mm: float) -> float:
    """Estimate what gland of so much depth would add, over the deviation of the ring around it."""
    slabs = slabs_within(scene, point, radius_mm)
    gland = float(np.mean([gland_share(scene, point, radius_mm, k) for k in slabs]))
    added = added_path_mm * 0.8 * (scene.mu.gland - scene.mu.adipose)
    contrast = added * max(1.03 - min(gland, 1.0), 0.0)
    return contrast / max(_ring_deviation(scene, point, radius_mm), 1e-3)


def slabs_within(scene: Scene, point: Point, radius_mm: float) -> range:
    """Tell which slabs a lesion at `point` reaches into, by index."""
    count = len(scene.gland)
    reach = max(1, round(2.0 * radius_mm / (scene.full_thickness_mm / count)))
    first = int(np.clip(scene.slab_of(point) - (reach - 1) // 2, 0, max(0, count - reach)))
    return range(first, min(count, first + reach))


def gland_share(scene: Scene, point: Point, radius_mm: float, slab: int) -> float:
    """Mean share of gland in one slab within the disc."""
    column, row = scene.to_pixel(point)
    size_px = DISC * radius_mm / (scene.grid.pitch_mm * scene.factor)
    return _disc_mean(scene.gland[slab], column / scene.factor, row / scene.factor, size_px)


def _ring_deviation(scene: Scene, point: Point, radius_mm: float) -> float:
    ring = _core_and_ring(scene, point, radius_mm)[1]
    return float(ring.std()) if ring.size > _FEWEST else 1.0


def _core_and_ring(scene: Scene, point: Point, radius_mm: float) -> tuple[FloatArray, FloatArray]:
    """Attenuation in the disc and in the ring around it, a value every 0.6 mm."""
    column, row = scene.to_pixel(point)
    pitch = scene.grid.pitch_mm
    reach = int(np.ceil(RING[1] * radius_mm / pitch))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    patch = scene.log_attenuation[top : int(row) + reach, left : int(column) + reach]
    step = max(1, int(0.6 / pitch))
    patch = patch[::step, ::step]
    y = (np.arange(patch.shape[0]) * step + top - row)[:, None] * pitch
    x = (np.arange(patch.shape[1]) * step + left - column)[None, :] * pitch
    distance = np.sqrt(x * x + y * y)
    ring = (distance > RING[0] * radius_mm) & (distance < RING[1] * radius_mm)
    return patch[distance < DISC * radius_mm], patch[ring]


def _disc_mean(image: FloatArray, column: float, row: float, radius_px: float) -> float:
    reach = max(1, round(radius_px))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    patch = image[top : int(row) + reach + 1, left : int(column) + reach + 1]
    return float(cv2.mean(patch)[0]) if patch.size else 0.0
