"""Dust, hairs and holes in the emulsion of a film: white, crisp, and of no shape.

Their light went through no breast and no screen, so that their edges are as sharp as the digitiser
is. Nothing else tells a small one from a calcification, and a few beside one another from a
cluster. Most films have a dozen or two, some are strewn with them.
"""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.noise import FloatArray

#: Marks on a square decimetre: median and spread of the logarithm; and the most on one film.
MARKS, MARKS_SPREAD = 2.5, 1.2
_MOST = 150
#: Radius of a speck in mm, the logarithm is even; deviation of places in a group, and its numbers.
RADIUS_MM = (0.04, 0.32)
GROUP_MM, GROUP_COUNT = (0.5, 6.0), (3, 12)
#: Shares of marks that are groups and hairs.
_GROUPED, _HAIR = 0.08, 0.12
HAIR_MM, HAIR_WIDTH_MM = (0.8, 7.0), (0.04, 0.12)
#: How much of the film's grey a mark covers: a thin one lets some through.
COVER = (0.15, 1.0)
#: Binary places of a drawn point.
_SHIFT = 4


def add_dust(
    rng: np.random.Generator,
    grey: FloatArray,
    pitch_mm: float,
    *,
    marks: float = MARKS,
    white: float = 1.0,
) -> None:
    """Strew marks over a film.

    Parameters
    ----------
    rng
        Source of the draws.
    grey
        (rows, columns) float32, changed in place; what is brighter than `white` stays.
    pitch_mm
        Pixel pitch.
    marks
        Median number on a square decimetre.
    white
        Grey of what covers the film.
    """
    rows, columns = grey.shape
    area = rows * columns * (pitch_mm / 100.0) ** 2
    mean = marks * float(np.exp(MARKS_SPREAD * rng.standard_normal())) * area
    for _ in range(min(int(rng.poisson(mean)), _MOST)):
        place = rng.uniform(0.0, 1.0, 2) * [columns, rows]
        kind = rng.uniform()
        if kind < _HAIR:
            _cover_hair(rng, grey, place + _hair(rng, pitch_mm), pitch_mm, white)
        elif kind < _HAIR + _GROUPED:
            reach = float(rng.uniform(*GROUP_MM)) / pitch_mm
            for offset in reach * rng.standard_normal((int(rng.integers(*GROUP_COUNT)), 2)):
                _cover_speck(rng, grey, place + offset + _speck(rng, pitch_mm), white)
        else:
            _cover_speck(rng, grey, place + _speck(rng, pitch_mm), white)


def _speck(rng: np.random.Generator, pitch_mm: float) -> np.ndarray:
    """Corners of an irregular speck around the origin, (corners, 2) pixels."""
    radius = float(np.exp(rng.uniform(*np.log(RADIUS_MM)))) / pitch_mm
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, 7))
    reach = radius * rng.uniform(0.5, 1.5, (7, 1))
    return np.asarray(reach * np.column_stack([np.cos(angle), np.sin(angle)]))


def _hair(rng: np.random.Generator, pitch_mm: float) -> np.ndarray:
    """Points along a bent hair from the origin, (points, 2) pixels."""
    step = float(rng.uniform(*HAIR_MM)) / pitch_mm / 8
    heading = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(0.35 * rng.standard_normal(8))
    steps = step * np.column_stack([np.cos(heading), np.sin(heading)])
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def _cover_speck(
    rng: np.random.Generator, grey: FloatArray, corners: np.ndarray, white: float
) -> None:
    """Cover the film within a polygon; what is smaller than a pixel covers a share of it."""
    part, canvas, fixed = _canvas(grey, corners)
    if not part.size:
        return
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, _SHIFT)
    # What is drawn is at least a pixel wide.
    drawn, true = float(canvas.sum()) / 255.0, cv2.contourArea(corners.astype(np.float32))
    _whiten(rng, part, canvas, white, min(1.0, true / max(drawn, 1e-6)))


def _cover_hair(
    rng: np.random.Generator, grey: FloatArray, points: np.ndarray, pitch_mm: float, white: float
) -> None:
    """Cover the film along a hair, which is thinner than a pixel as a rule."""
    part, canvas, fixed = _canvas(grey, points)
    if not part.size:
        return
    width_px = min(float(rng.uniform(*HAIR_WIDTH_MM)) / pitch_mm, 1.0)
    cv2.polylines(canvas, [fixed], False, round(255 * width_px), 1, cv2.LINE_AA, _SHIFT)
    _whiten(rng, part, canvas, white, 1.0)


def _canvas(grey: FloatArray, points: np.ndarray) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Return the film around points (a view of it), a blank of its shape, and points to draw."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 3, 0)
    high = np.maximum(np.ceil(points.max(axis=0)).astype(int) + 4, 0)
    part = grey[low[1] : high[1], low[0] : high[0]]
    fixed = np.round((points - low) * 2**_SHIFT).astype(np.int32)
    return part, np.zeros(part.shape, dtype=np.uint8), fixed


def _whiten(
    rng: np.random.Generator, part: FloatArray, canvas: np.ndarray, white: float, share: float
) -> None:
    cover = canvas.astype(np.float32) * np.float32(rng.uniform(*COVER) / 255.0)
    part += cover * np.float32(share) * np.maximum(np.float32(white) - part, np.float32(0.0))
