"""Put fresh calcifications into a window: no two training windows show the same cluster.

The phantom's own specks are added as path lengths of calcium, blurred, and scaled by the slope of
grey level over attenuation that was drawn for the window; in the middle of a film's curve or of a
digital window that slope varies little. Peaks then stand out by 0.04-0.25 of the breast's grey
range, as they do on film.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.calcification import add_specks, draw_cluster
from training.windows import Window

#: Grey range per mm of calcium, median and spread (of the logarithm).
SLOPE_PER_MM, SLOPE_SPREAD = 0.5, 0.45
#: Blur of the imaging chain, sigma in mm.
BLUR_MM = (0.06, 0.16)
#: Margin of a cluster's box around its outermost specks, as the phantom has it.
MARGIN_MM = 0.7
#: A cluster has at least so many specks (BI-RADS); fewer are scattered calcifications.
CLUSTER_FROM = 5


@dataclass(frozen=True, slots=True)
class Inserted:
    """What was put in: `box_mm` in the view, None for scattered specks; `specks_px` (N, 2)."""

    box_mm: tuple[float, float, float, float] | None
    malignant: bool
    specks_px: np.ndarray


def insert_cluster(
    rng: np.random.Generator, window: Window, centre_px: tuple[float, float]
) -> Inserted | None:
    """Add a cluster to `window.level` (changed in place) around a point of the window.

    Only specks that fall into the breast are added; nothing is when they are too few for a cluster.
    """
    cluster = draw_cluster(rng)
    specks = cluster.specks
    turn = rng.uniform(0, 2 * np.pi)
    axis = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    places = np.asarray(centre_px) + (specks[:, :2] @ axis.T) / window.mm_per_pixel
    inside = _inside(window, places)
    places, specks = places[inside], specks[inside]
    if len(places) < CLUSTER_FROM:
        return None
    _add(rng, window, places, specks, elongated=cluster.variety == "fine-linear")
    reach = MARGIN_MM / window.mm_per_pixel
    low, high = places.min(axis=0) - reach, places.max(axis=0) + reach
    x0, y0, x1, y1 = (
        float(px) * window.mm_per_pixel + window.origin_mm[i % 2]
        for i, px in enumerate((*low, *high))
    )
    return Inserted((x0, y0, x1, y1), cluster.malignant_looking, places)


def scatter_specks(rng: np.random.Generator, window: Window) -> Inserted:
    """Add a few single calcifications, coarse ones among them: specks that are no cluster."""
    count = int(rng.integers(1, CLUSTER_FROM - 1))
    places = rng.uniform(0.1, 0.9, (count, 2)) * window.level.shape[::-1]
    specks = np.zeros((count, 5), dtype=np.float32)
    coarse = rng.uniform(size=count) < 0.3
    specks[:, 3] = np.where(coarse, rng.uniform(0.8, 2.5, count), rng.uniform(0.2, 0.6, count))
    specks[:, 4] = np.where(coarse, rng.uniform(0.15, 0.5, count), rng.uniform(0.5, 1.0, count))
    _add(rng, window, places, specks, elongated=False)
    return Inserted(None, malignant=False, specks_px=places)


def _inside(window: Window, places: np.ndarray) -> np.ndarray:
    rows, columns = window.mask.shape
    x, y = np.floor(places).astype(int).T
    there = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
    return there & window.mask[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)]


def _add(
    rng: np.random.Generator,
    window: Window,
    places: np.ndarray,
    specks: np.ndarray,
    *,
    elongated: bool,
) -> None:
    slope = SLOPE_PER_MM * float(np.exp(SLOPE_SPREAD * rng.standard_normal()))
    layer = np.zeros_like(window.level)
    seed = int(rng.integers(2**31))
    add_specks(layer, places, specks, slope, window.mm_per_pixel, seed, elongated)
    sigma = float(rng.uniform(*BLUR_MM)) / window.mm_per_pixel
    window.level[...] += cv2.GaussianBlur(layer, (0, 0), max(sigma, 0.3)) * window.mask
