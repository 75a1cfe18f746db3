"""A picture that is drawn on: letters, lines, lamps and grey-scale images, in RGB."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.encode.typeface import Typeface

Colour = tuple[int, int, int]
Picture = npt.NDArray[np.uint8]

BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (240, 240, 240)
SOFT: Final[Colour] = (190, 190, 190)
DIM: Final[Colour] = (140, 140, 140)
LINE: Final[Colour] = (70, 70, 70)
MARK: Final[Colour] = (255, 220, 60)
#: Height of a line of text over its size.
LEADING: Final = 1.25
_RIM_PX: Final = 3
#: Fraction bits of OpenCV's coordinates: lines are drawn to 1/16 of a pixel.
_SHIFT: Final = 4


@dataclass(slots=True)
class Canvas:
    """A black picture of a size; everything is drawn in place, cut off at its edges."""

    width: int
    height: int
    typeface: Typeface
    rgb: Picture = field(init=False)

    def __post_init__(self) -> None:
        """Begin in black."""
        self.rgb = np.zeros((self.height, self.width, 3), dtype=np.uint8)

    def put(self, picture: Picture, left: int, top: int) -> None:
        """Put a picture, (rows, columns) grey or (rows, columns, 3) RGB, at a place."""
        rows, columns = picture.shape[:2]
        part = self.rgb[top : top + rows, left : left + columns]
        cut = picture[: part.shape[0], : part.shape[1]]
        part[:] = cut if cut.ndim == part.ndim else cut[..., None]

    def write(
        self,
        text: str,
        left: float,
        top: float,
        size: int,
        colour: Colour = WHITE,
        *,
        bold: bool = False,
        rim: bool = False,
    ) -> None:
        """Write one line; ``rim`` gives it a dark edge, so that it is legible on any tissue."""
        mask = self.typeface.line(text, size, bold=bold)
        if rim:
            mask = np.pad(mask, _RIM_PX)
            left, top = left - _RIM_PX, top - _RIM_PX
            kernel = cv2.getStructuringElement(
                cv2.MORPH_ELLIPSE, (2 * _RIM_PX + 1, 2 * _RIM_PX + 1)
            )
            self._blend(np.asarray(cv2.dilate(mask, kernel)), round(left), round(top), BLACK)
        self._blend(mask, round(left), round(top), colour)

    def write_lines(
        self, lines: list[str], left: float, top: float, size: int, colour: Colour = WHITE
    ) -> float:
        """Write lines below each other and return where the next one would stand."""
        for line in lines:
            self.write(line, left, top, size, colour)
            top += size * LEADING
        return top

    def outline(self, points: npt.NDArray[np.float64], colour: Colour, thickness: int) -> None:
        """Draw a closed polygon of (N, 2) points (column, row), corner-based, with a dark rim."""
        # OpenCV counts from the centre of the first pixel.
        corners = np.rint((points - 0.5) * 2**_SHIFT).astype(np.int32)
        for width, shade in ((thickness + 2, BLACK), (thickness, colour)):
            cv2.polylines(self.rgb, [corners], True, shade, width, cv2.LINE_AA, _SHIFT)

    def frame(self, left: int, top: int, right: int, bottom: int, colour: Colour = LINE) -> None:
        """Draw a thin rectangle; right and bottom are exclusive."""
        cv2.rectangle(self.rgb, (left, top), (right - 1, bottom - 1), colour, 1)

    def disc(self, centre: tuple[int, int], radius: int, colour: Colour, edge: Colour) -> None:
        """Draw a filled circle with an edge."""
        cv2.circle(self.rgb, centre, radius, colour, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(self.rgb, centre, radius, edge, 2, cv2.LINE_AA)

    def _blend(self, mask: Picture, left: int, top: int, colour: Colour) -> None:
        rows, columns = mask.shape
        first_row, first_column = max(0, -top), max(0, -left)
        row, column = max(0, top), max(0, left)
        part = self.rgb[row : row + rows - first_row, column : column + columns - first_column]
        if not part.size:
            return
        cut = mask[first_row:, first_column:][: part.shape[0], : part.shape[1], None]
        share = cut.astype(np.uint16)
        mixed = part * (255 - share) + np.asarray(colour, dtype=np.uint16) * share
        part[:] = (mixed + 127) // 255
