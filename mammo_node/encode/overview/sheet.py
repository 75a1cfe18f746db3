"""The whole sheet: the answer in words and as a light, the board, and what made it.

The size is that of a portrait monitor of five megapixels (4:5); the smallest letters are 1/74
of its height, so that they can still be read when it fills a laptop's screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mammo_node.encode import maps, sentences, statement
from mammo_node.encode.overview import hanging as hanging_
from mammo_node.encode.overview.board import Pictures, draw_board, others_words
from mammo_node.encode.overview.canvas import (
    DIM,
    LEADING,
    LINE,
    MARK,
    SOFT,
    WHITE,
    Canvas,
    Colour,
    Picture,
)
from mammo_node.encode.overview.light import headline, legend_of, light_of
from mammo_node.encode.overview.words import shortened
from mammo_node.encode.typeface import Typeface, written
from mammo_node.vocabulary import Light, StudyResult

WIDTH: Final = 1600
HEIGHT: Final = 2000
_MARGIN: Final = 24
_HEADLINE_SIZE, _TEXT_SIZE, _FOOT_SIZE = 52, 30, 27
_HEAD_LINES: Final = 3
_BREAST_LINES: Final = 2
_OTHERS_LINES: Final = 3
_LAMP_RADIUS, _LAMP_PITCH = 28, 66
_LAMPS: Final = (
    (Light.RED, (230, 60, 50)),
    (Light.AMBER, (255, 190, 40)),
    (Light.GREEN, (70, 200, 90)),
)
_DARK: Final[Colour] = (40, 40, 40)


@dataclass(frozen=True, slots=True)
class Imprint:
    """What the sheet says of the study and of itself; nothing that tells who the patient is."""

    study_date: str
    """As printed, such as '2026-11-21'; empty where it is not known."""
    generation: int
    made_by: str
    made_at: str


def draw_sheet(
    result: StudyResult,
    pictures: Pictures,
    imprint: Imprint,
    *,
    heat: bool = False,
    typeface: Typeface | None = None,
) -> Picture:
    """Draw the overview of a study.

    Parameters
    ----------
    result : StudyResult
        The answer, of any outcome, with any number of views.
    pictures : mapping of str to ViewPicture
        By SOP Instance UID; a view without one has its name and words alone.
    imprint : Imprint
        Study date and who made it.
    heat : bool
        Lay relevance maps over the images.
    typeface : Typeface, optional
        Shared by the sheets of one answer.

    Returns
    -------
    ndarray
        (HEIGHT, WIDTH, 3) uint8 RGB; the same arguments give the same pixels.
    """
    canvas = Canvas(WIDTH, HEIGHT, typeface or Typeface())
    arranged = hanging_.hang(result)
    shown = maps.named(maps.kinds_of(pictures)) if heat else None
    top = _draw_head(canvas, result, _title(imprint, shown))
    foot = _foot_lines(canvas, result, arranged, imprint)
    bottom = HEIGHT - _MARGIN - round(len(foot) * _FOOT_SIZE * LEADING)
    draw_board(canvas, result, arranged, pictures, (top, bottom - _MARGIN), heat=heat)
    canvas.frame(0, bottom - _MARGIN // 2, WIDTH, bottom - _MARGIN // 2 + 1, LINE)
    row = float(bottom)
    for line, colour in foot:
        canvas.write(line, _MARGIN, row, _FOOT_SIZE, colour)
        row += _FOOT_SIZE * LEADING
    return canvas.rgb


def _draw_head(canvas: Canvas, result: StudyResult, title: str) -> int:
    """Draw light, headline and statement; return where the board begins."""
    _draw_light(canvas, light_of(result))
    left, top = 3 * _MARGIN + 2 * _LAMP_RADIUS, float(_MARGIN - 8)
    top = canvas.write_lines([title], left, top, _FOOT_SIZE, SOFT)
    canvas.write(headline(result), left, top, _HEADLINE_SIZE, bold=True)
    top += _HEADLINE_SIZE * LEADING
    words = written(statement.study_statement(result))
    lines = canvas.typeface.wrapped(words, _TEXT_SIZE, WIDTH - left - _MARGIN)
    top = canvas.write_lines(shortened(lines, _HEAD_LINES), left, top, _TEXT_SIZE, WHITE)
    said = sentences.breasts_words(result)
    if said:
        lines = canvas.typeface.wrapped(written(said), _FOOT_SIZE, WIDTH - left - _MARGIN)
        top = canvas.write_lines(shortened(lines, _BREAST_LINES), left, top, _FOOT_SIZE, SOFT)
    canvas.write(statement.RESEARCH_USE, left, top, _TEXT_SIZE, MARK, bold=True)
    return max(round(top + _TEXT_SIZE * LEADING), _MARGIN + 3 * _LAMP_PITCH) + _MARGIN // 2


def _title(imprint: Imprint, shown: str | None) -> str:
    title = "Mammography AI" if shown is None else f"Mammography AI, {shown}"
    return f"{title}, study of {imprint.study_date}" if imprint.study_date else title


def _draw_light(canvas: Canvas, light: Light) -> None:
    column = _MARGIN + _LAMP_RADIUS
    for place, (lamp, colour) in enumerate(_LAMPS):
        centre = (column, _MARGIN + _LAMP_RADIUS + place * _LAMP_PITCH)
        lit = lamp is light
        canvas.disc(centre, _LAMP_RADIUS, colour if lit else _DARK, WHITE if lit else LINE)


def _foot_lines(
    canvas: Canvas, result: StudyResult, arranged: hanging_.Hanging, imprint: Imprint
) -> list[tuple[str, Colour]]:
    others = others_words(result, arranged)
    lines = [(line, SOFT) for line in _cut(canvas, others)]
    models = ", ".join(f"{model.name} {model.version}" for model in result.models)
    points = statement.operating_point(result)
    made = f"{imprint.made_by}, result {imprint.generation} of this study, {imprint.made_at}"
    provenance = [
        f"Models: {models or 'none'}." + (f" Operating points: {points}." if points else ""),
        f"{made}. Not for measuring; sizes are of the long axis.",
        legend_of(result),
    ]
    room = WIDTH - 2 * _MARGIN
    for words in provenance:
        lines += [(x, DIM) for x in canvas.typeface.wrapped(written(words), _FOOT_SIZE, room)]
    return lines


def _cut(canvas: Canvas, sentences: list[str]) -> list[str]:
    """Return the images that have no place, in few lines; how many are left out is said."""
    room = WIDTH - 2 * _MARGIN
    lines: list[str] = []
    for number, sentence in enumerate(sentences):
        wrapped = canvas.typeface.wrapped(sentence, _FOOT_SIZE, room)
        last = number == len(sentences) - 1
        if len(lines) + len(wrapped) > _OTHERS_LINES - (0 if last else 1):
            return [*lines, f"and {len(sentences) - number} more not shown: see the report"]
        lines += wrapped
    return lines
