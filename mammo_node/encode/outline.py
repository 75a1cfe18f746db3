"""The outline of a finding as polygons that results and pictures draw.

Coordinates are DICOM's (PS3.3 C.18.6.1.1, C.10.5.1.2): (column, row), (0.0, 0.0) is the
top-left corner of the top-left pixel, (columns, rows) the far corner of the last one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import Finding, ViewResult

_FEWEST_POINTS = 3
#: More are thinned out evenly: Graphic Data is of VR FL, whose length field ends at 64 KiB
#: (8191 points), and viewers draw no finer than this.
_MOST_POINTS = 1000


def polygon(finding: Finding, view: ViewResult) -> npt.NDArray[np.float64]:
    """Return the outline, or the box where there is none, within the image.

    Returns
    -------
    ndarray
        (N, 2) float64 points (column, row), not closed, N >= 3.
    """
    points = finding.outline_px
    if points is None or len(points) < _FEWEST_POINTS:
        box = finding.box_px
        points = (
            (box.x_min, box.y_min),
            (box.x_max, box.y_min),
            (box.x_max, box.y_max),
            (box.x_min, box.y_max),
        )
    return inside(_thinned(np.asarray(points, dtype=np.float64)), view)


def _thinned(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if len(points) <= _MOST_POINTS:
        return points
    kept = np.linspace(0, len(points), _MOST_POINTS, endpoint=False).astype(np.intp)
    return np.asarray(points[kept])


def inside(points: npt.NDArray[np.float64], view: ViewResult) -> npt.NDArray[np.float64]:
    """Return the points moved into the image: viewers refuse regions that leave it."""
    if not view.rows or not view.columns:
        return np.maximum(points, 0.0)
    return np.clip(points, (0.0, 0.0), (float(view.columns), float(view.rows)))


def closed(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the polygon with its first point repeated at the end (PS3.3 C.18.6.1.2)."""
    return np.vstack([points, points[:1]])
