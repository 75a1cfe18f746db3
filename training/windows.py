"""Cut square windows out of banked views at any zoom, and make a model's channels of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mammo_node.image.recipes import contrast_of
from training.view import AIR, COARSE_MM, FINE_MM, RATIO, BankedView, decode

#: Windows of finer pixels than this are cut from the fine image: the coarse one would blur them.
_FINE_BELOW_MM = 0.29
#: Channels of contrast with a neighbourhood, each with a table of its own.
_CONTRASTS = ("local", "wide")


@dataclass(frozen=True, slots=True)
class Window:
    """Grey levels and breast mask of (rows, columns) pixels of `mm_per_pixel`.

    `origin_mm` is where its top-left corner lies in the view.
    """

    level: np.ndarray
    mask: np.ndarray
    mm_per_pixel: float
    origin_mm: tuple[float, float]

    def to_window(self, boxes_mm: np.ndarray) -> np.ndarray:
        """Boxes (N, 4) in mm of the view as pixels of the window."""
        origin = np.asarray(self.origin_mm * 2)
        return np.asarray((boxes_mm - origin) / self.mm_per_pixel, dtype=np.float32)

    def without_margin(self, margin: int) -> Window:
        """Cut the same number of pixels off every side."""
        if margin == 0:
            return self
        inner = slice(margin, -margin)
        x, y = (edge + margin * self.mm_per_pixel for edge in self.origin_mm)
        return replace(
            self, level=self.level[inner, inner], mask=self.mask[inner, inner], origin_mm=(x, y)
        )


def cut_window(
    view: BankedView, corner_mm: tuple[float, float], size_px: int, mm_per_pixel: float
) -> Window:
    """Cut a square window; what lies beyond the view is air."""
    fine = mm_per_pixel < _FINE_BELOW_MM
    pitch = FINE_MM if fine else COARSE_MM
    left, top = (round(edge / pitch) for edge in corner_mm)
    side = max(8, round(size_px * mm_per_pixel / pitch))
    stored = _cut(view.fine if fine else view.coarse, left, top, side, AIR)
    if fine:
        low_x, low_y, reach = left // RATIO, top // RATIO, side // RATIO + 2
        mask = _cut(view.mask, low_x, low_y, reach, 0).astype(np.uint8)
        mask = np.repeat(np.repeat(mask, RATIO, axis=0), RATIO, axis=1)
        skip_x, skip_y = left - RATIO * low_x, top - RATIO * low_y
        mask = mask[skip_y : skip_y + side, skip_x : skip_x + side]
    else:
        mask = _cut(view.mask, left, top, side, 0).astype(np.uint8)
    level = decode(stored)
    if side != size_px:
        how = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
        level = cv2.resize(level, (size_px, size_px), interpolation=how)
        mask = cv2.resize(mask, (size_px, size_px), interpolation=cv2.INTER_NEAREST)
    return Window(level, mask > 0, side * pitch / size_px, (left * pitch, top * pitch))


def _cut(image: np.ndarray, left: int, top: int, side: int, empty: int) -> np.ndarray:
    rows, columns = image.shape
    out = np.full((side, side), empty, dtype=image.dtype)
    y0, y1 = max(top, 0), min(top + side, rows)
    x0, x1 = max(left, 0), min(left + side, columns)
    if y1 > y0 and x1 > x0:
        out[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return out


def make_channels(
    window: Window, names: tuple[str, ...], parameters: Mapping[str, Mapping[str, float]]
) -> np.ndarray:
    """Channels as `mammo_node.image.recipes` makes them of a whole image, (C, rows, columns)."""
    level = np.clip(window.level, -0.25, 1.25) * window.mask
    made = []
    for name in names:
        if name == "global":
            made.append(level)
        elif name in _CONTRASTS:
            sigma_mm = parameters.get(name, {}).get("sigma_mm", 8.0)
            made.append(contrast_of(level, window.mask, sigma_mm / window.mm_per_pixel))
        else:
            raise SystemExit(f"channel {name!r} cannot be made from banked views")
    return np.stack(made).astype(np.float32)
