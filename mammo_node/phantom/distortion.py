"""Architectural distortion: tissue drawn to a point, fine lines radiating from it, no mass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mammo_node.phantom.kinds import DISTORTION
from mammo_node.phantom.lesion import Patch, PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.pull import Pull
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.threads import draw_threads
from mammo_node.phantom.truth import local_deviation, region_truth


@dataclass(frozen=True, slots=True)
class Distortion:
    """Lines around a point, in the anatomical frame.

    `lines` is (count, 7): direction (a, s, l), start and end in mm from the point, width in mm and
    bend relative to the length.
    """

    radius_mm: float
    strength: float
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
    return Distortion(radius, float(rng.uniform(0.6, 1.6)), lines)


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
    deviation = local_deviation(scene.log_attenuation, truth.box_px)
    return replace(truth, contrast=float(added[added > 0].mean()) / deviation)
