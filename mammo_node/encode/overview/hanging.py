"""Which image hangs where: right breasts at the left, left ones at the right, CC above MLO.

Pure: views in, rows of two places out. Refusals by nature (tomosynthesis, raw data) of a view
that hangs already take no place of their own; they are named below the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from mammo_node.encode import statement
from mammo_node.vocabulary import Laterality, StudyResult, View, ViewResult

#: More pairs of images would be too small to see anything.
MOST_ROWS: Final = 6
_ORDER: Final = (View.CC, View.MLO)


@dataclass(frozen=True, slots=True)
class Place:
    """One place on the board: an image, or the view that is not there."""

    side: Laterality
    view: View | None
    shown: ViewResult | None
    """None: the study has no such image."""


Row = tuple[Place, Place]


@dataclass(frozen=True, slots=True)
class Hanging:
    """Rows of (right breast, left breast), and the images that have no place."""

    rows: tuple[Row, ...]
    others: tuple[ViewResult, ...]


def hang(result: StudyResult) -> Hanging:
    """Arrange the images of a study."""
    sided = [v for v in result.views if v.laterality is not None and v.view is not None]
    names = sorted({v.view for v in sided if v.view and _deserves_row(result, v)}, key=_rank)
    rows = [row for name in names for row in _rows(result, sided, name)]
    kept = _most_telling(rows)
    hung = {id(place.shown) for row in kept for place in row if place.shown is not None}
    return Hanging(tuple(kept), tuple(v for v in result.views if id(v) not in hung))


def _deserves_row(result: StudyResult, view: ViewResult) -> bool:
    return view.view in _ORDER or statement.is_analysed(result, view)


def _rank(view: View) -> tuple[int, str]:
    return (_ORDER.index(view) if view in _ORDER else len(_ORDER), view.value)


def _rows(result: StudyResult, views: Sequence[ViewResult], name: View) -> list[Row]:
    sides = (Laterality.RIGHT, Laterality.LEFT)
    right, left = (_hung(result, views, side, name) for side in sides)
    return [
        (Place(Laterality.RIGHT, name, one), Place(Laterality.LEFT, name, other))
        for one, other in zip_longest(right, left)
    ]


def _hung(
    result: StudyResult, views: Sequence[ViewResult], side: Laterality, name: View
) -> list[ViewResult]:
    """Return the analysed images of a view, or else one that says why there is none."""
    alike = [v for v in views if (v.laterality, v.view) == (side, name)]
    return [v for v in alike if statement.is_analysed(result, v)] or alike[:1]


def _most_telling(rows: Sequence[Row]) -> list[Row]:
    """Return as many rows as there is room for, in order; those with findings go first."""
    by_worth = sorted(range(len(rows)), key=lambda place: (not _has_findings(rows[place]), place))
    return [rows[place] for place in sorted(by_worth[:MOST_ROWS])]


def _has_findings(row: Row) -> bool:
    return any(place.shown is not None and place.shown.findings for place in row)
