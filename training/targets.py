"""What the detector should answer on a crop: a bump per lesion, and box edges in its middle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Pixels per cell of the detector's output grid.
STRIDE = 8


@dataclass(frozen=True, slots=True)
class Targets:
    """Arrays on the stride-8 grid of one crop.

    `heat` (labels, rows, columns) float32 0..1, 1 at a lesion's centre cell; `edges` (4, rows,
    columns) float32 pixels; `weight` (rows, columns) float32, where edges count; `care` (labels,
    rows, columns) float32, 0 where a lesion is too faint or too much cut off to be asked for.
    """

    heat: np.ndarray
    edges: np.ndarray
    weight: np.ndarray
    care: np.ndarray


def make_targets(
    boxes: np.ndarray, labels: np.ndarray, asked: np.ndarray, size_px: int, label_count: int
) -> Targets:
    """Targets of a square crop of `size_px` pixels.

    Parameters
    ----------
    boxes, labels
        (N, 4) pixels in the crop, (N,) indices.
    asked
        (N,) bool; a lesion that is not asked for is neither right nor wrong.
    size_px
        Side of the crop, a multiple of 32.
    label_count
        Number of labels.
    """
    cells = size_px // STRIDE
    heat = np.zeros((label_count, cells, cells), dtype=np.float32)
    care = np.ones_like(heat)
    edges = np.zeros((4, cells, cells), dtype=np.float32)
    weight = np.zeros((cells, cells), dtype=np.float32)
    centre = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE
    gx, gy = np.meshgrid(centre, centre)
    for (x0, y0, x1, y1), label, wanted in zip(boxes, labels, asked, strict=True):
        if not wanted:
            inside = (gx > x0) & (gx < x1) & (gy > y0) & (gy < y1)
            care[label][inside] = 0.0
            continue
        cx, cy, width, height = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        sx, sy = max(width / 6.5, 0.6 * STRIDE), max(height / 6.5, 0.6 * STRIDE)
        # Shift the bump to its nearest cell, so that every lesion has a cell with exactly 1.
        px = np.clip(np.floor(cx / STRIDE), 0, cells - 1) * STRIDE + STRIDE / 2
        py = np.clip(np.floor(cy / STRIDE), 0, cells - 1) * STRIDE + STRIDE / 2
        bump = np.exp(-0.5 * (((gx - px) / sx) ** 2 + ((gy - py) / sy) ** 2)).astype(np.float32)
        heat[label] = np.maximum(heat[label], bump)
        core = bump > np.maximum(weight, 0.5)
        edges[:, core] = np.stack([gx - x0, gy - y0, x1 - gx, y1 - gy])[:, core]
        weight[core] = bump[core]
    return Targets(heat, np.maximum(edges, 1.0), weight, care)
