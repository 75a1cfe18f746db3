"""Lay fine strands over a window: where they cross and thicken, bright dots that are no calcium.

Ligaments and fibres of phantoms are long and smooth at 0.1 mm a pixel; real ones are a crisp mesh
that thickens and thins along its way. Its crossings are what detectors of calcifications mark
first on real images.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from training.windows import Window

#: Share of windows that get strands.
SHARE = 0.4
#: Strands a square centimetre (the logarithm is even), and their lengths and widths in mm.
DENSITY, LENGTH_MM, WIDTH_MM = (1.5, 40.0), (3.0, 30.0), (0.08, 0.35)
#: Grey that a strand adds, of the breast's range; the logarithm is even.
RISE = (0.005, 0.04)
#: Strands of one sheet do not add up where they cross, those of different sheets do.
_SHEETS = 3
#: Deviation of the thickness along a strand, as a share, and its scale, sigma in mm.
_BEADS, _BEAD_MM = 0.6, 0.35
#: Straight pieces of a strand, and how much each turns against the one before, in radians.
_PIECES, _BEND = 6, 0.12
#: Binary places of a drawn point.
_SHIFT = 4


def lay_strands(rng: np.random.Generator, window: Window, strength: float) -> Window:
    """Lay strands over some windows; air stays 0 and `window` as it was."""
    if rng.uniform() >= strength * SHARE:
        return window
    side_mm = window.level.shape[0] * window.mm_per_pixel
    density = float(np.exp(rng.uniform(*np.log(DENSITY))))
    count = int(density * (side_mm / 10.0) ** 2 / _SHEETS) + 1
    rise = float(np.exp(rng.uniform(*np.log(RISE))))
    added = np.zeros_like(window.level)
    for _ in range(_SHEETS):
        added += _sheet(rng, window.level.shape, window.mm_per_pixel, count)
    beads = cv2.GaussianBlur(
        rng.standard_normal(added.shape, dtype=np.float32), (0, 0), _BEAD_MM / window.mm_per_pixel
    )
    added *= np.clip(1.0 + _BEADS * beads / beads.std(), 0.0, None)
    return replace(window, level=window.level + np.float32(rise) * added * window.mask)


def _sheet(
    rng: np.random.Generator, shape: tuple[int, ...], mm_per_pixel: float, count: int
) -> np.ndarray:
    """Strands mostly along one direction, (rows, columns) float32 from 0 to 1."""
    canvas = np.zeros(shape, dtype=np.uint8)
    along = rng.uniform(0.0, np.pi)
    for _ in range(count):
        length = float(np.exp(rng.uniform(*np.log(LENGTH_MM)))) / mm_per_pixel
        heading = along + 0.5 * rng.standard_normal()
        heading = heading + np.cumsum(_BEND * rng.standard_normal(_PIECES))
        steps = length / _PIECES * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        points = rng.uniform(0.0, shape[0], 2) + np.cumsum(steps, axis=0)
        width = max(1, round(float(rng.uniform(*WIDTH_MM)) / mm_per_pixel))
        fixed = np.round(points * 2**_SHIFT).astype(np.int32)
        shade = int(rng.uniform(60, 255))
        cv2.polylines(canvas, [fixed], False, shade, width, cv2.LINE_AA, _SHIFT)
    sigma = max(0.4, 0.05 / mm_per_pixel)
    return cv2.GaussianBlur(canvas.astype(np.float32) / np.float32(255.0), (0, 0), sigma)
