"""Where a finding lies: spatial coordinates (PS3.3 C.18.6) and their bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mammo_node.header import attributes
from mammo_node.reports.tree import Item
from mammo_node.vocabulary import Box

Point = tuple[float, float]
#: Points that each graphic type is made of; the others take any number.
_POINTS: Final = {"POINT": 1, "CIRCLE": 2, "ELLIPSE": 4}


@dataclass(frozen=True, slots=True)
class Region:
    """A graphic in an image: DICOM's graphic type and its points (column, row), in pixels."""

    graphic_type: str
    points_px: tuple[Point, ...]

    @property
    def is_point(self) -> bool:
        """Whether it says where, but not how far it reaches."""
        return self.graphic_type == "POINT" or len(set(self.points_px)) == 1

    @property
    def bounds(self) -> Box:
        """The box around it."""
        match self.graphic_type:
            case "CIRCLE":
                centre, edge = self.points_px
                radius = math.dist(centre, edge)
                return _around(centre, radius, radius)
            case "ELLIPSE":
                return _ellipse_bounds(self.points_px)
        columns, rows = zip(*self.points_px, strict=True)
        return Box(min(columns), min(rows), max(columns), max(rows))


def region_of(item: Item) -> Region | None:
    """Return the graphic of a SCOORD, or None when it is none that can be drawn."""
    numbers = attributes.numbers(item.ds, "GraphicData")
    kind = attributes.text(item.ds, "GraphicType") or ""
    points = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    if item.value_type != "SCOORD" or not points or len(numbers) % 2:
        return None
    if len(points) != _POINTS.get(kind, len(points)):
        return None
    return Region(kind, points)


def _ellipse_bounds(points: Sequence[Point]) -> Box:
    """Return the bounds of an ellipse from the ends of its axes (PS3.3 C.18.6.1.2)."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points
    width = math.hypot((x1 - x0) / 2, (x3 - x2) / 2)
    height = math.hypot((y1 - y0) / 2, (y3 - y2) / 2)
    return _around(((x0 + x1) / 2, (y0 + y1) / 2), width, height)


def _around(centre: Point, width: float, height: float) -> Box:
    column, row = centre
    return Box(column - width, row - height, column + width, row + height)
