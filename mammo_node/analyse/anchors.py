"""RetinaNet's candidates: anchors, box coder and the best of each level, as torchvision has them.

Lin et al., Focal Loss for Dense Object Detection (2017); names and rounding follow torchvision's
``AnchorGenerator`` and ``BoxCoder``, because weights trained with them depend on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float32]

#: Pixels of the input under one cell of the first level, and levels after it halve the grid.
_FIRST_STRIDE = 8
#: Upper bound of a predicted logarithm of size, so that exp stays finite.
_LOG_SIZE_LIMIT = math.log(1000.0 / 16.0)


@dataclass(frozen=True, slots=True)
class Anchors:
    """The shapes of the anchors: ``sizes`` one per level, times ``scales``, at ``ratios``."""

    sizes: tuple[float, ...]
    scales: tuple[float, ...]
    ratios: tuple[float, ...]

    @property
    def per_cell(self) -> int:
        """Anchors at each place of a level."""
        return len(self.scales) * len(self.ratios)

    def levels(self, rows: int, columns: int) -> Iterator[tuple[int, int, _Floats]]:
        """Yield grid rows, grid columns and the cell's anchors (A, 4) of each level.

        Parameters
        ----------
        rows, columns : int
            Size of the input tensor.
        """
        grid = (math.ceil(rows / _FIRST_STRIDE), math.ceil(columns / _FIRST_STRIDE))
        for size in self.sizes:
            yield *grid, self._cell(size)
            grid = (math.ceil(grid[0] / 2), math.ceil(grid[1] / 2))

    def count(self, rows: int, columns: int) -> int:
        """Return how many anchors an input of this size has."""
        return sum(r * c for r, c, _ in self.levels(rows, columns)) * self.per_cell

    def _cell(self, size: float) -> _Floats:
        heights = np.sqrt(np.array(self.ratios, dtype=np.float32))
        # torchvision's scales are whole pixels: int(32 * 2 ** (1 / 3)).
        scales = np.array([int(size * scale) for scale in self.scales], dtype=np.float32)
        half_h = (heights[:, None] * scales[None, :]).ravel() / 2
        half_w = ((1 / heights)[:, None] * scales[None, :]).ravel() / 2
        return np.round(np.stack([-half_w, -half_h, half_w, half_h], axis=1)).astype(np.float32)


def best_boxes(
    anchors: Anchors, logits: Array, deltas: Array, shape: tuple[int, int], top: int
) -> tuple[_Floats, _Floats, npt.NDArray[np.int64]]:
    """Return boxes (N, 4), scores (N,) and classes (N,): the best ``top`` of each level.

    Parameters
    ----------
    anchors : Anchors
        Their shapes.
    logits : (anchors, classes) float32
        Before the sigmoid; levels one after the other, rows, columns, anchors of a cell.
    deltas : (anchors, 4) float32
        dx, dy, dw, dh of the box coder with weights of one.
    shape : (int, int)
        Rows and columns of the input tensor.
    top : int
        Candidates kept of each level.
    """
    classes = logits.shape[1]
    parts: list[tuple[_Floats, _Floats, npt.NDArray[np.int64]]] = []
    start = 0
    for rows, columns, cell in anchors.levels(*shape):
        end = start + rows * columns * len(cell)
        flat = logits[start:end].ravel()
        best = _best(flat, top)
        place = best // classes
        boxes = _decoded(_placed(cell, (rows, columns), shape, place), deltas[start:end][place])
        scores = (1.0 / (1.0 + np.exp(-flat[best].astype(np.float64)))).astype(np.float32)
        parts.append((boxes, scores, (best % classes).astype(np.int64)))
        start = end
    boxes, scores, labels = (np.concatenate(list(column)) for column in zip(*parts, strict=True))
    return boxes, scores, labels


def _best(values: Array, top: int) -> npt.NDArray[np.intp]:
    if values.size <= top:
        return np.argsort(-values, kind="stable")
    best = np.argpartition(-values, top)[:top]
    return best[np.argsort(-values[best], kind="stable")]


def _placed(
    cell: _Floats, grid: Sequence[int], shape: tuple[int, int], place: npt.NDArray[np.intp]
) -> _Floats:
    """Return the anchors with these numbers, in model pixels."""
    # torchvision's stride is a whole number, also where the grid was rounded up.
    stride_y, stride_x = shape[0] // grid[0], shape[1] // grid[1]
    column = (place // len(cell)) % grid[1]
    row = place // (len(cell) * grid[1])
    shift = np.stack([column * stride_x, row * stride_y] * 2, axis=1).astype(np.float32)
    return np.asarray(cell[place % len(cell)] + shift, dtype=np.float32)


def _decoded(anchors: _Floats, deltas: Array) -> _Floats:
    size = anchors[:, 2:] - anchors[:, :2]
    centre = anchors[:, :2] + size / 2 + deltas[:, :2] * size
    half = np.exp(np.minimum(deltas[:, 2:], _LOG_SIZE_LIMIT)) * size / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
