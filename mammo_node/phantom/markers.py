"""What lies on the picture but not in the breast: lead letters, scratches, dust, film edges."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.dust import add_dust
from mammo_node.phantom.noise import FloatArray


def add_view_letters(
    rng: np.random.Generator,
    grey: FloatArray,
    inside_mm: FloatArray,
    laterality: str,
    view: str,
    pitch_mm: float,
) -> None:
    """Lay lead letters beside the breast (grey 0..1, in place; already in display orientation)."""
    rows, columns = grey.shape
    height_mm = float(rng.uniform(8.0, 16.0))
    size = int(3.2 * height_mm / pitch_mm)
    letters = np.zeros((size, size), dtype=np.uint8)
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = height_mm / pitch_mm / 22.0
    thick = max(1, int(scale * rng.uniform(2.0, 4.5)))
    middle = size // 2
    cv2.putText(letters, laterality, (size // 8, middle), font, scale, 255, thick, cv2.LINE_AA)
    small = (size // 8 + int(20 * scale), middle + int(4 * scale))
    cv2.putText(letters, view, small, font, 0.6 * scale, 255, max(1, thick // 2), cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((middle, middle), float(rng.choice([0, 0, -45, 45, 90])), 1.0)
    plate = cv2.warpAffine(letters, turn, (size, size)).astype(np.float32) / np.float32(255.0)
    air = inside_mm <= 0
    for _ in range(25):
        row = int(rng.uniform(0.0, max(1, rows - size)))
        column = int(rng.uniform(0.0, max(1, columns - size)))
        window = air[row : row + size, column : column + size]
        if window.shape == plate.shape and window.all():
            target = grey[row : row + size, column : column + size]
            np.maximum(target, plate * np.float32(rng.uniform(0.6, 1.0)), out=target)
            return


def add_film_marks(rng: np.random.Generator, grey: FloatArray, pitch_mm: float) -> None:
    """Scratches, dust, an identity plate without a name, and scanner edges (changed in place)."""
    rows, columns = grey.shape
    for _ in range(int(rng.poisson(2.0))):
        _scratch(rng, grey, pitch_mm)
    add_dust(rng, grey, pitch_mm)
    if rng.uniform() < 0.3:
        width = int(rng.uniform(0.5, 5.0) / pitch_mm)
        level = float(rng.choice([0.0, 0.9, 1.0]))
        side = int(rng.integers(3))
        if side == 0:
            grey[:width] = level
        elif side == 1:
            grey[rows - width :] = level
        else:
            grey[:, columns - width :] = level


def _scratch(rng: np.random.Generator, grey: FloatArray, pitch_mm: float) -> None:
    rows, columns = grey.shape
    start = rng.uniform(0.0, 1.0, 2) * [columns, rows]
    end = start + rng.normal(0.0, 12.0, 2) / pitch_mm
    canvas = np.zeros(grey.shape, dtype=np.uint8)
    ends = np.round(np.stack([start, end]) * 16).astype(np.int32)
    cv2.line(canvas, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    grey += canvas.astype(np.float32) * np.float32(rng.uniform(-0.05, 0.1) / 255.0)
