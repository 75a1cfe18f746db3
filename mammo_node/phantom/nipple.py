"""A nipple that is not in profile: a soft round shadow inside the skin line, mass-like."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette


def draw_turned_nipple(
    rng: np.random.Generator, silhouette: Silhouette
) -> tuple[FloatArray, tuple[float, float]]:
    """Path through a nipple seen face on, mm on the silhouette's grid, and where it lies (mm).

    The nipple is 9-13 mm wide and up to 9 mm high (Sanuki et al., 2009); turned away from the
    profile it lies within 16 mm of the skin line.
    """
    grid = silhouette.grid
    x, y = grid.axes_mm()
    radius = float(rng.uniform(4.0, 6.5))
    centre = (
        silhouette.nipple_mm[0] - float(rng.uniform(0.6, 2.4)) * radius,
        silhouette.nipple_mm[1] + float(rng.normal(0.0, 3.0)),
    )
    stretch = float(rng.uniform(0.75, 1.0))
    u = (x - np.float32(centre[0])) / np.float32(radius * stretch)
    v = (y - np.float32(centre[1])) / np.float32(radius)
    height = float(rng.uniform(2.5, 6.0))
    path = np.float32(height) * np.sqrt(np.clip(1.0 - u * u - v * v, 0.0, None))
    path = cv2.GaussianBlur(path, (0, 0), max(0.5, 0.35 / grid.pitch_mm))
    return np.asarray(path * (silhouette.inside_mm > 0), dtype=np.float32), centre
