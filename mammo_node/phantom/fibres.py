"""Fibres and vessels: thin curved things drawn one by one, as added path lengths."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette

_FIBRE_MM = (0.2, 0.3, 0.45, 0.65)
_SHIFT = 4  # sub-pixel bits of OpenCV's drawing functions
Path = np.ndarray


def draw_fibres(rng: np.random.Generator, silhouette: Silhouette, count: int) -> FloatArray:
    """Fine fibres of connective tissue, (rows, columns) float32, about 1 in the middle of one.

    They come in bundles of a few that run nearly parallel; most are faint, few are bright.
    """
    grid = silhouette.grid
    total = np.zeros((grid.rows, grid.columns), dtype=np.float32)
    layers: dict[int, np.ndarray] = {}
    drawn = 0
    while drawn < count:
        bundle = int(rng.integers(1, 5))
        drawn += bundle
        length = float(np.clip(rng.gamma(3.0, 13.0), 8.0, 120.0))
        course = _wander(rng, silhouette, length, bend=0.0015)
        if course is None:
            continue
        for path in _bundle(rng, course, bundle):
            layer = int(rng.integers(0, len(_FIBRE_MM)))
            value = int(np.clip(90.0 * np.exp(0.5 * rng.standard_normal()), 20, 255))
            canvas = layers.setdefault(layer, np.zeros((grid.rows, grid.columns), dtype=np.uint8))
            _stroke(canvas, path, grid.pitch_mm, _FIBRE_MM[layer], value)
    for layer, canvas in layers.items():
        sigma = max(0.4, 0.3 * _FIBRE_MM[layer] / grid.pitch_mm)
        total += cv2.GaussianBlur(canvas, (0, 0), sigma).astype(np.float32) / np.float32(255.0)
    return total


def _bundle(rng: np.random.Generator, course: Path, count: int) -> list[Path]:
    """Draw companions of a course: shifted, fanned out a little, cut to parts of its length."""
    paths = [course]
    along = np.gradient(course, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    t = np.linspace(-1.0, 1.0, len(course))[:, None]
    for _ in range(count - 1):
        aside = rng.normal(0.0, 3.0) + t * rng.normal(0.0, 3.0) + t * t * rng.normal(0.0, 1.0)
        first, last = np.sort(rng.integers(0, len(course), 2))
        if last - first > 5:
            paths.append((course + aside * normal)[first:last])
    return paths


def draw_vessels(
    rng: np.random.Generator, silhouette: Silhouette, count: int
) -> tuple[FloatArray, list[tuple[Path, float]]]:
    """Draw vessels: path lengths of blood in mm; each one's course (points in mm) and width."""
    grid = silhouette.grid
    total = np.zeros((grid.rows, grid.columns), dtype=np.float32)
    courses = []
    for _ in range(count):
        path = _wander(rng, silhouette, float(rng.uniform(40.0, 140.0)), bend=0.007)
        if path is None:
            continue
        width_mm = float(rng.uniform(0.8, 2.2))
        canvas = np.zeros_like(total, dtype=np.uint8)
        _stroke(canvas, path, grid.pitch_mm, width_mm, 255)
        blurred = cv2.GaussianBlur(canvas, (0, 0), max(0.5, 0.3 * width_mm / grid.pitch_mm))
        total += blurred.astype(np.float32) * np.float32(0.75 * width_mm / 255.0)
        courses.append((path, width_mm))
    return total, courses


def _wander(
    rng: np.random.Generator, silhouette: Silhouette, length_mm: float, bend: float
) -> Path | None:
    """Draw a smooth path inside the breast that mostly runs towards or from the nipple."""
    start = random_inside(rng, silhouette, margin_mm=3.0)
    if start is None:
        return None
    nipple = np.asarray(silhouette.nipple_mm)
    heading = np.arctan2(*(nipple - start)[::-1]) + rng.normal(0.0, 0.45)
    steps = max(4, int(length_mm))
    curvature = np.cumsum(rng.normal(0.0, bend, steps)) + rng.normal(0.0, 0.008)
    angles = heading + np.cumsum(curvature)
    points = start + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    keep = _inside_at(silhouette, points) > 1.2
    # A fibre ends where it would leave the breast.
    stop = int(np.argmin(keep)) if not keep.all() else steps
    return points[:stop] if stop > 5 else None


def random_inside(
    rng: np.random.Generator, silhouette: Silhouette, margin_mm: float
) -> np.ndarray | None:
    """Draw a point (x, y) in mm at least `margin_mm` inside the skin, or None if not found."""
    grid = silhouette.grid
    extent = np.array([silhouette.nipple_mm[0], grid.rows * grid.pitch_mm])
    for _ in range(30):
        point = rng.uniform(0.0, 1.0, 2) * extent
        if _inside_at(silhouette, point[None])[0] > margin_mm:
            return np.asarray(point)
    return None


def _inside_at(silhouette: Silhouette, points_mm: np.ndarray) -> np.ndarray:
    grid = silhouette.grid
    column = (points_mm[:, 0] / grid.pitch_mm).astype(int)
    row = (points_mm[:, 1] / grid.pitch_mm).astype(int)
    ok = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    values = silhouette.inside_mm[row.clip(0, grid.rows - 1), column.clip(0, grid.columns - 1)]
    return np.where(ok, values, 0.0)


def _stroke(
    canvas: np.ndarray, path_mm: Path, pitch_mm: float, width_mm: float, value: int
) -> None:
    # OpenCV puts integer coordinates on pixel centres; ours lie on the top-left corner.
    points = np.round((path_mm / pitch_mm - 0.5) * (1 << _SHIFT)).astype(np.int32)
    thickness = max(1, round(width_mm / pitch_mm))
    # Fibres fade in and out along their length.
    pieces = max(1, len(points) // 4)
    for i, piece in enumerate(np.array_split(np.arange(len(points)), pieces)):
        fade = np.sin(np.pi * (i + 0.3) / (pieces - 0.4)) ** 0.7 if pieces > 1 else 1.0
        stop = min(piece[-1] + 2, len(points))
        cv2.polylines(
            canvas,
            [points[piece[0] : stop]],
            False,
            int(value * fade),
            thickness,
            cv2.LINE_AA,
            _SHIFT,
        )
