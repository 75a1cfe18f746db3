"""The silhouette of one view: skin line, nipple, distance inside the skin, pectoral muscle.

Canonical view frame: chest wall on the left at x = 0, x towards the nipple, y downwards, in mm;
(0, 0) is the top-left corner of the top-left pixel. Right breasts are mirrored when all is done.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.muscle import draw_folds, draw_muscle, draw_strip
from mammo_node.phantom.noise import FloatArray

MARGIN_MM = 45.0


@dataclass(frozen=True, slots=True)
class Grid:
    """A pixel grid in the canonical view frame."""

    rows: int
    columns: int
    pitch_mm: float

    def axes_mm(self) -> tuple[FloatArray, FloatArray]:
        """Pixel centres: x (1, columns) and y (rows, 1), float32."""
        x = (np.arange(self.columns, dtype=np.float32) + 0.5) * np.float32(self.pitch_mm)
        y = (np.arange(self.rows, dtype=np.float32) + 0.5) * np.float32(self.pitch_mm)
        return x[None, :], y[:, None]


@dataclass(frozen=True, slots=True)
class Silhouette:
    """Geometry of one view on a grid; arrays are (rows, columns) float32.

    `pectoral` is the muscle's share of the thickness, `folds_mm` the depth of skin in folds.
    """

    grid: Grid
    nipple_mm: tuple[float, float]
    inside_mm: FloatArray
    pectoral: FloatArray
    folds_mm: FloatArray


@dataclass(frozen=True, slots=True)
class _Curve:
    depth: float
    upper: float
    lower: float
    top_x: float
    power: float
    roundness: float
    ripple: tuple[float, ...]
    abdomen_mm: float


def draw_silhouette(
    rng: np.random.Generator, anatomy: Anatomy, view: str, grid: Grid
) -> Silhouette:
    """Draw the outline of `anatomy` in `view`, with its pectoral muscle if it is an MLO."""
    height = grid.rows * grid.pitch_mm
    half = anatomy.half_width_mm
    ripple = tuple(rng.normal(0.0, 0.5, 8))
    if view == "CC":
        nipple_y = height * float(rng.uniform(0.44, 0.56))
        curve = _Curve(
            anatomy.depth_mm,
            half * float(rng.uniform(0.98, 1.15)),
            half * float(rng.uniform(0.9, 1.05)),
            0.0,
            float(rng.uniform(2.0, 2.7)),
            float(rng.uniform(0.42, 0.58)),
            ripple,
            0.0,
        )
    else:
        lower = half * float(rng.uniform(0.75, 1.0))
        upper = half * float(rng.uniform(1.35, 1.9))
        centre = 0.5 * (height + upper - lower)
        nipple_y = float(
            np.clip(centre + height * rng.uniform(-0.06, 0.06), 0.4 * height, 0.8 * height)
        )
        curve = _Curve(
            anatomy.depth_mm * float(rng.uniform(1.0, 1.08)),
            max(upper, nipple_y * float(rng.uniform(0.9, 1.25))),
            lower,
            anatomy.depth_mm * float(rng.uniform(0.5, 0.85)),
            float(rng.uniform(2.0, 2.8)),
            float(rng.uniform(0.42, 0.6)),
            ripple,
            float(rng.uniform(4.0, 22.0)) if rng.uniform() < 0.35 else 0.0,
        )
    bump = anatomy.nipple_height_mm if anatomy.nipple_in_profile else 0.0
    inside = _inside_mm(curve, nipple_y, bump, view, grid)
    pectoral = (
        draw_muscle(rng, anatomy, curve.top_x, *grid.axes_mm())
        if view == "MLO"
        else draw_strip(rng, height, *grid.axes_mm())
    )
    folds = draw_folds(rng, curve.top_x, inside, *grid.axes_mm()) if view == "MLO" else None
    return Silhouette(
        grid,
        (curve.depth, nipple_y),
        inside,
        pectoral * (inside > 0),
        np.zeros_like(inside) if folds is None else folds,
    )


def _skin_x(curve: _Curve, t: FloatArray, bump_mm: float, view: str) -> FloatArray:
    """Skin x at heights `t` mm below the nipple; negative where there is no breast."""
    below = np.clip(t / curve.lower, 0.0, None)
    above = np.clip(-t / curve.upper, 0.0, None)
    x = np.where(t > 0, _lobe(below, curve), 0.0)
    if view == "CC":
        x = np.where(t <= 0, _lobe(above, curve), x)
    else:
        fall = 0.5 * (1.0 + np.cos(np.pi * np.clip(above, 0.0, 1.0) ** (curve.power / 2.4)))
        x = np.where(t <= 0, curve.top_x + (curve.depth - curve.top_x) * fall, x)
    # Below the fold under the breast the skin of the abdomen comes into some views.
    under = np.clip((t - 0.97 * curve.lower) / 25.0, 0.0, 1.0)
    x = np.maximum(x, curve.abdomen_mm * np.sqrt(under) - 0.2 * (under <= 0))
    for i, a in enumerate(curve.ripple):
        x = x + 1.6 * a / (i + 1) * np.sin(t * (i + 1) / 45.0 + 3.0 * a)
    # The areola rises a little; the nipple stands on it with rounded shoulders.
    nipple = 0.8 * np.exp(-(np.abs(t / 5.0) ** 2.6)) + 0.25 * np.exp(-((t / 12.0) ** 2))
    return np.asarray(x + bump_mm * nipple, dtype=np.float32)


def _lobe(s: FloatArray, curve: _Curve) -> FloatArray:
    inner = np.clip(1.0 - s**curve.power, 0.0, 1.0) ** curve.roundness
    beyond = np.clip(s - 1.0, 0.0, None)
    return np.asarray(curve.depth * np.where(s < 1.0, inner, -3.0 * beyond - 0.2), dtype=np.float32)


def _inside_mm(curve: _Curve, nipple_y: float, bump_mm: float, view: str, grid: Grid) -> FloatArray:
    # Tissue goes on beyond the chest-wall edge (and above an MLO): only skin counts as an edge.
    pad = int(MARGIN_MM / grid.pitch_mm)
    x = (np.arange(-pad, grid.columns, dtype=np.float32) + 0.5) * np.float32(grid.pitch_mm)
    y = (np.arange(-pad, grid.rows + pad, dtype=np.float32) + 0.5) * np.float32(grid.pitch_mm)
    skin = _skin_x(curve, (y - np.float32(nipple_y)), bump_mm, view)
    # A fast fall below zero keeps the breast's root closed.
    mask = (x[None, :] < skin[:, None]).astype(np.uint8)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    inside = np.clip(distance - 0.5, 0.0, None) * np.float32(grid.pitch_mm)
    inside = cv2.GaussianBlur(inside, (0, 0), 0.5 / grid.pitch_mm)
    cut = inside[pad : pad + grid.rows, pad:]
    return np.asarray(np.where(mask[pad : pad + grid.rows, pad:] > 0, cut, 0.0), dtype=np.float32)
