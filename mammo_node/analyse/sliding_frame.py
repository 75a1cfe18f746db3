"""Windows that slide over a tensor: where they lie, and the heatmap that they make together.

Rules:

* Window (i, j) has its top-left pixel at (i * stride, j * stride) of the frame.
* The frame is the tensor, grown by a margin at all sides, and at the right and the bottom until
  windows cover all of that. Without a margin, the mean at the image's edge would be that of the few
  windows there, and a lesion near the chest wall would be drawn at the wall.
* All functions are pure; how windows are scored is none of their business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Frame:
    """A grid of ``grid`` = (rows, columns) windows of `size` pixels, `stride` pixels apart.

    The image's top-left corner lies at (margin, margin). A window's score speaks of a square of
    `core` pixels in its middle; with 0 of the whole window.
    """

    grid: tuple[int, int]
    size: int
    stride: int
    margin: int = 0
    core: int = 0

    @classmethod
    def over(
        cls, shape: tuple[int, int], size: int, stride: int, margin: int = 0, core: int = 0
    ) -> Self:
        """Return the smallest frame that covers (rows, columns) pixels and the margin."""
        spans = (side + 2 * margin - size for side in shape)
        rows, columns = (1 + max(0, math.ceil(span / stride)) for span in spans)
        return cls((rows, columns), size, stride, margin, core)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, pixels."""
        rows, columns = self.grid
        return (rows - 1) * self.stride + self.size, (columns - 1) * self.stride + self.size

    @property
    def cell(self) -> int:
        """Side of a cell of the heatmap, pixels: windows are made of whole cells."""
        return math.gcd(self.size, self.stride)

    @property
    def reach(self) -> int:
        """Side of what a window's score speaks of, pixels."""
        return self.core or self.size

    def windows_of(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return all windows of (..., rows, columns) as a view (grid rows, grid columns, ...)."""
        sides = (self.size, self.size)
        views = np.lib.stride_tricks.sliding_window_view(array, sides, axis=(-2, -1))
        stepped = views[..., :: self.stride, :: self.stride, :, :]
        return np.moveaxis(stepped, (-4, -3), (0, 1))

    def filled(self, array: Floats, value: float) -> Floats:
        """Grow the image's (..., rows, columns) to the frame with one value around it."""
        grown = np.full((*array.shape[:-2], *self.shape), value, dtype=array.dtype)
        rows, columns = array.shape[-2:]
        inner = slice(self.margin, self.margin + rows), slice(self.margin, self.margin + columns)
        grown[(..., *inner)] = array
        return grown

    def around(self, looked_at: Bools) -> tuple[Self, tuple[int, int]]:
        """Return the least frame of the windows looked at, and which window is its first."""
        rows, columns = (np.flatnonzero(looked_at.any(axis=axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        grid = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
        return replace(self, grid=grid, margin=0), (top, left)

    def pixels(self, first: tuple[int, int]) -> tuple[slice, slice]:
        """Return rows and columns of this frame in one of which its first window is `first`."""
        top, left = (place * self.stride for place in first)
        rows, columns = self.shape
        return slice(top, top + rows), slice(left, left + columns)

    def looked_at(self, mask: Bools, share: float) -> Bools:
        """Return which windows' cores, (grid rows, grid columns), hold their share of the breast.

        Parameters
        ----------
        mask : (rows, columns) bool
            The breast in the image.
        share : float
            Of a core's area. When no core has as much, the window whose has most is looked at.
        """
        rows, columns = self.grid
        sums = np.zeros((self.shape[0] + 1, self.shape[1] + 1), dtype=np.int64)
        sums[1:, 1:] = self.filled(mask.astype(np.float32), 0.0).cumsum(0).cumsum(1)
        inset = (self.size - self.reach) // 2
        top = np.arange(rows)[:, None] * self.stride + inset
        left = np.arange(columns) * self.stride + inset
        bottom, right = top + self.reach, left + self.reach
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return np.asarray(inside >= min(share * self.reach**2, max(1, inside.max())))

    def heatmaps(self, scores: Floats, looked_at: Bools) -> Floats:
        """Rebuild one map per label from overlapping windows.

        A cell holds the weighted mean of the scores of all windows looked at whose cores cover it.
        A window's weight falls off as a tent from its centre, in rows times in columns: at a
        distance of (u, v) pixels between the cell's centre and the window's,
        (1 - 2 |u| / core) (1 - 2 |v| / core). Cells that no such core covers hold 0.

        Parameters
        ----------
        scores : (grid rows, grid columns, labels) float32
        looked_at : (grid rows, grid columns) bool

        Returns
        -------
        (labels, rows / cell, columns / cell) float32
        """
        down, across = (self._weights(count) for count in self.grid)
        cover = down @ looked_at.astype(np.float64) @ across.T
        counted = np.moveaxis(scores * looked_at[..., None], -1, 0).astype(np.float64)
        heat = down @ counted @ across.T / np.where(cover > 0, cover, 1.0)
        return np.asarray(heat, dtype=np.float32)

    def _weights(self, windows: int) -> npt.NDArray[np.float64]:
        """Weights of windows (columns) in cells (rows), along one direction."""
        width, step = self.size // self.cell, self.stride // self.cell
        beside = np.abs((np.arange(width) + 0.5) * self.cell - self.size / 2)
        tent = np.clip(1.0 - 2.0 * beside / self.reach, 0.0, None)
        weights = np.zeros(((windows - 1) * step + width, windows))
        for window in range(windows):
            weights[window * step : window * step + width, window] = tent
        return weights
