"""The words beside an image: which view it is, and what there is to say of it."""

from __future__ import annotations

from typing import Final

from mammo_node.encode import sentences, statement
from mammo_node.encode.layout import Area
from mammo_node.encode.overview.canvas import DIM, LEADING, SOFT, WHITE, Canvas
from mammo_node.encode.overview.hanging import Place
from mammo_node.encode.typeface import written
from mammo_node.vocabulary import Finding, StudyResult, ViewResult

_NAME_SIZE, _SIZE = 38, 27
#: A list of findings is written smaller where a word would not fit into a line of the column.
_LIST_SIZES: Final = (_SIZE, 25, 23, 21)
_MARGIN: Final = 12


def draw_words(canvas: Canvas, result: StudyResult, place: Place, area: Area) -> None:
    """Write the view's name and its words as far as there is room."""
    inner = Area(
        area.left + _MARGIN, area.top + _MARGIN, area.right - _MARGIN, area.bottom - _MARGIN
    )
    canvas.write(_name(place), inner.left, inner.top, _NAME_SIZE, WHITE, bold=True)
    below = Area(inner.left, inner.top + _NAME_SIZE * 1.5, inner.right, inner.bottom)
    if place.shown is not None and place.shown.findings:
        _list_findings(canvas, place.shown, below)
    else:
        _say(canvas, _sentence(result, place.shown), below, DIM if place.shown is None else SOFT)


def _name(place: Place) -> str:
    return " ".join(part.value for part in (place.side, place.view) if part is not None)


def _sentence(result: StudyResult, view: ViewResult | None) -> str:
    if view is None:
        return "not in this study"
    if statement.is_analysed(result, view):
        return "no findings"
    return written(statement.view_statement(result, view))


def _say(canvas: Canvas, words: str, area: Area, colour: tuple[int, int, int]) -> None:
    lines = canvas.typeface.wrapped(words, _SIZE, int(area.right - area.left))
    most = max(1, int((area.bottom - area.top) / (_SIZE * LEADING)))
    canvas.write_lines(shortened(lines, most), area.left, area.top, _SIZE, colour)


def _list_findings(canvas: Canvas, view: ViewResult, area: Area) -> None:
    """Write one paragraph a finding; what does not fit is counted."""
    top, width = area.top, int(area.right - area.left)
    words = [finding_words(number, finding) for number, finding in enumerate(view.findings, 1)]
    size = canvas.typeface.whole_words_size(" ".join(words), _LIST_SIZES, width)
    line = size * LEADING
    for left_over, text in zip(reversed(range(len(words))), words, strict=True):
        lines = canvas.typeface.wrapped(text, size, width)
        needed = len(lines) + (1 if left_over else 0)
        if top + needed * line > area.bottom:
            canvas.write(f"and {left_over + 1} more", area.left, top, size, SOFT)
            return
        top = canvas.write_lines(lines, area.left, top, size, WHITE) + line / 3


def finding_words(number: int, finding: Finding) -> str:
    """Return '1 mass 0.87, 12 mm, upper outer quadrant', as far as it is known."""
    parts = [f"{number} {finding.label} {finding.score:.2f}"]
    if finding.long_axis_mm is not None:
        parts.append(f"{finding.long_axis_mm:.0f}\u00a0mm")
    place = sentences.short_place(finding)
    if place:
        parts.append(place)
    return written(", ".join(parts))


def shortened(lines: list[str], most: int) -> list[str]:
    """Return at most so many lines, with dots where something is left out."""
    return (
        lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1].rstrip('.')}..."]
    )
