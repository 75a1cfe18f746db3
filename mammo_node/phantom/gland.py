"""Where gland lies in a breast, in three dimensions, so that both views agree on it."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette
from mammo_node.phantom.texture import VOLUME_SPACING_MM, TextureBank

COARSE_MM = 1.6


def gland_score(
    anatomy: Anatomy, bank: TextureBank, a: FloatArray, s: FloatArray, lateral: FloatArray
) -> FloatArray:
    """How much a point of the anatomy belongs to the gland (any float32 shape; higher is gland)."""
    centre, radii = anatomy.gland_centre_mm, anatomy.gland_radii_mm
    rho = np.sqrt(
        sum(((p - c) / r) ** 2 for p, c, r in zip((a, s, lateral), centre, radii, strict=True))
    )
    # Ducts gather behind the nipple.
    from_nipple = np.sqrt((a - anatomy.depth_mm) ** 2 + 2.5 * s**2 + 2.5 * lateral**2)
    stem = 0.5 * np.exp(-((from_nipple / 22.0) ** 2))
    shift = anatomy.field_shift_mm
    coarse = _field(bank, a + shift[0], s + shift[1], lateral + shift[2])
    fine = _field(bank, 2.3 * a + shift[2], 2.6 * s + shift[0], 2.6 * lateral + shift[1])
    compact = anatomy.compactness
    score = (2.0 + 2.0 * compact) * (1.0 - rho) + stem
    score = score + 1.25 * coarse + (0.55 - 0.35 * compact) * fine
    return np.asarray(score, dtype=np.float32)


def gland_threshold(anatomy: Anatomy, bank: TextureBank) -> float:
    """Score above which the wanted share of the breast is gland."""
    n = 24
    a = np.linspace(0.02, 0.98, n, dtype=np.float32) * np.float32(anatomy.depth_mm)
    side = np.linspace(-1.0, 1.0, n, dtype=np.float32) * np.float32(anatomy.half_width_mm)
    grid_a, grid_s, grid_l = np.meshgrid(a, side, side, indexing="ij")
    inside = (
        (grid_a / anatomy.depth_mm) ** 2
        + (grid_s**2 + grid_l**2) / np.float32(anatomy.half_width_mm) ** 2
    ) < 1.0
    score = gland_score(anatomy, bank, grid_a[inside], grid_s[inside], grid_l[inside])
    return float(np.quantile(score, 1.0 - anatomy.gland_support))


def gland_level(
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    silhouette: Silhouette,
    z: float,
    threshold: float,
) -> FloatArray:
    """How far gland prevails at depth `z` (-1..1) of a view, (rows, columns) float32; 0 is even."""
    grid = silhouette.grid
    rows = int(np.ceil(grid.rows * grid.pitch_mm / COARSE_MM))
    columns = int(np.ceil(grid.columns * grid.pitch_mm / COARSE_MM))
    x = ((np.arange(columns) + 0.5) * (grid.columns * grid.pitch_mm / columns)).astype(np.float32)
    y = ((np.arange(rows) + 0.5) * (grid.rows * grid.pitch_mm / rows)).astype(np.float32)
    gx, gy = np.meshgrid(x, np.float32(silhouette.nipple_mm[1]) - y)
    depth = np.full_like(gx, z * anatomy.half_depth_mm(view))
    # The nipple of this view is where the anatomy has it, however far compression pushed it.
    gx = gx * np.float32(anatomy.depth_mm / silhouette.nipple_mm[0])
    score = gland_score(anatomy, bank, *anatomy.to_anatomical(view, gx, gy, depth))
    level = score - np.float32(threshold) - np.float32(0.8 * (z * z - 0.33))
    return np.asarray(
        cv2.resize(
            level.astype(np.float32), (grid.columns, grid.rows), interpolation=cv2.INTER_CUBIC
        )
    )


def _field(bank: TextureBank, a: FloatArray, s: FloatArray, lateral: FloatArray) -> FloatArray:
    index = np.stack([c / np.float32(VOLUME_SPACING_MM) for c in (a, s, lateral)])
    return np.asarray(map_coordinates(bank.volume, index, order=1, mode="grid-wrap"))
