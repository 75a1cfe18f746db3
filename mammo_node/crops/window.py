"""Which part of an image a crop shows, and where things lie in it: pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import Box, Spacing


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a stored image and the size it is drawn at.

    ``left``, ``top``, ``width`` and ``height`` are stored pixels and may reach beyond the image;
    ``columns`` and ``rows`` are those of the crop.
    """

    left: int
    top: int
    width: int
    height: int
    columns: int
    rows: int

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the crop per stored pixel, (across, down)."""
        return self.columns / self.width, self.rows / self.height

    def spacing_mm(self, spacing: Spacing) -> tuple[float, float]:
        """Return the crop's pixel pitch in mm: between rows, between columns."""
        across, down = self.scale
        return spacing.row_mm / down, spacing.column_mm / across

    def inside(self, box: Box) -> Box | None:
        """Return a box of the stored image in the crop's pixels, cut to it; None if outside."""
        across, down = self.scale
        found = Box(
            max(0.0, (box.x_min - self.left) * across),
            max(0.0, (box.y_min - self.top) * down),
            min(float(self.columns), (box.x_max - self.left) * across),
            min(float(self.rows), (box.y_max - self.top) * down),
        )
        return found if found.width > 0 and found.height > 0 else None

    def shows_centre(self, box: Box) -> bool:
        """Whether the middle of a box of the stored image lies in the window."""
        column, row = box.centre
        return (
            self.left <= column < self.left + self.width
            and self.top <= row < self.top + self.height
        )


def window_of(
    box: Box,
    shape: tuple[int, int],
    spacing: Spacing,
    margin_mm: float,
    size_px: int | None = None,
) -> Window:
    """Return the window around a lesion.

    Parameters
    ----------
    box : Box
        Of the lesion, stored pixels.
    shape : (rows, columns)
        Of the stored image.
    margin_mm : float
        What is shown beyond the box, at each side.
    size_px : int, optional
        Draw a square of as many pixels: as large in mm as the box's longer side and the margins.
        Without it the crop has the image's own pixels and ends where the image ends.
    """
    margin_x, margin_y = margin_mm / spacing.column_mm, margin_mm / spacing.row_mm
    if size_px is None:
        rows, columns = shape
        left, top = (
            max(0, math.floor(box.x_min - margin_x)),
            max(0, math.floor(box.y_min - margin_y)),
        )
        right = min(columns, math.ceil(box.x_max + margin_x))
        bottom = min(rows, math.ceil(box.y_max + margin_y))
        width, height = right - left, bottom - top
        return Window(left, top, width, height, width, height)
    side_mm = max(box.width * spacing.column_mm, box.height * spacing.row_mm) + 2 * margin_mm
    width, height = round(side_mm / spacing.column_mm), round(side_mm / spacing.row_mm)
    column, row = box.centre
    left, top = round(column - width / 2), round(row - height / 2)
    return Window(left, top, width, height, size_px, size_px)


def cut(pixels: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.float32]:
    """Cut a window out of an image, (rows, columns) float32; 0 beyond its edge."""
    rows, columns = pixels.shape
    top, left = max(0, window.top), max(0, window.left)
    bottom = min(rows, window.top + window.height)
    right = min(columns, window.left + window.width)
    whole = np.zeros((window.height, window.width), dtype=np.float32)
    whole[top - window.top : bottom - window.top, left - window.left : right - window.left] = (
        pixels[top:bottom, left:right]
    )
    if (window.rows, window.columns) == whole.shape:
        return whole
    shrinks = window.rows < window.height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(whole, (window.columns, window.rows), interpolation=how)
    return np.asarray(resized, dtype=np.float32)
