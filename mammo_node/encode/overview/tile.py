"""One view on the board: its image with the marks, and beside it in words what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.encode import layout, outline
from mammo_node.encode.layout import Area
from mammo_node.encode.overview import relief
from mammo_node.encode.overview.canvas import LEADING, MARK, SOFT, Canvas
from mammo_node.encode.overview.hanging import Place
from mammo_node.encode.overview.words import draw_words
from mammo_node.vocabulary import Laterality, StudyResult, ViewPicture, ViewResult

#: Width of the words beside an image, and height of those above one, pixels.
WORDS_WIDTH: Final = 226
WORDS_HEIGHT: Final = 260
#: Height over width of a tile from which the words stand above.
_TALL: Final = 1.5
_TAG_SIZE: Final = 26
_MARGIN: Final = 12
_OUTLINE_PX: Final = 2
_RING_RADIUS: Final = 7.0
_RING_POINTS: Final = 24


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
    draw_words(canvas, result, tile.place, _room_for_words(tile, drawn))


def _room_for_words(tile: Tile, drawn: int) -> Area:
    """Return what an image of that width (0: none) leaves: above it, or on its outer side."""
    beside = 0 if tile.is_tall else drawn or tile.width // 4
    left = tile.left if tile.is_right else tile.left + beside
    bottom = tile.top + (WORDS_HEIGHT if drawn and tile.is_tall else tile.height)
    return Area(left, tile.top, left + tile.width - beside, bottom)


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
    sized = cv2.resize(picture.grey, (width, height), interpolation=cv2.INTER_AREA)
    small = np.asarray(sized, dtype=np.uint8)
    if heat and picture.heat is not None:
        # Maps are smooth, coarser than pixels: no mean is needed to make them smaller.
        spread = cv2.resize(picture.heat, (width, height), interpolation=cv2.INTER_LINEAR)
        small = relief.heated(small, np.asarray(spread, dtype=np.float32))
    left = tile.left + (tile.width - width if tile.is_right else 0)
    above = WORDS_HEIGHT if tile.is_tall else 0
    top = tile.top + above + (tile.height - above - height) // 2
    canvas.put(small, left, top)
    canvas.frame(left, top, left + width, top + height)
    area = Area(float(left), float(top), float(left + width), float(top + height))
    _draw_marks(canvas, view, picture, area)
    return width


def _draw_marks(canvas: Canvas, view: ViewResult, picture: ViewPicture, area: Area) -> None:
    _draw_nipple(canvas, view, picture, area)
    outlines = [_on_canvas(outline.polygon(f, view), picture, area) for f in view.findings]
    tags = [f"{number}  {finding.score:.2f}" for number, finding in enumerate(view.findings, 1)]
    widths = [float(canvas.typeface.width(tag, _TAG_SIZE, bold=True)) for tag in tags]
    places = layout.caption_areas(outlines, widths, area, _TAG_SIZE * LEADING)
    for points in outlines:
        canvas.outline(points, MARK, _OUTLINE_PX)
    for tag, place in zip(tags, places, strict=True):
        canvas.write(tag, place.left, place.top, _TAG_SIZE, MARK, bold=True, rim=True)


def _draw_nipple(canvas: Canvas, view: ViewResult, picture: ViewPicture, area: Area) -> None:
    """Draw a thin ring where distances are measured from; no letters, it is no finding."""
    if view.landmarks is None or view.landmarks.nipple_px is None:
        return
    centre = _on_canvas(np.array([view.landmarks.nipple_px], dtype=np.float64), picture, area)
    turn = np.linspace(0.0, 2 * np.pi, _RING_POINTS, endpoint=False)
    ring = centre + _RING_RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    canvas.outline(ring, SOFT, 1)


def _on_canvas(
    points: npt.NDArray[np.float64], picture: ViewPicture, area: Area
) -> npt.NDArray[np.float64]:
    """Map points of the stored image to the canvas."""
    rows, columns = picture.grey.shape
    on_picture = relief.to_picture(points, picture)
    scale = ((area.right - area.left) / columns, (area.bottom - area.top) / rows)
    return np.asarray(on_picture * scale + (area.left, area.top))


def fit(tile: Tile) -> float | None:
    """Return the scale at which the picture just fits; None without a picture."""
    if tile.picture is None:
        return None
    rows, columns = tile.picture.grey.shape
    width, height = tile.room
    return float(min(width / columns, height / rows))
