"""Square windows that candidates are chosen from: where they lie, sums and maxima of them.

Rules:

* Windows lie every ``stride`` pixels from the top left corner; where that leaves a rest, one more
  ends at the far edge. So every pixel is in a window, and no window reaches over the image.
* An image that is smaller than a window is first padded to its size, at the right and the bottom.
* Sums are of whole numbers: exact, in whatever order they are made. Both sums and maxima are made
  of what lies between the lines where windows begin or end, so each pixel is read once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
#: White of the grey levels that the rules look at.
WHITE = 255


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """All windows of one size: ``tops`` and ``lefts`` are the corners' rows and columns."""

    tops: Integers
    lefts: Integers
    size: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return len(self.tops), len(self.lefts)

    def corners(self, places: npt.NDArray[np.intp]) -> Integers:
        """Return (N, 2) top and left of the windows at these places, counted row by row."""
        down, across = np.divmod(places, len(self.lefts))
        return np.stack([self.tops[down], self.lefts[across]], axis=1).astype(np.int64)


def grid_of(shape: tuple[int, int], size: int, stride: int) -> WindowGrid:
    """Return the windows on an image of (rows, columns), neither of them below `size`."""
    tops, lefts = (_starts(length, size, stride) for length in shape)
    return WindowGrid(tops, lefts, size)


def _starts(length: int, size: int, stride: int) -> Integers:
    starts = list(range(0, length - size + 1, stride))
    rest = [length - size] if starts[-1] != length - size else []
    return np.array(starts + rest, dtype=np.int64)


def at_least(image: npt.NDArray[Any], size: int, value: float) -> npt.NDArray[Any]:
    """Pad the last two axes to `size`, at the right and the bottom, where they are below it."""
    wanting = [max(0, size - length) for length in image.shape[-2:]]
    if not any(wanting):
        return image
    widths = [(0, 0)] * (image.ndim - 2) + [(0, more) for more in wanting]
    return np.pad(image, widths, constant_values=value)


def grey_levels(channel: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> Bytes:
    """Return what the rules look at: 8 bits, black 0, the breast's maximum 255.

    Parameters
    ----------
    channel : (rows, columns) float32
        Of a model's input; what is 0 or less is black.
    mask : (rows, columns) bool
        The breast; outside it all is black.

    Returns
    -------
    (rows, columns) uint8
        ``255 * value / maximum``, rounded; all 0 where nothing in the breast is above 0.
    """
    inside = np.asarray(cv2.copyTo(channel, mask.view(np.uint8)))
    _, most, _, _ = cv2.minMaxLoc(inside)
    if most <= 0:
        return np.zeros(channel.shape, dtype=np.uint8)
    positive = cv2.threshold(inside, 0.0, 0.0, cv2.THRESH_TOZERO)[1]
    return np.asarray(cv2.convertScaleAbs(positive, alpha=WHITE / most))


def box_sums(image: Bytes, grid: WindowGrid, insets: tuple[int, ...] = (0,)) -> Integers:
    """Sum an image over every window, or over boxes nested in it.

    Parameters
    ----------
    image : (rows, columns) uint8
    grid : WindowGrid
        On that image.
    insets : ints
        How far each nested box lies within the window, pixels: 0 is the window itself. The sums
        over all boxes are added up.

    Returns
    -------
    (rows of windows, columns of windows) int64
    """
    rows, columns = (_lines(starts, grid.size, insets) for starts in (grid.tops, grid.lefts))
    integral = _integral(image, rows, columns)
    total = np.zeros(grid.shape, dtype=np.int64)
    for near in insets:
        far = grid.size - near
        top, bottom = (np.searchsorted(rows, grid.tops + edge) for edge in (near, far))
        left, right = (np.searchsorted(columns, grid.lefts + edge) for edge in (near, far))
        total += integral[np.ix_(bottom, right)] - integral[np.ix_(top, right)]
        total += integral[np.ix_(top, left)] - integral[np.ix_(bottom, left)]
    return total


def box_maxima(image: Bytes, grid: WindowGrid) -> Bytes:
    """Return the maximum in every window, (rows of windows, columns of windows) uint8.

    The maximum of each cell between the lines where windows begin or end is looked for once.
    """
    rows, columns = (_lines(starts, grid.size, (0,)) for starts in (grid.tops, grid.lefts))
    strips = np.array([image[top:bottom].max(axis=0) for top, bottom in pairwise(rows)])
    cells = np.maximum.reduceat(strips[:, : columns[-1]], columns[:-1], axis=1)
    ends = ((rows, grid.tops), (columns, grid.lefts))
    down, across = (
        zip(*(np.searchsorted(lines, starts + edge) for edge in (0, grid.size)), strict=True)
        for lines, starts in ends
    )
    tall = np.array([cells[first:last].max(axis=0) for first, last in down])
    return np.stack([tall[:, first:last].max(axis=1) for first, last in across], axis=1)


def _lines(starts: Integers, size: int, insets: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return where boxes begin or end, rising from 0."""
    edges = [edge for near in insets for edge in (near, size - near)]
    return np.unique([0, *(starts[:, None] + edges).ravel()])


def _integral(image: Bytes, rows: npt.NDArray[Any], columns: npt.NDArray[Any]) -> Integers:
    """Return the integral image on these lines only: entry (a, b) sums image[:a, :b].

    Boxes begin and end on few lines, so the strips between them are summed first.
    """
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for place, (top, bottom) in enumerate(pairwise(rows), start=1):
        # Below 2**31: 255 times the rows of any image.
        strip = cv2.reduce(image[top:bottom], 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
        table[place, 1:] = np.add.reduceat(strip[: columns[-1]], columns[:-1], dtype=np.int64)
    return np.asarray(table.cumsum(axis=0).cumsum(axis=1))
