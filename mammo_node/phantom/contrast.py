"""The disc of a finding and the ring that it stands out from: one rule to measure and to place by.

The disc reaches to 0.7 radii around the middle of a finding's box and the ring from 1.15 to 1.9,
the radius being half the box's longer side, as published figures of real masses have it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Where the disc ends, and where the ring begins and ends, in radii.
DISC, RING = 0.7, (1.15, 1.9)
#: A ring of fewer pixels of breast says nothing.
LEAST_RING = 50
#: A mass that stands out from its ring by fewer deviations can be marked by nobody.
LEAST_STANDING_OUT = 0.2


def middle_and_radius(
    box: Sequence[float], generous: float = 1.0
) -> tuple[tuple[float, float], float]:
    """Middle and radius of a box (x_min, y_min, x_max, y_max) drawn so many times larger."""
    x0, y0, x1, y1 = box
    return ((x0 + x1) / 2, (y0 + y1) / 2), generous * max(x1 - x0, y1 - y0) / 2


def radial_distance(
    shape: tuple[int, ...], middle: tuple[float, float], radius_px: float
) -> np.ndarray:
    """Distance of every pixel of a picture from a point (column, row), in radii."""
    rows, columns = np.indices(shape, dtype=np.float32)
    return np.asarray(np.hypot(columns + 0.5 - middle[0], rows + 0.5 - middle[1]) / radius_px)


def disc_and_ring(distance: np.ndarray, breast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of a finding and of what it stands out from, by distances in radii, as bool."""
    return distance < DISC, (distance > RING[0]) & (distance < RING[1]) & breast


def rise(grey: np.ndarray, disc: np.ndarray, ring: np.ndarray) -> float:
    """Mean of a finding's disc less that of its ring."""
    return float(grey[disc].mean() - grey[ring].mean())
