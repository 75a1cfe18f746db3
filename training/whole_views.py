"""Whole views, fitted into a fixed frame: for density and for landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from training.dark_skin import lose_dark_skin
from training.grading import regrade
from training.view import COARSE_MM, UNKNOWN, BankedView, BankSource, decode
from training.windows import Window, make_channels


@dataclass(frozen=True, slots=True)
class Frame:
    """A view on `rows` x `columns` pixels: its channels' recipes and how much it is varied.

    Without `mm_per_pixel` each view is made as large as fits, and lies in the middle, as the node's
    letterbox puts it. With `dark_skin` some lose their dark rim, as `training.dark_skin` says.
    """

    rows: int
    columns: int
    channels: tuple[str, ...] = ("global",)
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    mm_per_pixel: float | None = None
    scale: tuple[float, float] = (0.9, 1.1)
    strength: float = 1.0
    dark_skin: bool = False


@dataclass(frozen=True, slots=True)
class Framed:
    """A view in its frame; `matrix` (2, 3) maps mm of the view to pixels of the frame."""

    image: np.ndarray
    mask: np.ndarray
    matrix: np.ndarray

    def place(self, point_mm: tuple[float, float]) -> np.ndarray:
        """Map a point (x, y) of the view to the frame, pixels."""
        return np.asarray(self.matrix[:, :2] @ np.asarray(point_mm) + self.matrix[:, 2])

    def warp(self, image: np.ndarray) -> np.ndarray:
        """Map another image on the view's coarse grid, nearest neighbours."""
        return _warped(image, self.matrix, self.mask.shape, cv2.INTER_NEAREST)


def fit_frame(frame: Frame, view: BankedView, rng: np.random.Generator | None = None) -> Framed:
    """Put a view into a frame where preprocessing puts it; with `rng`, varied."""
    height_mm, width_mm = (n * COARSE_MM for n in view.coarse.shape)
    matrix = _placed(frame, height_mm, width_mm)
    px = float(matrix[0, 0])
    if rng is not None:
        stretch = np.exp(rng.uniform(*np.log(frame.scale), 2))
        matrix[:, :2] *= stretch[:, None]
        matrix[:, 2] += rng.uniform(-4.0, 4.0, 2)
        if rng.uniform() < 0.25:
            matrix[1] = [0.0, -matrix[1, 1], matrix[1, 2] + height_mm * matrix[1, 1]]
    shape = (frame.rows, frame.columns)
    level = _warped(decode(view.coarse), matrix, shape, cv2.INTER_AREA)
    mask = _warped(view.mask.astype(np.uint8), matrix, shape, cv2.INTER_NEAREST) > 0
    window = Window(level, mask, 1.0 / px, (0.0, 0.0))
    if rng is not None:
        if frame.dark_skin:
            window = _with_dark_skin(rng, window, matrix, (width_mm, height_mm), frame.strength)
        level = regrade(rng, window.level, window.mask, window.mm_per_pixel, frame.strength)
        window = replace(window, level=level)
    channels = make_channels(window, frame.channels, frame.parameters)
    return Framed(channels, window.mask, matrix)


def _with_dark_skin(
    rng: np.random.Generator,
    window: Window,
    matrix: np.ndarray,
    extent_mm: tuple[float, float],
    strength: float,
) -> Window:
    """Lose the dark rim of a view that lies in the frame as `matrix` says."""
    mm = window.mm_per_pixel
    corners = np.stack([matrix[:, 2], matrix[:, :2] @ np.asarray(extent_mm) + matrix[:, 2]])
    low, high = corners.min(axis=0) * mm, corners.max(axis=0) * mm
    placed = replace(window, origin_mm=(-float(low[0]), -float(low[1])))
    across, down = high - low
    return lose_dark_skin(rng, placed, (float(across), float(down)), strength)


def _placed(frame: Frame, height_mm: float, width_mm: float) -> np.ndarray:
    """From mm of a view to pixels of the frame, (2, 3): `mammo_node.image.preprocess` does this."""
    if frame.mm_per_pixel:
        px = 1.0 / frame.mm_per_pixel
        return np.array([[px, 0.0, 0.0], [0.0, px, 0.0]])
    px = min(frame.rows / height_mm, frame.columns / width_mm)
    left = (frame.columns - round(width_mm * px)) // 2
    top = (frame.rows - round(height_mm * px)) // 2
    return np.array([[px, 0.0, left], [0.0, px, top]])


def _warped(image: np.ndarray, matrix: np.ndarray, shape: tuple[int, int], how: int) -> np.ndarray:
    # Area averages first, then the small remaining affine map: warping alone would alias.
    step = 1.0
    if how == cv2.INTER_AREA:
        step = max(1.0, 1.0 / (abs(matrix[0, 0]) * COARSE_MM))
        size = tuple(max(1, round(n / step)) for n in image.shape[::-1])
        image = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_LINEAR
    to_frame = matrix.copy()
    to_frame[:, :2] *= COARSE_MM * step
    # From pixel centres to pixel centres.
    to_frame[:, 2] += 0.5 * to_frame[:, :2].sum(axis=1) - 0.5
    return cv2.warpAffine(image, to_frame, shape[::-1], flags=how)


class WholeViewSource(BankSource):
    """A bank of which single views are drawn."""

    def any_view(self, rng: np.random.Generator) -> BankedView:
        """Draw a view whose nipple is known."""
        views = self.bank.views
        names = [name for name in sorted(views) if views[name].truth.nipple_mm[0] != UNKNOWN]
        return self.bank.views[names[int(rng.integers(len(names)))]]
