"""The disc of a mass and the ring that it stands out from: one rule for measuring and inserting.

The disc reaches to 0.7 radii around the middle of a mass's box and the ring from 1.15 to 1.9, the
radius being half the box's longer side, as published figures of real masses have it.
"""

from __future__ import annotations

import numpy as np

#: A ring of fewer pixels of breast says nothing.
LEAST_RING = 50


def radial_distance(
    shape: tuple[int, ...], middle: tuple[float, float], radius_px: float
) -> np.ndarray:
    """Distance of every pixel of a picture from a point (column, row), in radii."""
    rows, columns = np.indices(shape, dtype=np.float32)
    return np.asarray(np.hypot(columns + 0.5 - middle[0], rows + 0.5 - middle[1]) / radius_px)


def disc_and_ring(distance: np.ndarray, breast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a mass and of what it stands out from, by distances in radii, as bool."""
    return distance < 0.7, (distance > 1.15) & (distance < 1.9) & breast
