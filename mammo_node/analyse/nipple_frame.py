"""A view's anatomy in millimetres, with the nipple as origin: pure.

Points are (back, up): ``back`` grows from the nipple towards the chest wall, across the image,
``up`` towards the head in a mediolateral view and towards the lateral side in a craniocaudal
one. How the stored image is turned is taken out here, so what follows knows no left and right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import Landmarks, Orientation, View, ViewResult

Points = npt.NDArray[np.float64]

#: Views (CID 4014) whose vertical is from medial to lateral, and from foot to head.
CRANIOCAUDAL = frozenset({View.CC, View.XCCL, View.XCCM})
MEDIOLATERAL = frozenset({View.MLO, View.LMO, View.ML, View.LM})
#: An outline this near to the image's edge, or to the rearmost point of the breast, is where the
#: image ends and no skin; the chest wall may be a little askew.
BORDER_MM, CHEST_WALL_MM = 3.0, 6.0
#: The muscle's front edge leans forward at the top, by up to this slope; what is found beyond is
#: an outline gone wrong.
_STEEPEST = 0.7
#: Levels at which the muscle's front edge is looked for.
_LEVELS = 48


@dataclass(frozen=True, slots=True)
class NippleFrame:
    """One view of a breast whose nipple is known.

    ``axis`` is the posterior nipple line as a unit vector (back, up): perpendicular to the
    pectoral muscle's front edge where the view shows it, else to the chest wall. ``reach_mm`` is
    the way along it from the nipple to the muscle or, without one, to the end of the breast;
    ``extent_mm`` always the latter. ``skin`` are the outline's stretches that are skin, (n, 2, 2).
    """

    view: View
    axis: tuple[float, float]
    reach_mm: float
    extent_mm: float
    skin: Points
    _to_mm: tuple[float, float]
    _nipple_px: tuple[float, float]

    def place(self, point_px: tuple[float, float]) -> tuple[float, float]:
        """Return a point of the stored image, (column, row), as (back, up) in mm."""
        across, down = self._to_mm
        column, row = self._nipple_px
        return (point_px[0] - column) * across, (point_px[1] - row) * down

    def along_mm(self, place: tuple[float, float]) -> float:
        """Return how far behind the nipple a place is, along the posterior nipple line."""
        return place[0] * self.axis[0] + place[1] * self.axis[1]

    def skin_mm(self, place: tuple[float, float]) -> float | None:
        """Return the distance to the nearest skin, None where no skin is in the image."""
        if not len(self.skin):
            return None
        start, end = self.skin[:, 0], self.skin[:, 1]
        way = end - start
        length = np.maximum((way**2).sum(axis=1), 1e-12)
        share = np.clip(((place - start) * way).sum(axis=1) / length, 0.0, 1.0)
        nearest = start + share[:, None] * way
        return float(np.hypot(*(nearest - place).T).min())


def frame_of(view: ViewResult) -> NippleFrame | None:
    """Return a view's frame; None where nipple, spacing or kind of view are not known."""
    marks = view.landmarks
    if marks is None or marks.nipple_px is None or marks.orientation is None:
        return None
    if view.spacing is None or view.view is None or view.view not in CRANIOCAUDAL | MEDIOLATERAL:
        return None
    to_mm = _to_mm(marks.orientation, view.spacing.column_mm, view.spacing.row_mm)
    breast = _placed(marks.breast_px, marks.nipple_px, to_mm)
    edges = _placed(((0.0, 0.0), (view.columns, view.rows)), marks.nipple_px, to_mm)
    end_mm = float(breast[:, 0].max()) if len(breast) else float(edges[:, 0].max())
    line = _muscle_line(marks, to_mm) if view.view in MEDIOLATERAL else None
    level, slope = line if line is not None else (end_mm, 0.0)
    norm = float(np.hypot(1.0, slope))
    axis = (1.0 / norm, -slope / norm)
    extent_mm = end_mm / axis[0]
    return NippleFrame(
        view=view.view,
        axis=axis,
        reach_mm=min(max(level / norm, 0.0), extent_mm),
        extent_mm=extent_mm,
        skin=_skin(breast, edges),
        _to_mm=to_mm,
        _nipple_px=marks.nipple_px,
    )


def _to_mm(orientation: Orientation, column_mm: float, row_mm: float) -> tuple[float, float]:
    return (
        column_mm if orientation.chest_wall_right else -column_mm,
        row_mm if orientation.head_down else -row_mm,
    )


def _placed(
    points_px: tuple[tuple[float, float], ...],
    nipple_px: tuple[float, float],
    to_mm: tuple[float, float],
) -> Points:
    points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
    return np.asarray((points - nipple_px) * to_mm, dtype=np.float64)


def _muscle_line(marks: Landmarks, to_mm: tuple[float, float]) -> tuple[float, float] | None:
    """Fit the muscle's front edge: (back at the nipple's level, change of back per mm up)."""
    if marks.nipple_px is None or len(marks.pectoral_px) < 3:
        return None
    muscle = _placed(marks.pectoral_px, marks.nipple_px, to_mm)
    low, high = muscle[:, 1].min(), muscle[:, 1].max()
    # Both ends are rounded off, by the image's edge and by smoothing.
    levels = np.linspace(low + 0.1 * (high - low), high - 0.1 * (high - low), _LEVELS)
    front = _front(muscle, levels)
    if not np.isfinite(front).all() or high - low < BORDER_MM:
        return None
    slope, level = np.polyfit(levels, front, 1)
    if not -_STEEPEST <= slope <= 0:
        slope = min(max(float(slope), -_STEEPEST), 0.0)
        level = float(np.mean(front - slope * levels))
    return float(level), float(slope)


def _front(polygon: Points, levels: Points) -> Points:
    """Return the least ``back`` of a polygon at each level."""
    start, end = polygon, np.roll(polygon, -1, axis=0)
    rise = end[:, 1] - start[:, 1]
    share = (levels[:, None] - start[:, 1]) / np.where(rise == 0, np.inf, rise)
    crossed = (rise != 0) & (share >= 0) & (share <= 1)
    back = start[:, 0] + share * (end[:, 0] - start[:, 0])
    return np.asarray(np.where(crossed, back, np.inf).min(axis=1), dtype=np.float64)


def _skin(breast: Points, edges: Points) -> Points:
    """Return the outline's stretches that do not run along an edge or the chest wall."""
    if not len(breast):
        return np.zeros((0, 2, 2))
    low, high = edges.min(axis=0) + BORDER_MM, edges.max(axis=0) - BORDER_MM
    high[0] = min(high[0], breast[:, 0].max() - CHEST_WALL_MM)
    inside = ((breast > low) & (breast < high)).all(axis=1)
    following = np.roll(inside, -1)
    stretches = np.stack([breast, np.roll(breast, -1, axis=0)], axis=1)
    return np.asarray(stretches[inside | following], dtype=np.float64)
