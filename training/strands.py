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
#: Kinds of strands in a sheet, each of one direction, width and brightness.
_KINDS = 4
#: Deviation of the thickness along a strand, as a share, and its scale, sigma in mm.
_BEADS, _BEAD_MM = 0.6, 0.35
#: Straight pieces of a strand, and how much each turns against the one before, in radians.
_PIECES, _BEND = 6, 0.12
#: Binary places of a drawn point.
_SHIFT = 4


def lay_strands(rng: np.random.Generator, window: Window, strength: float) -> Window:
    """Lay strands over the breast in some windows; `window` stays as it was."""
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
    """Strands of some kinds, (rows, columns) float32 from 0 to 1."""
    canvas = np.zeros(shape, dtype=np.uint8)
    for _ in range(_KINDS):
        fixed = np.round(_threads(rng, shape, mm_per_pixel, count // _KINDS + 1) * 2**_SHIFT)
        width = max(1, round(float(rng.uniform(*WIDTH_MM)) / mm_per_pixel))
        shade = int(rng.uniform(60, 255))
        cv2.polylines(
            canvas, list(fixed.astype(np.int32)), False, shade, width, cv2.LINE_AA, _SHIFT
        )
    sigma = max(0.4, 0.05 / mm_per_pixel)
    return cv2.GaussianBlur(canvas.astype(np.float32) / np.float32(255.0), (0, 0), sigma)


def _threads(
    rng: np.random.Generator, shape: tuple[int, ...], mm_per_pixel: float, count: int
) -> np.ndarray:
    """Points of slightly bent threads mostly along one direction, (count, points, 2) pixels."""
    length = np.exp(rng.uniform(*np.log(LENGTH_MM), (count, 1))) / mm_per_pixel
    heading = rng.uniform(0.0, np.pi) + 0.5 * rng.standard_normal((count, 1))
    heading = heading + np.cumsum(_BEND * rng.standard_normal((count, _PIECES)), axis=1)
    steps = (length / _PIECES)[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=2)
    start = rng.uniform(0.0, shape[0], (count, 1, 2))
    return np.asarray(np.cumsum(np.concatenate([start, steps], axis=1), axis=1))
