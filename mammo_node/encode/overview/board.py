"""The board: the images of a study as they hang, with their marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mammo_node.encode import statement
from mammo_node.encode.overview import tile
from mammo_node.encode.overview.canvas import DIM, Canvas
from mammo_node.encode.overview.hanging import Hanging, Place
from mammo_node.encode.overview.tile import Tile
from mammo_node.encode.typeface import written
from mammo_node.vocabulary import StudyResult, ViewPicture

#: Images that differ in scale by more than this are each shown as large as they can be.
_MOST_APART: Final = 1.5
_NOTE_SIZE: Final = 32

Pictures = Mapping[str, ViewPicture]


def draw_board(
    canvas: Canvas,
    result: StudyResult,
    hanging: Hanging,
    pictures: Pictures,
    area: tuple[int, int],
    *,
    heat: bool = False,
) -> None:
    """Draw all rows between two heights of the canvas, over its whole width.

    Parameters
    ----------
    area : (top, bottom)
        Rows of the canvas, pixels.
    heat : bool
        Lay relevance maps over the images.
    """
    top, bottom = area
    if not hanging.rows:
        _draw_nothing(canvas, area)
        return
    height = (bottom - top) // len(hanging.rows)
    tiles = [
        Tile(
            left=column * (canvas.width // 2),
            top=top + row * height,
            width=canvas.width // 2,
            height=height,
            place=place,
            picture=_picture(place, pictures),
        )
        for row, pair in enumerate(hanging.rows)
        for column, place in enumerate(pair)
    ]
    scales = _scales(tiles)
    for one, scale in zip(tiles, scales, strict=True):
        tile.draw(canvas, result, one, scale, heat=heat)


def _picture(place: Place, pictures: Pictures) -> ViewPicture | None:
    return None if place.shown is None else pictures.get(place.shown.ref.sop_instance_uid)


def _scales(tiles: list[Tile]) -> list[float]:
    """Return the scale of each tile: the same in mm for all, so that sides can be compared."""
    pitches = [_pitch_mm(one) for one in tiles]
    fits = [tile.fit(one) for one in tiles]
    # Pixels of the canvas per mm at which each picture just fits.
    sizes = [fit / mm for fit, mm in zip(fits, pitches, strict=True) if fit and mm]
    known = len(sizes) == sum(fit is not None for fit in fits)
    if not sizes or not known or max(sizes) / min(sizes) > _MOST_APART:
        return [fit or 1.0 for fit in fits]
    return [min(sizes) * (mm or 1.0) for mm in pitches]


def _pitch_mm(one: Tile) -> float | None:
    """Return the size of a picture's pixel in mm."""
    if one.picture is None or one.place.shown is None or one.place.shown.spacing is None:
        return None
    across = abs(one.picture.to_picture[0])
    return one.place.shown.spacing.column_mm / across if across else None


def _draw_nothing(canvas: Canvas, area: tuple[int, int]) -> None:
    words = "There is no image to show."
    lines = canvas.typeface.wrapped(words, _NOTE_SIZE, canvas.width * 2 // 3)
    canvas.write_lines(lines, canvas.width / 6, sum(area) / 2, _NOTE_SIZE, DIM)


def others_words(result: StudyResult, hanging: Hanging) -> list[str]:
    """Return why images have no place on the board, those with the same reason together."""
    names: dict[str, list[str]] = {}
    for view in hanging.others:
        words = written(statement.view_statement(result, view))
        names.setdefault(words, []).append(statement.view_name(view))
    return [f"{', '.join(alike)}: {words}" for words, alike in names.items()]
