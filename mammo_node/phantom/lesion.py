"""What the truth about a lesion in one view is, and the patch that puts it there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.kinds import CLUSTER, MASS, VINDR_NAMES
from mammo_node.phantom.noise import FloatArray

__all__ = ["CLUSTER", "MASS", "Patch", "PhantomLesion", "bounds", "largest_outline"]


@dataclass(frozen=True, slots=True)
class PhantomLesion:
    """Ground truth of one lesion, or any other finding, in one view.

    All coordinates are (column, row) in pixels of the original image, (0.0, 0.0) the top-left
    corner of the top-left pixel.

    Attributes
    ----------
    kind
        One of `kinds`: `MASS`, `CLUSTER`, one of `SIGNS` or one of `BENIGN`.
    variety
        Round, lobulated, irregular, spiculated; pleomorphic, fine-linear, amorphous, punctate; for
        others a word on what they look like.
    malignant_looking
        Whether the variety was drawn from the suspicious end.
    identity
        The same number in every view in which the same lesion is seen.
    box_px
        x_min, y_min, x_max, y_max.
    outline_px
        (points, 2) float32 polygon.
    centre_px
        Projection of the lesion's 3D centre.
    size_mm
        Longest side of the box.
    contrast
        Lesion's mean added attenuation over the deviation of its surroundings; under about 0.5 it
        is hard to see.
    """

    kind: str
    variety: str
    malignant_looking: bool
    identity: int
    box_px: tuple[float, float, float, float]
    outline_px: FloatArray
    centre_px: tuple[float, float]
    size_mm: float
    contrast: float

    @property
    def finding(self) -> str | None:
        """The name that VinDr-Mammo has for it; None for what has none, as benign specks."""
        if self.kind == CLUSTER and not self.malignant_looking:
            return None
        return VINDR_NAMES.get(self.kind)


@dataclass(frozen=True, slots=True)
class Patch:
    """A small float32 image and the (column, row) of its top-left pixel in the full image."""

    values: FloatArray
    column: int
    row: int

    def add_to(self, image: FloatArray) -> None:
        """Add the patch to `image` in place, clipped at the edges."""
        rows, columns, patch_rows, patch_columns = self._overlap(image.shape)
        image[rows, columns] += self.values[patch_rows, patch_columns]

    def cut_from(self, image: FloatArray) -> FloatArray:
        """Cut the part of `image` under the patch, edge-replicated to the patch's shape."""
        height, width = self.values.shape
        rows = np.clip(np.arange(self.row, self.row + height), 0, image.shape[0] - 1)
        columns = np.clip(np.arange(self.column, self.column + width), 0, image.shape[1] - 1)
        return np.asarray(image[np.ix_(rows, columns)])

    def _overlap(self, shape: tuple[int, ...]) -> tuple[slice, slice, slice, slice]:
        height, width = self.values.shape
        top, left = max(self.row, 0), max(self.column, 0)
        bottom = max(top, min(self.row + height, shape[0]))
        right = max(left, min(self.column + width, shape[1]))
        return (
            slice(top, bottom),
            slice(left, right),
            slice(top - self.row, bottom - self.row),
            slice(left - self.column, right - self.column),
        )


def largest_outline(mask: np.ndarray, column: int, row: int) -> FloatArray | None:
    """Outline of the largest blob of a (rows, columns) mask as (points, 2) image coordinates."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=cv2.contourArea)[:, 0, :].astype(np.float32)
    # Pixel centres, moved half a pixel so that (0, 0) is the corner of the corner pixel.
    return np.asarray(contour + np.array([column + 0.5, row + 0.5], dtype=np.float32))


def bounds(outline_px: FloatArray, columns: int, rows: int) -> tuple[float, float, float, float]:
    """Box of an outline of pixel centres, grown to the pixels' edges and cut at the image's."""
    low = outline_px.min(axis=0) - 0.5
    high = outline_px.max(axis=0) + 0.5
    return (
        float(np.clip(low[0], 0, columns)),
        float(np.clip(low[1], 0, rows)),
        float(np.clip(high[0], 0, columns)),
        float(np.clip(high[1], 0, rows)),
    )
