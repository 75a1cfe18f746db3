"""Regions of a heatmap that are high enough to be findings: pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.measure import approximate_polygon, find_contours, label
from skimage.morphology import local_maxima

from mammo_node.analyse.sliding_frame import Bools, Floats

#: Outlines keep within this of the pixels' edges, pixels of the map.
_OUTLINE_TOLERANCE = 1.0
_CORNERS = 3
#: Share of a peak's height over the plain, below which the map must fall before a higher one.
_APART = 0.7
#: A place that scores nothing belongs to no region, whatever the threshold.
_ANYTHING = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Region:
    """A connected part of a heatmap, in pixels of the map, (0, 0) being its top-left corner.

    ``box`` is x_min, y_min, x_max, y_max; ``outline`` (N, 2) float64 as (column, row), closed
    without the repeated last point; ``score`` the map's highest value in it.
    """

    box: tuple[float, float, float, float]
    outline: npt.NDArray[np.float64]
    score: float
    area: int


def regions_of(
    heat: Floats, threshold: float, *, share_of_peak: float, min_area: float, most: int
) -> list[Region]:
    """Find the hills that reach a threshold, best first.

    A region is what is connected with a peak (diagonally, too) and at or above both the threshold
    and `share_of_peak` of the way up from the plain to the peak: windows blur a lesion over their
    own width, and the foot of that hill is not lesion. The plain is the median of all that is above
    0, since scores of classifiers seldom reach down to 0. A lower peak has a region of its own if
    the map falls below 0.7 of its way up (or `share_of_peak`, if that is less) on the way to every
    higher peak. So regions do not merge when the threshold is lowered.

    Parameters
    ----------
    heat : (rows, columns) float32
    threshold : float
        The region's score must reach it, and so does every pixel of the region.
    share_of_peak : float
        0 reaches down to the plain, where the threshold lets it.
    min_area : float
        Pixels; smaller regions are left out.
    most : int
        Best regions that are kept.
    """
    floor = np.float32(max(threshold, _ANYTHING))
    plain = np.float32(np.median(heat[heat > 0])) if (heat > 0).any() else np.float32(0)
    shares = np.float32(share_of_peak), np.float32(min(share_of_peak, _APART))
    claimed, found = np.zeros(heat.shape, dtype=bool), list[Region]()
    for row, column in _peaks(heat, floor):
        if claimed[row, column] or len(found) == most:
            continue
        peak = heat[row, column]
        foot = min(plain, peak)
        levels = (max(floor, foot + share * (peak - foot)) for share in shares)
        shape, hill = (_around(heat >= level, row, column) for level in levels)
        # The flank of a higher hill, and so is every lower peak within it.
        flank = bool((claimed & hill).any())
        claimed |= hill
        if not flank and shape.sum() >= min_area:
            found.append(_region(shape, float(peak)))
    return found


def _peaks(heat: Floats, floor: np.float32) -> npt.NDArray[np.intp]:
    """Return (row, column) of the local maxima from `floor` on, highest first."""
    # An even map is a peak, too: around it lies less than nothing.
    around = np.pad(heat, 1, constant_values=-1.0)
    highest = local_maxima(around)[1:-1, 1:-1]  # type: ignore[no-untyped-call]
    maxima = np.argwhere(highest & (heat >= floor))
    falling = np.argsort(-heat[tuple(maxima.T)], kind="stable")
    return np.asarray(maxima[falling], dtype=np.intp)


def _around(shape: Bools, row: int, column: int) -> Bools:
    """Return the connected part that a pixel belongs to."""
    parts = np.asarray(label(shape), dtype=np.int64)  # type: ignore[no-untyped-call]
    return np.asarray(parts == parts[row, column])


def _region(shape: Bools, score: float) -> Region:
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    x_min, y_min, x_max, y_max = (float(edge) for edge in box)
    return Region((x_min, y_min, x_max, y_max), _outline(shape), score, int(shape.sum()))


def _outline(shape: Bools) -> npt.NDArray[np.float64]:
    """Outer outline as (column, row); lies on the edges of the pixels."""
    padded = np.pad(shape, 1).astype(np.float64)
    contours = find_contours(padded, 0.5, fully_connected="high")  # type: ignore[no-untyped-call]
    outer = max(contours, key=len)
    points = approximate_polygon(outer, _OUTLINE_TOLERANCE)  # type: ignore[no-untyped-call]
    if len(points) <= _CORNERS:
        points = outer
    # The pixel of padding off, from pixel centres to corners half a pixel on, no repeated point.
    outline = points[:-1, ::-1] - 0.5
    return np.asarray(np.clip(outline, 0.0, shape.shape[::-1]), dtype=np.float64)
