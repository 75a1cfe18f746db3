"""One view on the board: its image with the marks, and beside it in words what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.encode import layout, outline, statement
from mammo_node.encode.layout import Area
from mammo_node.encode.overview import relief
from mammo_node.encode.overview.canvas import DIM, LEADING, MARK, SOFT, WHITE, Canvas
from mammo_node.encode.overview.hanging import Place
from mammo_node.encode.typeface import written
from mammo_node.vocabulary import Finding, Laterality, StudyResult, ViewPicture, ViewResult

#: Width of the words beside an image, and height of those above one, pixels.
WORDS_WIDTH: Final = 226
WORDS_HEIGHT: Final = 260
#: Height over width of a tile from which the words stand above.
_TALL: Final = 1.5
_NAME_SIZE, _WORDS_SIZE, _TAG_SIZE = 38, 27, 26
_MARGIN: Final = 12
_OUTLINE_PX: Final = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a view is drawn, in pixels of the canvas, and what is drawn there."""

    left: int
    top: int
    width: int
    height: int
    place: Place
    picture: ViewPicture | None

    @property
    def is_tall(self) -> bool:
        """Whether the words stand above the image: beside it they would take its room."""
        return self.height > _TALL * self.width

    @property
    def room(self) -> tuple[int, int]:
        """(width, height) that the image may take."""
        if self.is_tall:
            return self.width - _MARGIN, self.height - WORDS_HEIGHT - _MARGIN
        return self.width - WORDS_WIDTH, self.height - 2 * _MARGIN

    @property
    def is_right(self) -> bool:
        """Whether the breast is the right one, which hangs at the left of the middle."""
        return self.place.side is Laterality.RIGHT


def draw(canvas: Canvas, result: StudyResult, tile: Tile, scale: float, *, heat: bool) -> None:
    """Draw one view.

    Parameters
    ----------
    scale : float
        Pixels of the canvas per pixel of the picture.
    heat : bool
        Lay the relevance map over the image, where there is one.
    """
    view = tile.place.shown
    drawn = 0
    if view is not None and tile.picture is not None:
        drawn = _draw_image(canvas, view, tile, tile.picture, scale, heat=heat)
    elif view is not None:
        _draw_frame(canvas, tile)
    beside = 0 if tile.is_tall else drawn or tile.width // 4
    left = tile.left if tile.is_right else tile.left + beside
    bottom = tile.top + (WORDS_HEIGHT if drawn and tile.is_tall else tile.height)
    _draw_words(canvas, result, tile, (left, left + tile.width - beside), bottom - _MARGIN)


def _draw_frame(canvas: Canvas, tile: Tile) -> None:
    """Draw where the image would hang that is spoken of in words alone."""
    half = _MARGIN // 2
    right, bottom = tile.left + tile.width - half, tile.top + tile.height - half
    canvas.frame(tile.left + half, tile.top + half, right, bottom)


def _draw_image(
    canvas: Canvas,
    view: ViewResult,
    tile: Tile,
    picture: ViewPicture,
    scale: float,
    *,
    heat: bool,
) -> int:
    """Draw the image against the middle of the board; return its width."""
    rows, columns = picture.grey.shape
    width, height = max(1, int(columns * scale + 0.5)), max(1, int(rows * scale + 0.5))
    shown = relief.heated(picture) if heat and picture.relevance is not None else picture.grey
    small = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
    left = tile.left + (tile.width - width if tile.is_right else 0)
    above = WORDS_HEIGHT if tile.is_tall else 0
    top = tile.top + above + (tile.height - above - height) // 2
    canvas.put(np.asarray(small, dtype=np.uint8), left, top)
    canvas.frame(left, top, left + width, top + height)
    area = Area(float(left), float(top), float(left + width), float(top + height))
    _draw_marks(canvas, view, picture, area)
    return width


def _draw_marks(canvas: Canvas, view: ViewResult, picture: ViewPicture, area: Area) -> None:
    outlines = [_on_canvas(outline.polygon(f, view), picture, area) for f in view.findings]
    tags = [f"{number}  {finding.score:.2f}" for number, finding in enumerate(view.findings, 1)]
    widths = [float(canvas.typeface.width(tag, _TAG_SIZE, bold=True)) for tag in tags]
    places = layout.caption_areas(outlines, widths, area, _TAG_SIZE * LEADING)
    for points in outlines:
        canvas.outline(points, MARK, _OUTLINE_PX)
    for tag, place in zip(tags, places, strict=True):
        canvas.write(tag, place.left, place.top, _TAG_SIZE, MARK, bold=True, rim=True)


def _on_canvas(
    points: npt.NDArray[np.float64], picture: ViewPicture, area: Area
) -> npt.NDArray[np.float64]:
    """Map points of the stored image to the canvas."""
    rows, columns = picture.grey.shape
    on_picture = relief.to_picture(points, picture)
    scale = ((area.right - area.left) / columns, (area.bottom - area.top) / rows)
    return np.asarray(on_picture * scale + (area.left, area.top))


def _draw_words(
    canvas: Canvas, result: StudyResult, tile: Tile, across: tuple[int, int], bottom: int
) -> None:
    """Write the view's name, and what there is to say of it, as far as there is room."""
    column, room = across[0] + _MARGIN, across[1] - across[0] - 2 * _MARGIN
    view = tile.place.shown
    top = float(tile.top + _MARGIN)
    canvas.write(_name(tile.place), column, top, _NAME_SIZE, WHITE, bold=True)
    top += _NAME_SIZE * 1.5
    if view is None:
        lines = canvas.typeface.wrapped("not in this study", _WORDS_SIZE, room)
        canvas.write_lines(lines, column, top, _WORDS_SIZE, DIM)
    elif not view.findings:
        lines = _fitting(_words(canvas, result, view, room), top, bottom)
        canvas.write_lines(lines, column, top, _WORDS_SIZE, SOFT)
    else:
        _list_findings(canvas, view, (column, top), (room, bottom))


def _words(canvas: Canvas, result: StudyResult, view: ViewResult, room: int) -> list[str]:
    if statement.is_analysed(result, view):
        return canvas.typeface.wrapped("no findings", _WORDS_SIZE, room)
    words = written(statement.view_statement(result, view))
    return canvas.typeface.wrapped(words, _WORDS_SIZE, room)


def _name(place: Place) -> str:
    return " ".join(part.value for part in (place.side, place.view) if part is not None)


def _list_findings(
    canvas: Canvas, view: ViewResult, at: tuple[float, float], limits: tuple[int, int]
) -> None:
    """Write one paragraph a finding; what does not fit is counted."""
    (column, top), (room, bottom) = at, limits
    line = _WORDS_SIZE * LEADING
    for number, finding in enumerate(view.findings, start=1):
        lines = canvas.typeface.wrapped(finding_words(number, finding), _WORDS_SIZE, room)
        left_over = len(view.findings) - number
        needed = len(lines) + (1 if left_over else 0)
        if top + needed * line > bottom:
            more = f"and {left_over + 1} more"
            canvas.write_lines([more], column, top, _WORDS_SIZE, SOFT)
            return
        top = canvas.write_lines(lines, column, top, _WORDS_SIZE, WHITE) + line / 3


def finding_words(number: int, finding: Finding) -> str:
    """Return '1 mass 0.87, 12 mm, upper outer quadrant', as far as it is known."""
    parts = [f"{number} {finding.label} {finding.score:.2f}"]
    if finding.long_axis_mm is not None:
        parts.append(f"{finding.long_axis_mm:.0f}\u00a0mm")
    if finding.site:
        parts.append(finding.site)
    return written_keeping_space(", ".join(parts))


def written_keeping_space(text: str) -> str:
    """Return what the fonts can write of a text, non-breaking spaces as they are."""
    return "\u00a0".join(written(part) for part in text.split("\u00a0"))


def _fitting(lines: list[str], top: float, bottom: float) -> list[str]:
    """Return the lines that fit; the last one ends in dots where some do not."""
    most = max(1, int((bottom - top) / (_WORDS_SIZE * LEADING)))
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], lines[most - 1] + "..."]


def fit(tile: Tile) -> float | None:
    """Return the scale at which the picture just fits; None without a picture."""
    if tile.picture is None:
        return None
    rows, columns = tile.picture.grey.shape
    width, height = tile.room
    return float(min(width / columns, height / rows))
