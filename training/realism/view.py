"""A mammogram with tissue labels on a common scale, whoever made it.

All views are brought to one frame before anything is measured: chest wall on the left, dense tissue
bright, 0.25 mm pixels, grey levels scaled so that the 1st percentile of the breast without the
pectoral muscle is 0 and its 99.5th is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

PITCH_MM = 0.25
#: The tissue labels of the DDSM subset of Tiryaki and Kaplanoglu (IRBM 2022).
BACKGROUND, FAT, GLAND, PECTORAL = 64, 128, 192, 255


@dataclass(frozen=True, slots=True)
class TissueView:
    """One view: `grey` (rows, columns) float32, `tissue` (rows, columns) uint8 labels."""

    name: str
    grey: np.ndarray
    tissue: np.ndarray

    @property
    def breast(self) -> np.ndarray:
        """Everything that is not background, (rows, columns) bool."""
        return np.asarray(self.tissue != BACKGROUND)

    @property
    def depth_mm(self) -> np.ndarray:
        """Distance inside the skin; the frame of the picture is not skin."""
        padded = np.pad(self.breast, 1, mode="edge")
        return np.asarray(ndimage.distance_transform_edt(padded)[1:-1, 1:-1] * PITCH_MM)

    @property
    def nipple(self) -> tuple[float, float]:
        """(column, row) of the skin farthest from the chest wall, as good as a nipple here."""
        widest = self.breast.sum(axis=1).astype(np.float64)
        rows = np.flatnonzero(widest >= widest.max() - 2.0 / PITCH_MM)
        return float(widest.max()), float(np.median(rows))


def scaled(grey: np.ndarray, breast: np.ndarray) -> np.ndarray:
    """Grey levels over the 1st to 99.5th percentile of the breast (without the muscle)."""
    low, high = np.percentile(grey[breast], (1.0, 99.5))
    level = (grey.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return np.asarray(np.clip(level, -0.5, 2.0), dtype=np.float32)


def make_view(
    name: str, grey: np.ndarray, tissue: np.ndarray, pitch_mm: float, blur_mm: float = 0.0
) -> TissueView:
    """Bring an image and its labels to the common pitch, chest wall on the left, and scale it."""
    if chest_wall_right(tissue != BACKGROUND):
        grey, tissue = grey[:, ::-1], tissue[:, ::-1]
    grey = np.ascontiguousarray(grey, dtype=np.float32)
    if blur_mm:
        grey = cv2.GaussianBlur(grey, (0, 0), blur_mm / pitch_mm)
    size = tuple(max(1, round(n * pitch_mm / PITCH_MM)) for n in grey.shape[::-1])
    if size != grey.shape[::-1]:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        tissue = cv2.resize(np.ascontiguousarray(tissue), size, interpolation=cv2.INTER_NEAREST)
    tissue = np.ascontiguousarray(tissue)
    return TissueView(name, scaled(grey, (tissue == FAT) | (tissue == GLAND)), tissue)


def chest_wall_right(breast: np.ndarray) -> bool:
    """Whether more of the right edge than of the left one is covered."""
    edge = max(1, breast.shape[1] // 50)
    return bool(breast[:, -edge:].mean() > breast[:, :edge].mean())
