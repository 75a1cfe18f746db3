"""Thickened skin: the same rim, locally several times as thick.

Normal skin is 1.5 mm; thickening is called from about 2 to 2.5 mm (Willson et al., Radiology
1982). It is put where it is seen: around the nipple, or on the lower (MLO) or inner (CC) skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette
from mammo_node.phantom.physics import SKIN_MM, thickness_mm


@dataclass(frozen=True, slots=True)
class SkinThickening:
    """Skin of `depth_mm` (beyond the normal) over `extent_mm` along the skin line.

    `below_mm` is how far below the nipple (MLO) or medial of it (CC) its middle lies.
    """

    identity: int
    malignant_looking: bool
    depth_mm: float
    extent_mm: float
    below_mm: float


def draw_thickening(
    rng: np.random.Generator, half_width_mm: float, identity: int
) -> SkinThickening:
    """Draw a thickening: around the nipple in six of ten, else on the lower and inner skin."""
    around_nipple = rng.uniform() < 0.6
    return SkinThickening(
        identity=identity,
        malignant_looking=bool(rng.uniform() < 0.7),
        depth_mm=float(np.clip(2.3 * np.exp(0.4 * rng.standard_normal()), 1.2, 6.0)),
        extent_mm=float(rng.uniform(22.0, 55.0)),
        below_mm=float(rng.normal(0.0, 5.0))
        if around_nipple
        else half_width_mm * float(rng.uniform(0.3, 0.55)),
    )


def thickening_weight(
    skin: SkinThickening, silhouette: Silhouette
) -> tuple[FloatArray, tuple[float, float]]:
    """How much of the thickening is where, (rows, columns) 0..1, and its middle (x, y) in mm."""
    grid = silhouette.grid
    x, y = grid.axes_mm()
    middle_y = silhouette.nipple_mm[1] + skin.below_mm
    row = int(np.clip(middle_y / grid.pitch_mm, 0, grid.rows - 1))
    columns = np.flatnonzero(silhouette.inside_mm[row] > 0)
    middle_x = (float(columns[-1]) + 0.5) * grid.pitch_mm if len(columns) else 0.0
    distance = np.sqrt((x - np.float32(middle_x)) ** 2 + (y - np.float32(middle_y)) ** 2)
    # Flat over most of its extent, then thinning out.
    weight = 1.0 / (1.0 + (distance / np.float32(0.5 * skin.extent_mm)) ** 6)
    return np.asarray(weight, dtype=np.float32), (middle_x, middle_y)


def extra_skin_mm(
    skin: SkinThickening,
    weight: FloatArray,
    silhouette: Silhouette,
    full_mm: float,
    rounding_mm: float,
) -> FloatArray:
    """Path through the added skin in mm, on the silhouette's grid.

    The rim is thicker, and so is the skin above and below that is seen face on, by less.
    """
    inside = silhouette.inside_mm
    depth = np.float32(SKIN_MM) + np.float32(skin.depth_mm) * weight
    # Thickened skin does not end at a line: its inner border is blurred over a millimetre.
    normal = thickness_mm(inside - np.float32(SKIN_MM), full_mm, rounding_mm)
    inner = sum(
        thickness_mm(inside - depth * np.float32(f), full_mm, rounding_mm) / np.float32(3)
        for f in (0.75, 1.0, 1.25)
    )
    rim = np.clip(normal - inner, 0.0, None)
    face = np.float32(0.35 * skin.depth_mm) * weight * (inside > 0)
    return np.asarray(0.7 * rim + face, dtype=np.float32)
