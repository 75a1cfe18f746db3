"""Fine straight lines that run to one point: the spiculation of distortion and retraction."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.lesion import Patch
from mammo_node.phantom.noise import FloatArray

_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
_PIECES = 8
_FINEST_MM = 0.1


def draw_threads(
    starts_mm: np.ndarray,
    ends_mm: np.ndarray,
    bends_mm: np.ndarray,
    widths_mm: np.ndarray,
    pitch_mm: float,
) -> Patch:
    """Draw bent lines as depths of connective tissue in mm, as deep as they are wide.

    Parameters
    ----------
    starts_mm, ends_mm
        (count, 2) float64 points (x, y) of the view in mm.
    bends_mm
        (count,) how far each line's middle is off the straight one.
    widths_mm
        (count,) width at the start; a line thins out towards its end.
    pitch_mm
        Pixel pitch of the patch that comes back.
    """
    every = np.concatenate([starts_mm, ends_mm])
    low, high = every.min(axis=0) - 3.0, every.max(axis=0) + 3.0
    column, row = int(np.floor(low[0] / pitch_mm)), int(np.floor(low[1] / pitch_mm))
    zoom = max(1, round(pitch_mm / _FINEST_MM))
    shape = tuple(int(np.ceil(s / pitch_mm)) * zoom for s in (high - low)[::-1])
    fine = np.zeros(shape, dtype=np.float32)
    origin = np.array([column, row]) * pitch_mm
    for start, end, bend, width in zip(starts_mm, ends_mm, bends_mm, widths_mm, strict=True):
        points = (_bent(start, end, float(bend)) - origin) * (zoom / pitch_mm)
        _draw(fine, points, float(width), pitch_mm / zoom)
    fine = cv2.GaussianBlur(fine, (0, 0), max(0.5, 0.14 * zoom / pitch_mm))
    size = (shape[1] // zoom, shape[0] // zoom)
    return Patch(np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA)), column, row)


def _bent(start: np.ndarray, end: np.ndarray, bend_mm: float) -> np.ndarray:
    t = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    along = end - start
    normal = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6)
    return np.asarray(start + t * along + 4.0 * t * (1.0 - t) * bend_mm * normal)


def _draw(fine: FloatArray, points: np.ndarray, width_mm: float, pitch_mm: float) -> None:
    margin = 4
    low = np.floor(points.min(axis=0)).astype(int) - margin
    high = np.ceil(points.max(axis=0)).astype(int) + margin
    low, high = np.maximum(low, 0), np.minimum(high, fine.shape[::-1])
    if (high <= low).any():
        return
    canvas = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.uint8)
    fixed = np.round((points - low - 0.5) * (1 << _SHIFT)).astype(np.int32)
    for i in range(_PIECES):
        taper = 1.0 - 0.8 * i / _PIECES
        thick = max(1, round(width_mm * taper / pitch_mm))
        cv2.line(canvas, fixed[i], fixed[i + 1], int(255 * taper), thick, cv2.LINE_AA, _SHIFT)
    part = fine[low[1] : high[1], low[0] : high[0]]
    part += canvas.astype(np.float32) * np.float32(width_mm / 255.0)
