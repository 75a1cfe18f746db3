"""Another field over the same picture: cut narrower, or padded, with all truth moved along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.landmarks import Landmarks
from mammo_node.phantom.lesion import PhantomLesion

#: A finding of which less than this share of its box is left is no longer one.
LEAST_LEFT = 0.3


@dataclass(frozen=True, slots=True)
class Field:
    """A field in pixels of the old image; `left` and `top` are negative where it reaches beyond."""

    left: int
    top: int
    columns: int
    rows: int

    def cut(self, image: NDArray[Any], fill: float = 0.0) -> NDArray[Any]:
        """Cut a (rows, columns) image to the field; what is beyond it is `fill`."""
        made = np.full((self.rows, self.columns), fill, dtype=image.dtype)
        top, left = max(0, self.top), max(0, self.left)
        part = image[top : self.top + self.rows, left : self.left + self.columns]
        row, column = top - self.top, left - self.left
        made[row : row + part.shape[0], column : column + part.shape[1]] = part
        return made

    def move(self, point: tuple[float, float]) -> tuple[float, float]:
        """Tell where a point (column, row) of the old image lies in the field."""
        return point[0] - self.left, point[1] - self.top

    def lesions(self, lesions: Iterable[PhantomLesion]) -> tuple[PhantomLesion, ...]:
        """Move findings along; what the field leaves out is gone."""
        moved = (self._lesion(lesion) for lesion in lesions)
        return tuple(lesion for lesion in moved if lesion is not None)

    def landmarks(self, marks: Landmarks) -> Landmarks:
        """Move landmarks along."""
        column, row = self.move(marks.nipple_px)
        offset = np.array([self.left, self.top], dtype=np.float32)
        return replace(
            marks,
            nipple_px=(column, row),
            nipple_in_image=bool(0 <= column < self.columns and 0 <= row < self.rows),
            breast=self.cut(marks.breast),
            pectoral=self.cut(marks.pectoral),
            pectoral_outline_px=np.asarray(marks.pectoral_outline_px - offset, dtype=np.float32),
            implant=self.cut(marks.implant),
        )

    def _lesion(self, lesion: PhantomLesion) -> PhantomLesion | None:
        x0, y0, x1, y1 = lesion.box_px
        area = max((x1 - x0) * (y1 - y0), 1e-6)
        box = (
            float(np.clip(x0 - self.left, 0, self.columns)),
            float(np.clip(y0 - self.top, 0, self.rows)),
            float(np.clip(x1 - self.left, 0, self.columns)),
            float(np.clip(y1 - self.top, 0, self.rows)),
        )
        width, height = box[2] - box[0], box[3] - box[1]
        if width * height < LEAST_LEFT * area:
            return None
        column, row = self.move(lesion.centre_px)
        pitch = lesion.size_mm / max(x1 - x0, y1 - y0)
        return replace(
            lesion,
            box_px=box,
            outline_px=np.asarray(
                lesion.outline_px - np.array([self.left, self.top], dtype=np.float32)
            ),
            centre_px=(float(np.clip(column, box[0], box[2])), float(np.clip(row, box[1], box[3]))),
            size_mm=max(width, height) * pitch,
        )
