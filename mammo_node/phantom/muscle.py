"""The pectoral muscle of an oblique view, and the folds of the axilla that lie over it.

In film the muscle is the brightest tissue there is, and its upper corner is full of things that are
not masses: bundles of fibres, the smaller muscle behind, folds of skin, fat between the layers.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from mammo_node.phantom.anatomy import DEPTH_MM, Anatomy
from mammo_node.phantom.noise import FloatArray

ANGLE_DEG = (23.0, 7.0)  # mean and deviation, from the vertical
LENGTH_MM = (107.0, 26.0)


def draw_muscle(
    rng: np.random.Generator, anatomy: Anatomy, top_x: float, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Muscle's share of the thickness over the wedge in the upper corner.

    Parameters
    ----------
    rng, anatomy
        Source of the shape; the breast's depth scales it.
    top_x
        How far the breast reaches at the upper edge, mm.
    x, y
        Pixel centres, (1, columns) and (rows, 1) float32, mm.

    Returns
    -------
    ndarray
        (rows, columns) float32, 0..1.
    """
    angle = np.deg2rad(float(np.clip(rng.normal(*ANGLE_DEG), 8.0, 40.0)))
    length = float(np.clip(rng.normal(*LENGTH_MM), 45.0, 170.0)) * anatomy.depth_mm / DEPTH_MM
    width = min(length * float(np.tan(angle)), 0.95 * top_x)
    edge = _edge(rng, y / np.float32(length), width)
    across = np.asarray(edge - x, dtype=np.float32)
    # The muscle is a flat body: it thickens within one to three centimetres of its edge.
    swell = float(rng.uniform(8.0, 28.0))
    body = 0.62 + 0.38 * np.tanh(np.clip(across, 0.0, None) / swell)
    softness = np.float32(rng.uniform(1.0, 3.2)) + 2.5 * np.clip(y / length, 0.0, 1.0)
    share = rng.uniform(0.5, 0.9) * body * expit(across / softness)
    share = share * (1.0 + _bundles(rng, across, y / np.float32(length)))
    if rng.uniform() < 0.4:
        inner = across - np.float32(width * rng.uniform(0.25, 0.6)) + y * rng.uniform(-0.1, 0.25)
        share += rng.uniform(0.03, 0.14) * expit(inner / rng.uniform(0.8, 2.5)) * (across > 0)
    if rng.uniform() < 0.35:
        share += _fat_plane(rng, across, y, length)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)


def draw_strip(
    rng: np.random.Generator, height_mm: float, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Draw the sliver of muscle at the chest wall of some craniocaudal views."""
    if rng.uniform() > 0.25:
        return np.zeros((y.shape[0], x.shape[1]), dtype=np.float32)
    middle = height_mm * rng.uniform(0.4, 0.6)
    edge = rng.uniform(2.0, 12.0) - ((y - middle) / rng.uniform(12.0, 25.0)) ** 2
    return np.asarray(rng.uniform(0.1, 0.45) * expit((edge - x) / 2.0), dtype=np.float32)


def draw_folds(
    rng: np.random.Generator, top_x: float, inside_mm: FloatArray, x: FloatArray, y: FloatArray
) -> FloatArray:
    """Depth of skin, mm, in folds across the upper corner: sharp on one side, soft on the other."""
    depth = np.zeros(inside_mm.shape, dtype=np.float32)
    if rng.uniform() > 0.4:
        return depth
    for _ in range(int(rng.integers(1, 4))):
        tilt = np.deg2rad(float(rng.uniform(-75.0, 55.0)))
        start = np.array([rng.uniform(0.0, 0.9) * top_x, rng.uniform(-5.0, 45.0)])
        along = (x - start[0]) * np.cos(tilt) + (y - start[1]) * np.sin(tilt)
        across = (y - start[1]) * np.cos(tilt) - (x - start[0]) * np.sin(tilt)
        across = across + rng.normal(0.0, 0.004) * along**2 + 0.8 * np.sin(along / 9.0)
        side = float(rng.choice([-1.0, 1.0]))
        rim = expit(side * across / 0.25) * np.exp(-np.abs(across) / rng.uniform(1.5, 6.0))
        reach = expit((rng.uniform(12.0, 45.0) - np.abs(along)) / rng.uniform(2.0, 8.0))
        depth += np.asarray(rng.uniform(1.0, 5.0) * rim * reach, dtype=np.float32)
    return np.asarray(depth * np.clip(inside_mm / 2.0, 0.0, 1.0), dtype=np.float32)


def _edge(rng: np.random.Generator, along: FloatArray, width: float) -> FloatArray:
    """Distance of the edge from the chest wall: straight, convex, or bent in below."""
    bulge = float(rng.normal(2.0, 5.0))
    edge = np.float32(width) * (1.0 - along) + bulge * np.sin(np.pi * np.clip(along, 0.0, 1.2))
    # The edge runs out along the chest wall rather than into it.
    edge = edge + rng.uniform(0.0, 5.0) * np.clip(along - 0.6, 0.0, 0.6) ** 2 * 10.0
    for k in range(1, 6):
        phase = rng.uniform(0, 6.28)
        edge = edge + float(rng.normal(0.0, 1.1 / k)) * np.sin(2 * np.pi * k * along + phase)
    return np.asarray(edge, dtype=np.float32)


def _bundles(rng: np.random.Generator, across: FloatArray, along: FloatArray) -> FloatArray:
    """Bundles of fibres that run along the edge and fan out a little, as relative thickness."""
    fan = across * (1.0 + rng.uniform(-0.25, 0.45) * along)
    total = np.zeros(across.shape, dtype=np.float32)
    for wavelength_mm in (1.7, 2.9, 4.6, 7.5, 12.0):
        bend = rng.uniform(0.5, 2.5) * np.sin(along * rng.uniform(2.0, 9.0) + rng.uniform(0, 6.28))
        phase = 2.0 * np.pi * (fan / wavelength_mm + 0.3 * bend) + rng.uniform(0, 6.28)
        waxing = 0.5 + 0.5 * np.sin(along * rng.uniform(3.0, 12.0) + rng.uniform(0, 6.28))
        total += np.float32(rng.normal(0.0, 0.0045) * wavelength_mm**0.5) * np.sin(phase) * waxing
    return total


def _fat_plane(
    rng: np.random.Generator, across: FloatArray, y: FloatArray, length: float
) -> FloatArray:
    """Darken a band within the muscle, where fat lies between its layers."""
    place = rng.uniform(6.0, 25.0) + rng.uniform(-0.15, 0.15) * y
    width = rng.uniform(1.5, 6.0)
    reach = expit((rng.uniform(0.4, 0.9) * length - y) / 10.0)
    return np.asarray(
        -rng.uniform(0.03, 0.15) * np.exp(-(((across - place) / width) ** 2)) * reach,
        dtype=np.float32,
    )
