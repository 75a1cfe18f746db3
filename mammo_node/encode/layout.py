"""Where captions go on an image: near their lesion, inside the image, off each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

#: Height of a line of text as a part of the image's height, and width of a letter as a
#: part of that: legible on a whole-breast display, and what viewers' fonts come near to.
LINE_HEIGHT: Final = 0.02
LETTER_ASPECT: Final = 0.6
_GAP = 0.25
#: Two captions on each other are both lost, a part of an outline is not.
_UNREADABLE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in image coordinates, pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Area) -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def shared(self, other: Area) -> float:
        """Return how many square pixels the two share."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)


def bounds(points: npt.NDArray[np.float64]) -> Area:
    """Return the bounding rectangle of (N, 2) points."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return Area(float(left), float(top), float(right), float(bottom))


def text_width(text: str, line_height: float) -> float:
    """Return about how wide a line of text is in a viewer's font."""
    return len(text) * LETTER_ASPECT * line_height


def caption_areas(
    outlines: Sequence[npt.NDArray[np.float64]],
    widths: Sequence[float],
    image: Area,
    line_height: float,
) -> list[Area]:
    """Place captions of given widths, one per outline: above, below or beside it, where free.

    Where nothing is free the caption stands where it covers least; another caption counts most.
    """
    marks = [bounds(points) for points in outlines]
    placed: list[Area] = []
    for mark, width in zip(marks, widths, strict=True):
        around = _around(mark, width, line_height)
        candidates = [_moved_inside(area, image) for area in around]
        taken = [*marks, *placed]
        free = (area for area in candidates if not any(area.overlaps(t) for t in taken))
        placed.append(next(free, None) or min(candidates, key=_covering(marks, placed)))
    return placed


def _covering(marks: Sequence[Area], captions: Sequence[Area]) -> Callable[[Area], float]:
    """Return what tells how much of marks and captions an area covers."""
    weighed = [(mark, 1.0) for mark in marks] + [(caption, _UNREADABLE) for caption in captions]
    return lambda area: sum(weight * area.shared(other) for other, weight in weighed)


def _around(mark: Area, width: float, height: float) -> list[Area]:
    gap = height * _GAP
    middle = (mark.top + mark.bottom - height) / 2
    corners = [
        (mark.left, mark.top - gap - height),
        (mark.left, mark.bottom + gap),
        (mark.right + gap, middle),
        (mark.left - gap - width, middle),
        (mark.left, mark.top - 2 * (gap + height)),
        (mark.left, mark.bottom + 2 * gap + height),
        (mark.right + gap, mark.top - height),
        (mark.right + gap, mark.bottom),
    ]
    return [Area(x, y, x + width, y + height) for x, y in corners]


def _moved_inside(area: Area, image: Area) -> Area:
    width, height = area.right - area.left, area.bottom - area.top
    left = max(image.left, min(area.left, image.right - width))
    top = max(image.top, min(area.top, image.bottom - height))
    return Area(left, top, min(left + width, image.right), min(top + height, image.bottom))
