"""What lies on a film, and what its digitiser adds to the picture (grey 0..1, all in place)."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.look import WHITE, FilmSheet
from mammo_node.phantom.noise import FloatArray

_LABEL_TRIES = 12


def add_sheet(
    rng: np.random.Generator,
    sheet: FilmSheet,
    grey: FloatArray,
    inside_mm: FloatArray,
    pitch_mm: float,
) -> None:
    """Lay labels, tape and border on the film and run it through the digitiser."""
    for _ in range(int(rng.poisson(sheet.labels))):
        _add_label(rng, grey, inside_mm, pitch_mm)
    for _ in range(int(rng.poisson(sheet.tape))):
        _add_tape(rng, grey, pitch_mm)
    if sheet.frame_mm > 0.0:
        _add_frame(rng, sheet, grey, pitch_mm)
    for _ in range(int(rng.poisson(sheet.streaks))):
        _add_streak(rng, sheet, grey)


def _add_label(
    rng: np.random.Generator, grey: FloatArray, inside_mm: FloatArray, pitch_mm: float
) -> None:
    """Add a paper label with strokes that mean nothing, where there is air."""
    height, width = (int(v / pitch_mm) for v in rng.uniform([9.0, 22.0], [20.0, 55.0]))
    paper = np.full((height, width), 255, dtype=np.uint8)
    lines = int(rng.integers(2, 6))
    for k in range(lines):
        y = int((k + 0.7) * height / lines)
        x = int(0.06 * width)
        while x < 0.9 * width:
            step = int(rng.uniform(0.6, 2.4) / pitch_mm)
            tall = int(rng.uniform(0.4, 0.8) * height / lines)
            ends = ((x, y), (x + int(rng.normal(0.0, 0.5) * step), y - tall))
            cv2.line(paper, *ends, int(rng.uniform(20, 120)), max(1, int(0.35 / pitch_mm)))
            x += max(2, step)
    turn = float(rng.choice((0.0, 0.0, 90.0, 180.0)) + rng.normal(0.0, 2.0))
    size = int(np.hypot(height, width)) + 2
    place = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0)
    place[:, 2] += [(size - width) / 2, (size - height) / 2]
    shape = (size, size)
    cover = cv2.warpAffine(np.full_like(paper, 255), place, shape).astype(np.float32) / 255.0
    ink = cv2.warpAffine(paper, place, shape).astype(np.float32) / 255.0
    level = np.float32(rng.uniform(0.55, 1.0))
    rows, columns = grey.shape
    for _ in range(_LABEL_TRIES):
        row = int(rng.uniform(0.0, max(1, rows - size)))
        column = int(rng.uniform(0.0, max(1, columns - size)))
        part = grey[row : row + size, column : column + size]
        if part.shape != shape or inside_mm[row : row + size, column : column + size].any():
            continue
        part *= 1.0 - cover
        part += cover * ink * level
        return


def _add_tape(rng: np.random.Generator, grey: FloatArray, pitch_mm: float) -> None:
    """Add a strip of adhesive tape over an edge or a corner: a little brighter, with its edges."""
    rows, columns = grey.shape
    strip = np.zeros(grey.shape, dtype=np.uint8)
    width = rng.uniform(9.0, 22.0) / pitch_mm
    corner = np.array([rng.choice((0.0, 1.0)) * columns, rng.choice((0.0, 1.0)) * rows])
    along = np.array([rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.0)])
    along /= max(float(np.linalg.norm(along)), 1e-6)
    side = np.array([-along[1], along[0]]) * width / 2
    reach = along * rng.uniform(12.0, 40.0) / pitch_mm
    box = np.array([corner - reach + side, corner + reach + side])
    box = np.concatenate([box, np.array([corner + reach - side, corner - reach - side])])
    cv2.fillPoly(strip, [np.round(box).astype(np.int32)], 255, cv2.LINE_AA)
    cover = strip.astype(np.float32) / np.float32(255.0)
    edge = np.abs(cover - cv2.GaussianBlur(cover, (0, 0), 0.4 / pitch_mm))
    grey += np.float32(rng.uniform(0.02, 0.15)) * cover + np.float32(0.25) * edge


def _add_frame(
    rng: np.random.Generator, sheet: FilmSheet, grey: FloatArray, pitch_mm: float
) -> None:
    """Add the border that the cassette or the scanner's mask leaves, rarely quite straight."""
    rows, columns = grey.shape
    level = np.float32(rng.uniform(0.8, 1.0) if sheet.frame_shade == WHITE else 0.0)
    y, x = np.arange(rows)[:, None], np.arange(columns)[None, :]
    for side in range(4):
        if rng.uniform() < 0.35:
            continue
        width = sheet.frame_mm * rng.uniform(0.3, 1.2) / pitch_mm
        slope = rng.normal(0.0, 0.006)
        if side < 2:
            distance = (y if side == 0 else rows - 1 - y) - slope * x
        else:
            distance = (x if side == 2 else columns - 1 - x) - slope * y
        cover = np.clip(width - distance, 0.0, 1.0).astype(np.float32)
        grey *= 1.0 - cover
        grey += cover * level


def _add_streak(rng: np.random.Generator, sheet: FilmSheet, grey: FloatArray) -> None:
    """Add a line along the transport of the film: a dusty or badly calibrated detector element."""
    rows, columns = grey.shape
    depth = np.float32(rng.normal(0.0, sheet.streak_depth))
    wide = int(rng.choice((1, 1, 2, 5)))
    if rng.uniform() < 0.5:
        column = int(rng.integers(columns))
        grey[:, column : column + wide] += depth
    else:
        row = int(rng.integers(rows))
        grey[row : row + wide] += depth
