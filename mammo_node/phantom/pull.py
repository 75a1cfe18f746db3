"""Tissue pulled out of place: what architectural distortion and retraction have in common.

A pull is a smooth, invertible displacement of the picture around one point. It is applied to all
that lies in the view (attenuation, thickness, distance to the skin, gland), so that fibres bend
and the skin line dents as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.noise import FloatArray

PointMm = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pull:
    """A displacement in a view: (x, y) in mm of the canonical frame, top-left origin.

    A radial pull gathers tissue towards `centre_mm` within `radius_mm`; `strength` (under 3) is by
    how much tissue near the centre is drawn together. A directed pull moves tissue by `shift_mm`
    at the centre, fading as a Gaussian whose sigma is `radius_mm`.
    """

    centre_mm: PointMm
    radius_mm: float
    strength: float = 0.0
    shift_mm: PointMm = (0.0, 0.0)

    @property
    def reach_mm(self) -> float:
        """Beyond this distance from the centre nothing moves."""
        return self.radius_mm if self.strength else 3.0 * self.radius_mm

    def sources_mm(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """From where the tissue at (x, y) came, both in mm."""
        dx, dy = x - np.float32(self.centre_mm[0]), y - np.float32(self.centre_mm[1])
        distance = np.sqrt(dx * dx + dy * dy)
        if self.strength:
            away = np.clip(1.0 - distance / np.float32(self.radius_mm), 0.0, 1.0)
            gain = np.float32(self.strength) * away * away
            return x + gain * dx, y + gain * dy
        fade = np.exp(-0.5 * (distance / np.float32(self.radius_mm)) ** 2)
        fade = fade * np.clip(3.0 - distance / np.float32(self.radius_mm), 0.0, 1.0)
        return x - np.float32(self.shift_mm[0]) * fade, y - np.float32(self.shift_mm[1]) * fade


def pulled(image: FloatArray, pull: Pull, pitch_mm: float) -> FloatArray:
    """Apply a pull to a (rows, columns) float32 image; a new image comes back."""
    reach = int(np.ceil(pull.reach_mm / pitch_mm)) + 1
    column, row = (int(c / pitch_mm) for c in pull.centre_mm)
    top, bottom = max(0, row - reach), min(image.shape[0], row + reach + 1)
    left, right = max(0, column - reach), min(image.shape[1], column + reach + 1)
    if bottom <= top or right <= left:
        return image
    x = (np.arange(left, right, dtype=np.float32) + np.float32(0.5)) * np.float32(pitch_mm)
    y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5)) * np.float32(pitch_mm)
    gx, gy = np.meshgrid(x, y)
    sx, sy = pull.sources_mm(gx, gy)
    moved = cv2.remap(
        image,
        sx / np.float32(pitch_mm) - np.float32(0.5),
        sy / np.float32(pitch_mm) - np.float32(0.5),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    made = image.copy()
    made[top:bottom, left:right] = moved
    return made


def moved_point(point_mm: PointMm, pull: Pull) -> PointMm:
    """Where the tissue that was at `point_mm` lies after the pull."""
    target = np.asarray(point_mm, dtype=np.float64)
    found = target.copy()
    # The displacement is smooth and its slope below 1: a fixed point iteration converges.
    for _ in range(25):
        sx, sy = pull.sources_mm(
            np.asarray([found[0]], dtype=np.float32), np.asarray([found[1]], dtype=np.float32)
        )
        found = found + 0.7 * (target - [float(sx[0]), float(sy[0])])
    return float(found[0]), float(found[1])
