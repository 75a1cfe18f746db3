"""Which windows of an image are worth a classifier's time: the two rules of quantusMM.

Both look at grey levels of 8 bits (`patch_windows.grey_levels`) and name windows by their top left
corners. What lies outside the breast is black: a window that is partly off the breast counts with
what it has of it, and one without anything bright is never a candidate.

The recipe fixes sizes, strides, the nine parts and the distance. How a window's brightness is
weighted to its centre is ours: nested boxes, so that integral images give the sum exactly.
"""

from __future__ import annotations

import numpy as np

from mammo_node.analyse.manifest import BrightPixel, CentreBrightness
from mammo_node.analyse.patch_windows import (
    Bytes,
    Integers,
    WindowGrid,
    box_maxima,
    box_sums,
    grid_of,
)


def candidates(grey: Bytes, rule: CentreBrightness | BrightPixel) -> Integers:
    """Choose windows.

    Parameters
    ----------
    grey : (rows, columns) uint8
        Neither side below the rule's window.
    rule : CentreBrightness or BrightPixel
        The manifest's [candidates] table.

    Returns
    -------
    (N, 2) int64
        Top and left of each chosen window, model pixels.
    """
    if isinstance(rule, CentreBrightness):
        return brightest(grey, rule)
    return with_bright_pixel(grey, rule)


def brightest(grey: Bytes, rule: CentreBrightness) -> Integers:
    r"""Choose the brightest windows of each part of the image, apart from each other.

    The brightness of the window whose top left corner is (y, x), of side s, is

    .. math:: B(y, x) = \sum_{i=0}^{s-1} \sum_{j=0}^{s-1} w(i, j)\, g(y + i, x + j)

    with the weight of L steps (``weight_steps``) that rises to the centre

    .. math:: w(i, j) = \#\{k \in 0..L-1 : t_k \le i, j < s - t_k\},\quad
              t_k = \lfloor k s / 2L \rfloor

    which is the number of L centred boxes, one in the other, that hold the pixel. The image is
    divided into ``parts`` x ``parts`` equal rectangles; a window belongs to the one that holds
    its centre (of two that meet there: the lower, the right one). Of each part the brightest
    window is taken, then the next brightest whose corner is at least ``distance_px`` away from
    those taken in that part, up to ``per_part``. Of equally bright windows the upper one comes
    first, then the left one. Windows of brightness 0 are not taken.

    Returns
    -------
    (N, 2) int64
        Part by part, row by row; within a part by falling brightness.
    """
    rows, columns = grey.shape
    grid = grid_of((rows, columns), rule.size_px, rule.stride_px)
    steps = rule.weight_steps
    insets = tuple(step * rule.size_px // (2 * steps) for step in range(steps))
    brightness = box_sums(grey, grid, insets).ravel()
    part = _parts(grid, (rows, columns), rule.parts).ravel()
    order = np.argsort(-brightness, kind="stable")
    order = order[brightness[order] > 0]
    corners = grid.corners(order)
    chosen = [
        _apart(corners[part[order] == one], rule.distance_px, rule.per_part)
        for one in range(rule.parts**2)
    ]
    return np.concatenate(chosen)


def _parts(grid: WindowGrid, shape: tuple[int, int], parts: int) -> Integers:
    """Return the number of each window's part, row by row: (rows, columns) of windows."""
    down, across = (
        (2 * starts + grid.size) * parts // (2 * length)
        for starts, length in zip((grid.tops, grid.lefts), shape, strict=True)
    )
    return np.asarray(down[:, None] * parts + across[None, :])


def _apart(corners: Integers, distance: float, most: int) -> Integers:
    """Take corners in order, leaving out those too near to one that was taken."""
    taken: list[Integers] = []
    while len(corners) and len(taken) < most:
        best = corners[0]
        taken.append(best)
        squared = ((corners[1:] - best) ** 2).sum(axis=1)
        corners = corners[1:][squared >= distance**2]
    return np.array(taken, dtype=np.int64).reshape(-1, 2)


def with_bright_pixel(grey: Bytes, rule: BrightPixel) -> Integers:
    r"""Choose every window that holds a pixel near the image's maximum.

    A window is taken if one of its pixels has :math:`g \ge level \cdot \max g`; with a maximum
    of 0 none is.

    Returns
    -------
    (N, 2) int64
        Row by row.
    """
    grid = grid_of((grey.shape[0], grey.shape[1]), rule.size_px, rule.stride_px)
    maxima = box_maxima(grey, grid).ravel()
    # Every pixel is in a window, so the largest of these is the image's.
    most = int(maxima.max())
    return grid.corners(np.flatnonzero((maxima > 0) & (maxima >= rule.level * most)))
