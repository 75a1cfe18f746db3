"""What a square window shows of a finding: by its outline, not by the box around it.

A crescent of thick skin leaves most of its box empty, and so does a ragged asymmetry: windows and
cells there show nothing of the finding. Where only a box is known its corners are taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.view import Finding
from training.windows import Window

#: A square has a finding when it shows this share of the most that any square of its size can show.
ENOUGH = 0.5
#: A box without an outline is what |x|^3 + |y|^3 <= 1 leaves of it.
_ROUNDNESS, _CORNERS = 3.0, 48
#: Pixels of a square's side, when shapes are compared with it, and bits of a pixel's fraction.
_FINENESS, _BITS = 32, 4

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A polygon, (points, 2) columns and rows, of which what lies in `box` counts."""

    points: np.ndarray
    box: Box

    @classmethod
    def of(cls, finding: Finding) -> Shape:
        """Give a finding's outline in mm of its view."""
        if not finding.outline_mm:
            return cls.rounded(finding.box_mm)
        return cls(np.asarray(finding.outline_mm), finding.box_mm)

    @classmethod
    def in_window(cls, finding: Finding, window: Window) -> Shape:
        """Give a finding's outline in pixels of a window."""
        shape = cls.of(finding)
        x0, y0, x1, y1 = (float(v) for v in window.to_window(np.asarray([shape.box]))[0])
        origin = np.asarray(window.origin_mm)
        return cls((shape.points - origin) / window.mm_per_pixel, (x0, y0, x1, y1))

    @classmethod
    def rounded(cls, box: Box) -> Shape:
        """Give the shape of a finding of which only the box is known."""
        x0, y0, x1, y1 = box
        turn = np.linspace(0.0, 2 * np.pi, _CORNERS, endpoint=False)
        unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        unit = np.sign(unit) * np.abs(unit) ** (2 / _ROUNDNESS)
        half, middle = np.array([x1 - x0, y1 - y0]) / 2, np.array([x0 + x1, y0 + y1]) / 2
        return cls(middle + unit * half, box)

    def mirrored(self, rows: int) -> Shape:
        """Turn upside down in a window of so many rows."""
        x0, y0, x1, y1 = self.box
        return Shape(self.points * (1, -1) + (0, rows), (x0, rows - y1, x1, rows - y0))

    def transposed(self) -> Shape:
        """Change rows for columns."""
        x0, y0, x1, y1 = self.box
        return Shape(self.points[:, ::-1], (y0, x0, y1, x1))

    def drawn_point(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a point of it, (x, y)."""
        at = np.array([self.box[:2], self.box[2:]])
        outline = self.points.astype(np.float32)
        for _ in range(100):
            point = rng.uniform(*at)
            if cv2.pointPolygonTest(outline, point.tolist(), measureDist=False) >= 0:
                return np.asarray(point)
        return np.asarray(at.mean(axis=0))

    def covered(self, mask: np.ndarray) -> float:
        """Tell how many pixels of a window's mask, (rows, columns) bool, lie within it."""
        drawn = np.zeros(mask.shape, dtype=np.uint8)
        cv2.fillPoly(drawn, [np.round(self.points * 2**_BITS).astype(np.int32)], (1,), shift=_BITS)
        return float(np.count_nonzero(drawn[mask]))

    def shown(self, corners: np.ndarray, side: float) -> np.ndarray:
        """Tell what squares show of it, of the most that a square of that size can show.

        Parameters
        ----------
        corners
            Top-left corners of the squares, (..., 2) columns and rows.
        side
            Of the squares, pixels.

        Returns
        -------
        ndarray
            (...) float32, 0 to 1; exactly 0 where a square shows nothing of it.
        """
        unit = side / _FINENESS
        low = np.array(self.box[:2]) - side - unit
        high = np.array(self.box[2:]) + unit
        columns, rows = np.ceil((high - low) / unit).astype(int) + _FINENESS
        area = _sums(self._drawn(low, unit, int(rows), int(columns)))
        at = np.round((np.asarray(corners) - low) / unit).astype(int)
        inside = ((at >= 0) & (at < np.array(area.shape[::-1]))).all(axis=-1)
        column, row = np.moveaxis(np.where(inside[..., None], at, 0), -1, 0)
        return np.where(inside, area[row, column] / max(area.max(), 1.0), 0.0).astype(np.float32)

    def _drawn(self, low: np.ndarray, unit: float, rows: int, columns: int) -> np.ndarray:
        """Draw it on a grid, (rows, columns) float32; however thin, it shows."""
        grid = np.zeros((rows, columns), dtype=np.uint8)
        at = np.round(((self.points - low) / unit - 0.5) * 2**_BITS).astype(np.int32)
        cv2.fillPoly(grid, [at], (1,), shift=_BITS)
        x0, y0, x1, y1 = np.round((np.array(self.box).reshape(2, 2) - low) / unit).ravel()
        kept = np.zeros_like(grid)
        part = (
            slice(int(y0), max(int(y1), int(y0) + 1)),
            slice(int(x0), max(int(x1), int(x0) + 1)),
        )
        kept[part] = grid[part]
        return kept.astype(np.float32)


def _sums(drawn: np.ndarray) -> np.ndarray:
    """Sum squares of `_FINENESS` pixels, by their top-left corners."""
    total = cv2.integral(drawn)
    n = _FINENESS
    return np.asarray(total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n])
