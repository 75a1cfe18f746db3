"""Where in its breast a finding lies: distances, depth, half, quadrant, clock face. Pure.

Rules:

* Distances are in the image plane, from the middle of the finding's box.
* Depth is a third of the posterior nipple line, from the nipple to the pectoral muscle's front
  edge in a mediolateral view (the line is perpendicular to it) and to the chest wall in a
  craniocaudal one. In and behind the muscle is posterior.
* One view gives a half: a craniocaudal view outer or inner, a mediolateral one upper or lower.
  Sides are told by the line through the nipple that is perpendicular to the image's chest-wall
  edge, in both views: the posterior nipple line leans with the muscle, and what is behind the
  nipple would count as below it. Within `NEAR_LINE_MM` of the line no half is claimed.
* Both views of one lesion give quadrant and clock face. A mediolateral oblique view looks from
  the upper inner to the lower outer side, so what is lateral stands higher in it than it is, and
  what is medial lower (radiographers' "lead sinks, muffins rise" on the way to the true lateral
  view). The height is worked out from both views and the angle of the oblique one, taken to be
  `OBLIQUE_DEG`; within `NEAR_LEVEL_MM` of the nipple's level no half is claimed of it.
* Central is what lies within `CENTRAL_MM` of the nipple in every view that shows it, and what is
  near the line in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from mammo_node.analyse.nipple_frame import CRANIOCAUDAL, NippleFrame
from mammo_node.vocabulary import Depth, Finding, Laterality, Location, Quadrant, View

NEAR_LINE_MM: Final = 5.0
NEAR_LEVEL_MM: Final = 8.0
CENTRAL_MM: Final = 20.0
#: Oblique views are taken at 30 to 60 degrees, most of them near this; a header's Positioner
#: Primary Angle (PS3.3 C.8.11.4) is often left at zero.
OBLIQUE_DEG: Final = 45.0
_OBLIQUE = frozenset({View.MLO, View.LMO})
_THIRDS = ((1 / 3, Depth.ANTERIOR), (2 / 3, Depth.MIDDLE))
_HOURS, _DEGREES_PER_HOUR = 12, 30.0

_QUADRANTS: Final = {
    (1, 1): Quadrant.UPPER_OUTER,
    (1, -1): Quadrant.UPPER_INNER,
    (-1, 1): Quadrant.LOWER_OUTER,
    (-1, -1): Quadrant.LOWER_INNER,
    (1, 0): Quadrant.UPPER,
    (-1, 0): Quadrant.LOWER,
    (0, 1): Quadrant.OUTER,
    (0, -1): Quadrant.INNER,
}


@dataclass(frozen=True, slots=True)
class Seat:
    """A finding's place in one view, mm from the nipple: ``aside`` is up or lateral."""

    view: View
    nipple_mm: float
    along_mm: float
    aside_mm: float
    skin_mm: float | None
    depth: Depth


def seat_of(finding: Finding, frame: NippleFrame) -> Seat:
    """Return where a finding lies in its view."""
    place = frame.place(finding.box_px.centre)
    along_mm = frame.along_mm(place)
    share = along_mm / frame.reach_mm if frame.reach_mm > 0 else math.inf
    return Seat(
        view=frame.view,
        nipple_mm=math.hypot(*place),
        along_mm=along_mm,
        aside_mm=place[1],
        skin_mm=frame.skin_mm(place),
        depth=next((third for limit, third in _THIRDS if share < limit), Depth.POSTERIOR),
    )


def location_of(seat: Seat, laterality: Laterality | None, partner: Seat | None = None) -> Location:
    """Return what is known of a finding's place.

    Parameters
    ----------
    seat : Seat
        In the view that the finding is in: distances and depth are this view's.
    laterality : Laterality or None
        Of the breast; without it there is no clock face.
    partner : Seat, optional
        Of the same lesion in the other view.
    """
    quadrant, clock = _sector(seat, laterality, partner)
    return Location(quadrant, clock, seat.depth, seat.nipple_mm, seat.skin_mm)


def with_location(finding: Finding, location: Location) -> Finding:
    """Return a finding with its place; words for it unless a model has said some."""
    words = location.quadrant.value if location.quadrant is not None else None
    return replace(finding, location=location, site=finding.site or words)


def _sector(
    seat: Seat, laterality: Laterality | None, partner: Seat | None
) -> tuple[Quadrant | None, int | None]:
    seats = [seat] if partner is None else [seat, partner]
    if max(one.nipple_mm for one in seats) <= CENTRAL_MM:
        return Quadrant.CENTRAL, None
    outer = next((one for one in seats if one.view in CRANIOCAUDAL), None)
    upper = next((one for one in seats if one.view not in CRANIOCAUDAL), None)
    if outer is None or upper is None:
        return _half(outer, upper), None
    lateral_mm = outer.aside_mm
    height_mm = _height_mm(upper, lateral_mm)
    sides = _side(height_mm, NEAR_LEVEL_MM), _side(lateral_mm, NEAR_LINE_MM)
    if sides == (0, 0):
        return Quadrant.CENTRAL, None
    return _QUADRANTS[sides], None if laterality is None else clock_of(
        height_mm, lateral_mm, laterality
    )


def _half(outer: Seat | None, upper: Seat | None) -> Quadrant | None:
    sides = (
        _side(upper.aside_mm, NEAR_LINE_MM) if upper is not None else 0,
        _side(outer.aside_mm, NEAR_LINE_MM) if outer is not None else 0,
    )
    return _QUADRANTS.get(sides)


def _height_mm(upper: Seat, lateral_mm: float) -> float:
    if upper.view not in _OBLIQUE:
        return upper.aside_mm
    angle = math.radians(OBLIQUE_DEG)
    return (upper.aside_mm - lateral_mm * math.sin(angle)) / math.cos(angle)


def _side(offset_mm: float, near_mm: float) -> int:
    return 0 if abs(offset_mm) < near_mm else int(math.copysign(1, offset_mm))


def clock_of(height_mm: float, lateral_mm: float, laterality: Laterality) -> int:
    """Return the hour, 1 to 12, as seen by someone who faces the patient.

    Parameters
    ----------
    height_mm, lateral_mm : float
        Above the nipple, and to the outer side of it. The outer side of the right breast is at 9
        o'clock, that of the left breast at 3.
    """
    towards_three = lateral_mm if laterality is Laterality.LEFT else -lateral_mm
    degrees = math.degrees(math.atan2(towards_three, height_mm))
    return round(degrees / _DEGREES_PER_HOUR) % _HOURS or _HOURS
