"""Regions of a heatmap that are high enough to be findings: pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.measure import approximate_polygon, find_contours, label

from mammo_node.analyse.sliding_frame import Bools, Floats

#: Outlines keep within this of the pixels' edges, pixels of the map.
_OUTLINE_TOLERANCE = 1.0
_CORNERS = 3
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
    """Find the regions that reach a threshold, best first.

    Neighbours, diagonal ones included, at or above the threshold belong together. Of such a part,
    the region is what is connected with its peak and at or above ``share_of_peak`` of it: windows
    blur a lesion over their own width, and the foot of that hill is not lesion.

    Parameters
    ----------
    heat : (rows, columns) float32
    threshold : float
        The region's score must reach it, and so does every pixel of the region.
    share_of_peak : float
        0 takes all that reaches the threshold.
    min_area : float
        Pixels; smaller regions are left out.
    most : int
        Best regions that are kept.
    """
    parts = _parts(heat >= np.float32(max(threshold, _ANYTHING)))
    found = [_around_peak(heat, parts == i, share_of_peak) for i in range(1, parts.max() + 1)]
    large = [region for region in found if region.area >= min_area]
    return sorted(large, key=lambda region: (-region.score, region.box))[:most]


def _parts(shape: Bools) -> npt.NDArray[np.int64]:
    """Return the connected parts, numbered from 1; 0 is none."""
    return np.asarray(label(shape), dtype=np.int64)  # type: ignore[no-untyped-call]


def _around_peak(heat: Floats, part: Bools, share_of_peak: float) -> Region:
    inside = np.where(part, heat, np.float32(0))
    peak = inside.max()
    high = _parts(part & (inside >= np.float32(share_of_peak) * peak))
    # Of several equal peaks the first: argmax is the same on every machine.
    shape = high == high.ravel()[int(inside.argmax())]
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    x_min, y_min, x_max, y_max = (float(edge) for edge in box)
    score, area = float(peak), int(shape.sum())
    return Region((x_min, y_min, x_max, y_max), _outline(shape), score, area)


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
