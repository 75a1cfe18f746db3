"""What a detector should answer on a crop: a bump per lesion, and box edges in its middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Pixels per cell of the detector's output grid, and of its grid of single specks.
STRIDE = 8
SPECK_STRIDE = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """One lesion of a crop: box in pixels, label's index, whether it is asked for, and malignancy.

    A lesion that is not asked for is neither right nor wrong, for its label (None: for every one).
    """

    box: tuple[float, float, float, float]
    label: int | None
    asked: bool
    malignant: bool


@dataclass(frozen=True, slots=True)
class Targets:
    """Arrays on the stride-8 grid of one crop, float32.

    `heat` (labels, rows, columns) 0..1, 1 at a lesion's centre cell; `care` like it, 0 where a
    lesion is too faint or too much cut off to be asked for; `edges` (4, rows, columns) pixels;
    `weight` (rows, columns), where edges and suspicion count; `suspicion` (rows, columns), 1 for
    malignant-looking; `extent` (labels, rows, columns), 1 in the ellipses that fill the boxes.
    """

    heat: np.ndarray
    care: np.ndarray
    edges: np.ndarray
    weight: np.ndarray
    suspicion: np.ndarray
    extent: np.ndarray


def make_targets(lesions: Sequence[Wanted], size_px: int, label_count: int) -> Targets:
    """Targets of a square crop of `size_px` pixels, a multiple of 32."""
    cells = size_px // STRIDE
    heat = np.zeros((label_count, cells, cells), dtype=np.float32)
    care = np.ones_like(heat)
    edges = np.zeros((4, cells, cells), dtype=np.float32)
    weight = np.zeros((cells, cells), dtype=np.float32)
    suspicion = np.zeros_like(weight)
    extent = np.zeros_like(heat)
    centre = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    gx, gy = np.meshgrid(centre, centre)
    # What is not asked for comes first: a lesion in the middle of it is asked for all the same.
    for lesion in sorted(lesions, key=lambda lesion: lesion.asked and lesion.label is not None):
        x0, y0, x1, y1 = lesion.box
        if not lesion.asked or lesion.label is None:
            inside = (gx > x0) & (gx < x1) & (gy > y0) & (gy < y1)
            care[slice(None) if lesion.label is None else lesion.label, inside] = 0.0
            continue
        bump = _bump(gx, gy, lesion.box, cells)
        heat[lesion.label] = np.maximum(heat[lesion.label], bump)
        care[lesion.label, bump > 0.3] = 1.0
        core = bump > np.maximum(weight, 0.5)
        edges[:, core] = np.stack([gx - x0, gy - y0, x1 - gx, y1 - gy])[:, core]
        weight[core] = bump[core]
        suspicion[core] = float(lesion.malignant)
        x, y = (2.0 * gx - x0 - x1) / (x1 - x0), (2.0 * gy - y0 - y1) / (y1 - y0)
        extent[lesion.label, x * x + y * y < 1.0] = 1.0
    return Targets(heat, care, np.maximum(edges, 1.0), weight, suspicion, extent)


def _bump(
    gx: np.ndarray, gy: np.ndarray, box: tuple[float, float, float, float], cells: int
) -> np.ndarray:
    x0, y0, x1, y1 = box
    sx, sy = max((x1 - x0) / 6.5, 0.6 * STRIDE), max((y1 - y0) / 6.5, 0.6 * STRIDE)
    # Shift the bump to its nearest cell, so that every lesion has a cell with exactly 1.
    px, py = (
        np.clip(np.floor(c / STRIDE), 0, cells - 1) * STRIDE + STRIDE / 2
        for c in ((x0 + x1) / 2, (y0 + y1) / 2)
    )
    return np.exp(-0.5 * (((gx - px) / sx) ** 2 + ((gy - py) / sy) ** 2)).astype(np.float32)


def speck_heat(places_px: np.ndarray, size_px: int) -> np.ndarray:
    """Bumps of one cell at every speck, (1, rows, columns) float32 on the stride-4 grid."""
    cells = size_px // SPECK_STRIDE
    heat = np.zeros((1, cells, cells), dtype=np.float32)
    for x, y in np.floor(places_px / SPECK_STRIDE).astype(int):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if 0 <= y + dy < cells and 0 <= x + dx < cells:
                    value = 1.0 if dx == dy == 0 else 0.6 ** (dx * dx + dy * dy)
                    heat[0, y + dy, x + dx] = max(heat[0, y + dy, x + dx], value)
    return heat
