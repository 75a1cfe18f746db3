"""What a map of cells should answer on a crop, cell by cell: pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from training.shape import ENOUGH, Shape

#: Cells at a crop's border that are not asked, before and behind in both directions: they see much
#: of the zeros around it. As many in whole images see none.
UNASKED = (2, 1)
#: What a cell without a finding weighs, against one of a finding of one cell.
EMPTY_WEIGHT = 0.03
#: A cell belongs to the breast from this share on, and so do its eight neighbours.
_BREAST_SHARE = 0.02


def cell_targets(
    shapes: Sequence[tuple[Shape, int]],
    mask: np.ndarray,
    cell_px: int,
    labels: int,
    hidden: Sequence[bool] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Tell what each cell is asked, and what its answer weighs.

    Cell (i, j) is centred at pixel (i, j) times `cell_px`, as strided convolutions have it.

    Parameters
    ----------
    shapes
        Findings in pixels of the crop, and the label's index.
    mask
        The breast in the crop, (size, size) bool, a multiple of `cell_px`.
    cell_px
        Pixels of a cell.
    labels
        How many there are.
    hidden
        For each of the `shapes` whether it cannot be seen: cells that would show it are not asked.
        None is by default.

    Returns
    -------
    wanted, weight
        (labels, cells, cells) float32. A cell is asked for a finding when it shows at least half of
        what a cell can show of it at best, and so is the one that shows most of a finding that lies
        between cells. Other cells that show some of it weigh nothing for this label; nor do cells
        at the crop's border and away from the breast. A finding of n cells weighs as much as the
        root of n cells.
    """
    cells = mask.shape[0] // cell_px
    asked = _asked(mask, cell_px, cells)
    wanted = np.zeros((labels, cells, cells), dtype=np.float32)
    weight = np.broadcast_to(EMPTY_WEIGHT * asked, wanted.shape).astype(np.float32)
    at = np.indices((cells, cells), dtype=np.float32)[::-1].transpose(1, 2, 0) * cell_px
    shown = [(shape.shown(at - cell_px / 2, cell_px), label) for shape, label in shapes]
    for share, label in shown:
        weight[label][share > 0] = 0.0
    inner = _inner(cells)
    for (share, label), unseen in zip(shown, hidden or [False] * len(shown), strict=True):
        if unseen:
            continue
        # A quarter at least: of a finding beyond the crop nobody can tell from less.
        enough = min(ENOUGH, max(float(share.max()), ENOUGH / 2))
        cut = (share >= enough) & inner
        each = 1.0 / np.sqrt(max(int(cut.sum()), 1))
        weight[label][cut] = np.maximum(each, wanted[label] * weight[label])[cut]
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
