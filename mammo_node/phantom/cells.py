"""Periodic Worley (cellular) tiles: the compartments between Cooper's ligaments."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from mammo_node.phantom.noise import FloatArray


def cell_walls(
    rng: np.random.Generator,
    size: int,
    spacing_mm: float,
    cell_mm: float,
    stretch: float,
    weight: float = 0.45,
) -> FloatArray:
    """Distance to the nearest wall between cells, in cell diameters (``F2 - F1``).

    Additive seed weights, uniform in 0..`weight`, make the cells unequal.

    Returns
    -------
    ndarray
        (size, size) float32, 0 on a wall, periodic; cells are `stretch` times longer along columns.
    """
    extent = size * spacing_mm / cell_mm
    box = np.array([extent, extent / stretch])
    count = max(8, round(float(box[0] * box[1])))
    seeds = rng.uniform(0.0, 1.0, (count, 2)) * box
    handicap = rng.uniform(0.0, weight, count)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float64) * (spacing_mm / cell_mm)
    points = np.stack([rows.ravel(), columns.ravel() / stretch], axis=1) % box
    distance, index = cKDTree(seeds, boxsize=box).query(points, k=5)
    weighted = np.sort(distance + handicap[index], axis=1)
    return np.asarray((weighted[:, 1] - weighted[:, 0]).reshape(size, size), dtype=np.float32)


def dome(walls: FloatArray) -> FloatArray:
    """Turn wall distances into rounded lobes: 0 on a wall, 1 in the middle of a cell."""
    edge = np.clip(1.25 * walls - 0.1, 0.0, 1.0)
    return np.asarray(np.sqrt(1.0 - (1.0 - edge) ** 2), dtype=np.float32)
