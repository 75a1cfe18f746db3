"""Architectural distortion: tissue drawn to a point, fine lines radiating from it, no mass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mammo_node.phantom.contrast import radial_distance
from mammo_node.phantom.kinds import DISTORTION
from mammo_node.phantom.lesion import Patch, PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.pull import Pull
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.threads import draw_threads
from mammo_node.phantom.truth import local_deviation, region_truth

#: Bounds of `Distortion.density`: with these distortions stand out by about 0.7 deviations of their
#: ring, as real ones do.
_DENSITY = (0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Distortion:
    """Lines around a point, in the anatomical frame.

    `lines` is (count, 7): direction (a, s, l), start and end in mm from the point, width in mm and
    bend relative to the length. `density` is how much denser tissue is at the point, where it is
    gathered: a share of what it attenuates more than fat.
    """

    radius_mm: float
    strength: float
    density: float
    lines: FloatArray


def draw_distortion(rng: np.random.Generator) -> Distortion:
    """Draw a distortion 14-50 mm across."""
    radius = float(np.clip(13.0 * np.exp(0.3 * rng.standard_normal()), 7.0, 25.0))
    count = int(rng.integers(14, 46))
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    start = np.abs(rng.normal(0.0, 0.12 * radius, count))
    end = start + radius * np.clip(rng.gamma(4.0, 0.2, count), 0.3, 1.35)
    width = np.clip(rng.lognormal(np.log(0.75), 0.4, count), 0.3, 1.7)
    bend = rng.normal(0.0, 0.035, count)
    lines = np.column_stack([direction, start, end, width, bend]).astype(np.float32)
    strength = float(rng.uniform(0.6, 1.6))
    return Distortion(radius, strength, float(rng.uniform(*_DENSITY)), lines)


def distortion_pull(distortion: Distortion, centre_mm: tuple[float, float]) -> Pull:
    """How the tissue of a view gathers around the distortion's point."""
    return Pull(centre_mm, 1.7 * distortion.radius_mm, strength=distortion.strength)


def distort(
    scene: Scene,
    distortion: Distortion,
    centre_px: tuple[float, float],
    identity: int,
    *,
    malignant_looking: bool,
) -> PhantomLesion | None:
    """Draw the lines into the scene's log attenuation in place, and say where they are."""
    pitch = scene.grid.pitch_mm
    lines = distortion.lines.astype(np.float64)
    flat = np.array(
        [scene.anatomy.to_view(scene.view, (float(d[0]), float(d[1]), float(d[2]))) for d in lines]
    )
    heading = np.column_stack([flat[:, 0], -flat[:, 1]])
    centre = np.asarray(centre_px) * pitch
    starts = centre + lines[:, 3:4] * heading
    ends = centre + lines[:, 4:5] * heading
    bends = lines[:, 6] * np.linalg.norm(ends - starts, axis=1)
    depths = draw_threads(starts, ends, bends, lines[:, 5], pitch)
    # A line lies within the breast; where it would be deeper than that, it is cut.
    cut = np.minimum(depths.values, 0.3 * depths.cut_from(scene.thickness_mm))
    added = np.asarray(cut * np.float32(scene.mu.muscle - scene.mu.adipose), dtype=np.float32)
    hull = cv2.convexHull(((centre + 0.85 * (ends - centre)) / pitch).astype(np.float32))[:, 0]
    truth = region_truth(
        scene.grid,
        DISTORTION,
        "radiating",
        malignant_looking=malignant_looking,
        identity=identity,
        outline_px=hull,
        centre_px=centre_px,
        contrast=0.0,
    )
    if truth is None:
        return None
    Patch(added, depths.column, depths.row).add_to(scene.log_attenuation)
    scene.log_attenuation[:] += _gathered(scene, distortion, centre_px)
    deviation = local_deviation(scene.log_attenuation, truth.box_px)
    return replace(truth, contrast=float(added[added > 0].mean()) / deviation)


def _gathered(scene: Scene, distortion: Distortion, centre_px: tuple[float, float]) -> FloatArray:
    """Return what tissue attenuates more where it is drawn together, (rows, columns)."""
    distance_px = radial_distance(scene.log_attenuation.shape, centre_px, 1.0)
    away = np.clip(1.0 - distance_px * scene.grid.pitch_mm / distortion.radius_mm, 0.0, 1.0)
    more = np.clip(scene.log_attenuation - scene.mu.adipose * scene.thickness_mm, 0.0, None)
    return np.asarray(distortion.density * away * more, dtype=np.float32)
