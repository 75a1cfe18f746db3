"""What a map of cells should answer on a crop, cell by cell: pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

#: Cells at a crop's border that are not asked, before and behind in both directions: they see much
#: of the zeros around it. As many in whole images see none.
UNASKED = (2, 1)
#: A finding is what |x|^3 + |y|^3 <= 1 leaves of its box: corners of boxes show none of it.
_ROUNDNESS = 3.0
#: What a cell without a finding weighs, against one of a finding of one cell.
EMPTY_WEIGHT = 0.03
#: A cell belongs to the breast from this share on, and so do its eight neighbours.
_BREAST_SHARE = 0.02

Box = tuple[float, float, float, float]


def cell_targets(
    boxes: Sequence[tuple[Box, int]], mask: np.ndarray, cell_px: int, labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tell what each cell is asked, and what its answer weighs.

    Cell (i, j) is centred at pixel (i, j) times `cell_px`, as strided convolutions have it.

    Parameters
    ----------
    boxes
        x_min, y_min, x_max, y_max in pixels of the crop, and the label's index.
    mask
        The breast in the crop, (size, size) bool, a multiple of `cell_px`.
    cell_px
        Pixels of a cell.
    labels
        How many there are.

    Returns
    -------
    wanted, weight
        (labels, cells, cells) float32. A cell is asked for a finding when its centre lies in it,
        and when none is nearer to the finding's middle, however small that is. Cells whose square
        touches the box otherwise weigh nothing for this label; nor do cells at the crop's border
        and away from the breast. A finding of n cells weighs as much as the root of n cells.
    """
    cells = mask.shape[0] // cell_px
    asked = _asked(mask, cell_px, cells)
    wanted = np.zeros((labels, cells, cells), dtype=np.float32)
    weight = np.broadcast_to(EMPTY_WEIGHT * asked, wanted.shape).astype(np.float32)
    at = np.arange(cells, dtype=np.float32) * cell_px
    for box, label in boxes:
        weight[label][_touched(box, at, cell_px)] = 0.0
    inner = _inner(cells)
    for box, label in boxes:
        cut = _inside(box, at, cell_px) & inner
        share = 1.0 / np.sqrt(max(int(cut.sum()), 1))
        weight[label][cut] = np.maximum(share, wanted[label] * weight[label])[cut]
        wanted[label][cut] = 1.0
    return wanted, weight


def _asked(mask: np.ndarray, cell_px: int, cells: int) -> np.ndarray:
    half = cell_px // 2
    moved = np.pad(mask, ((half, 0), (half, 0)))[: mask.shape[0], : mask.shape[1]]
    share = cv2.resize(moved.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    breast = cv2.dilate((share >= _BREAST_SHARE).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray((breast > 0) & _inner(cells))


def _inner(cells: int) -> np.ndarray:
    before, behind = UNASKED
    inner = np.zeros((cells, cells), dtype=bool)
    inner[before : cells - behind, before : cells - behind] = True
    return inner


def _touched(box: Box, at: np.ndarray, cell_px: int) -> np.ndarray:
    x0, y0, x1, y1 = box
    half = cell_px / 2
    across, down = (at > x0 - half) & (at < x1 + half), (at > y0 - half) & (at < y1 + half)
    return np.asarray(down[:, None] & across[None])


def _inside(box: Box, at: np.ndarray, cell_px: int) -> np.ndarray:
    x0, y0, x1, y1 = box
    across = np.abs(2 * at - x0 - x1) / max(x1 - x0, 1e-6)
    down = np.abs(2 * at - y0 - y1) / max(y1 - y0, 1e-6)
    inside = across[None] ** _ROUNDNESS + down[:, None] ** _ROUNDNESS <= 1.0
    row, column = (round((low + high) / 2 / cell_px) for low, high in ((y0, y1), (x0, x1)))
    if 0 <= row < len(at) and 0 <= column < len(at):
        inside[row, column] = True
    return np.asarray(inside)
