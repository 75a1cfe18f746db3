"""A picture of one image with its findings, for people without a DICOM viewer at hand.

The picture stands as the image is stored, scaled down for a laptop's screen: a mark in it
is where the DICOM objects have it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.encode import layout, outline, statement
from mammo_node.encode.layout import Area
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import StudyResult, ViewResult

#: Rows of the picture's image part: fits a laptop's screen without scrolling.
DEFAULT_HEIGHT: Final = 1100
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTER_PX = 22.0  # height of the font's capitals at scale 1
_YELLOW = (255, 220, 60)
_WHITE = (235, 235, 235)
_GREY = (150, 150, 150)
_BLACK = (0, 0, 0)
_MARGIN = 10
_LINE = 26
_CAPTION_HEIGHT = 20.0
_CAPTION_LETTER = 12.0
_LINE_LETTER = 13.0
_RIM = ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 2), (2, 0), (0, -2), (-2, 0))

Picture = npt.NDArray[np.uint8]


def render_overlay(
    pixels: npt.NDArray[np.float32],
    result: StudyResult,
    view: ViewResult,
    *,
    height: int = DEFAULT_HEIGHT,
) -> Picture:
    """Draw findings, side and view, and what the answer says, on a grey-scale image.

    Parameters
    ----------
    pixels : ndarray
        (rows, columns) float32 in 0..1, 0 black, as the image is stored (not flipped).
    result : StudyResult
        The answer that ``view`` belongs to.
    view : ViewResult
        The image's result; its coordinates are those of ``pixels``.
    height : int
        Largest number of rows of the image part; smaller images are not enlarged.

    Returns
    -------
    ndarray
        (rows, columns, 3) uint8 RGB: the image with a line above and some below.
    """
    image, scale = _scaled(pixels, height)
    _draw_findings(image, view, scale)
    return np.vstack([_head(image, view), image, _foot(image, result, view)])


def write_overlay(path: Path, picture: Picture) -> None:
    """Write an RGB picture as PNG; an error of the file system is raised as it is.

    Raises
    ------
    EncodingError
        If the picture cannot be made into a PNG.
    """
    path.write_bytes(png(picture))


def png(picture: Picture) -> bytes:
    """Return an RGB picture as a PNG file.

    Raises
    ------
    EncodingError
        If it cannot be made into one.
    """
    try:
        made, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise EncodingError(f"a picture cannot be made into a PNG: {error}") from error
    if not made:
        raise EncodingError("a picture cannot be made into a PNG")
    return bytes(encoded.tobytes())


def _scaled(pixels: npt.NDArray[np.float32], height: int) -> tuple[Picture, tuple[float, float]]:
    """Return the image as RGB, and its scale as (columns, rows)."""
    rows, columns = pixels.shape
    factor = min(1.0, height / rows)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    grey = np.clip(np.nan_to_num(pixels), 0.0, 1.0)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    rgb = np.repeat((small * 255.0 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    return np.ascontiguousarray(rgb), (size[0] / columns, size[1] / rows)


def _draw_findings(image: Picture, view: ViewResult, scale: tuple[float, float]) -> None:
    outlines = [outline.polygon(finding, view) * scale for finding in view.findings]
    captions = [statement.finding_caption(i, f) for i, f in enumerate(view.findings)]
    rows, columns = image.shape[:2]
    whole = Area(0.0, 0.0, float(columns), float(rows))
    widths = [_width(caption, _CAPTION_LETTER) for caption in captions]
    places = layout.caption_areas(outlines, widths, whole, _CAPTION_HEIGHT)
    for points in outlines:
        corners = np.round(points).astype(np.int32)
        cv2.polylines(image, [corners], True, _BLACK, 4, cv2.LINE_AA)
        cv2.polylines(image, [corners], True, _YELLOW, 2, cv2.LINE_AA)
    for caption, place in zip(captions, places, strict=True):
        _write(image, caption, (place.left, place.bottom - 5), _CAPTION_LETTER, _YELLOW)


def _write(
    image: Picture,
    text: str,
    baseline: tuple[float, float],
    letter_height: float,
    colour: tuple[int, int, int],
) -> None:
    """Write ASCII text with a dark rim, so that it is legible on any tissue."""
    column, row = round(baseline[0]), round(baseline[1])
    size = letter_height / _LETTER_PX
    for right, down in _RIM:
        origin = (column + right, row + down)
        cv2.putText(image, text, origin, _FONT, size, _BLACK, 1, cv2.LINE_AA)
    cv2.putText(image, text, (column, row), _FONT, size, colour, 1, cv2.LINE_AA)


def _width(text: str, letter_height: float) -> float:
    (width, _), _ = cv2.getTextSize(text, _FONT, letter_height / _LETTER_PX, 1)
    return float(width)


def _head(image: Picture, view: ViewResult) -> Picture:
    return _strip(image, [(statement.view_name(view), _WHITE)])


def _foot(image: Picture, result: StudyResult, view: ViewResult) -> Picture:
    answer = f"AI: {statement.view_statement(result, view)}"
    columns = image.shape[1] - 2 * _MARGIN
    lines = [(line, _WHITE) for line in _wrapped(answer, columns)]
    lines += [(line, _GREY) for line in _wrapped(statement.RESEARCH_USE, columns)]
    return _strip(image, lines)


def _strip(image: Picture, lines: list[tuple[str, tuple[int, int, int]]]) -> Picture:
    """Return lines of text on black, as wide as the image."""
    strip = np.zeros((len(lines) * _LINE + _MARGIN, image.shape[1], 3), dtype=np.uint8)
    for number, (line, colour) in enumerate(lines, start=1):
        _write(strip, line, (_MARGIN, number * _LINE - 4), _LINE_LETTER, colour)
    return strip


def _wrapped(text: str, columns: int) -> list[str]:
    letter = _width("n" * 20, _LINE_LETTER) / 20
    return textwrap.wrap(text, max(int(columns / letter), 8))
