"""What the map of a window marks: the cells around its peak, and when two windows mark one place.

The same place may lie in several windows, which see more or less of what is around it; a lesion on
the border of two is seen in parts. So regions whose cells touch are taken for one, as cells that
touch are within a window.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.analyse.patch_windows import Integers
from mammo_node.analyse.suppression import Boxes

#: Of a window's map: what is this much of its peak, and connected to it, is the region.
_OF_PEAK = 0.5


def regions_of(corners: Integers, size: int, maps: npt.NDArray[np.float32]) -> list[Boxes]:
    """Return the region of each window.

    Parameters
    ----------
    corners : (N, 2) int64
        Top and left of the windows, model pixels.
    size : int
        Their side.
    maps : (N, rows, columns) float32
        How much each place of the window scores.

    Returns
    -------
    list of (cells, 4) float32
        The cells of the image that are connected to the map's peak at half of it or more: x_min,
        y_min, x_max, y_max in model pixels. A map of nothing gives all of the window.
    """
    places = np.tile(corners[:, ::-1], 2)
    pairs = zip(maps, places, strict=True)
    return [(_around_peak(cells) * size + place).astype(np.float32) for cells, place in pairs]


def bounds(regions: Sequence[Boxes]) -> Boxes:
    """Return the box around each region, (N, 4) float32."""
    boxes = [np.concatenate([r[:, :2].min(axis=0), r[:, 2:].max(axis=0)]) for r in regions]
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)


def touching(region: Boxes, others: Sequence[Boxes], cell: float) -> npt.NDArray[np.bool_]:
    """Return which of the others come nearer to a region than one cell, (N,) bool."""
    return np.array([_gap_below(region, other, cell) for other in others], dtype=bool)


def _gap_below(one: Boxes, other: Boxes, distance: float) -> bool:
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    return bool((low - high < distance).all(axis=2).any())


def _around_peak(cells: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the cells of the peak's region as parts of the window."""
    rows, columns = cells.shape
    high = (cells >= _OF_PEAK * cells.max()).astype(np.uint8)
    _, parts = cv2.connectedComponents(high, connectivity=8)
    y, x = np.nonzero(parts == parts.ravel()[cells.argmax()])
    return np.stack([x / columns, y / rows, (x + 1) / columns, (y + 1) / rows], axis=1)
