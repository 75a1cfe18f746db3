"""Put fresh masses among the tissue of an image that is there already.

Grey rises in proportion to the path through one of the phantoms' masses, so far that it stands out
from its ring as masses on real film do. Where it lies is nobody's choice: near the skin and behind
the nipple, too, where few of the masses that are rendered with a phantom come to lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.anatomy import Anatomy, draw_pair
from mammo_node.phantom.contrast import (
    LEAST_RING,
    LEAST_STANDING_OUT,
    disc_and_ring,
    middle_and_radius,
    radial_distance,
    rise,
)
from mammo_node.phantom.insertion import outline_of_mass
from mammo_node.phantom.lesion import bounds
from mammo_node.phantom.mass import Mass, draw_mass, project_mass, pull_of
from mammo_node.phantom.pull import pulled
from training.windows import Window

#: Mean, deviation and bounds of the contrast over the deviation of the ring around a mass: the
#: spread of published ones (`training.realism.lesions.TARGETS`).
RATIO, RATIO_BOUNDS = (1.5, 0.9), (0.4, 3.5)
#: No mass raises the grey by more than this share of the breast's range.
MOST_RISE = 0.45
#: Where no mass is put: on implants, burnt-out muscle.
WHITE = 0.9

#: A mass in a window: places that are tried, and the least share of it that is breast.
_TRIES, _LEAST_COVERED = 8, 0.95
#: Free space between it and what the window shows already, in radii.
_APART = 1.5

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class InsertedMass:
    """What was put in: `box_mm` is x_min, y_min, x_max, y_max in the view."""

    box_mm: Box
    malignant: bool


def insert_mass_anywhere(
    rng: np.random.Generator, window: Window, known_mm: Sequence[tuple[float, ...]]
) -> InsertedMass | None:
    """Add a mass to `window.level` (changed in place) where the breast is free of known boxes."""
    mass, anatomy = draw_mass(rng), draw_pair(rng)[0]
    known = window.to_window(np.asarray(known_mm).reshape(-1, 4))
    centre = _free_place(rng, window, mass.radius_mm / window.mm_per_pixel, known)
    if centre is None:
        return None
    mm = window.mm_per_pixel
    box = insert_mass(rng, window.level, window.mask, mm, mass, anatomy, centre)
    if box is None:
        return None
    x, y = window.origin_mm
    x0, y0, x1, y1 = box
    return InsertedMass(
        (x0 * mm + x, y0 * mm + y, x1 * mm + x, y1 * mm + y), mass.malignant_looking
    )


def _free_place(
    rng: np.random.Generator, window: Window, radius_px: float, known: np.ndarray
) -> tuple[float, float] | None:
    """Find a point in the middle of a window, (column, row), around which a mass fits."""
    for _ in range(_TRIES):
        x, y = rng.uniform(0.15, 0.85, 2) * window.mask.shape[0]
        reach = _APART * radius_px
        near = (known[:, :2] - reach < (x, y)).all(axis=1)
        near &= (known[:, 2:] + reach > (x, y)).all(axis=1)
        disc = radial_distance(window.mask.shape, (x, y), radius_px) < 1.0
        if not near.any() and window.mask[disc].mean() >= _LEAST_COVERED:
            return float(x), float(y)
    return None


def insert_mass(
    rng: np.random.Generator,
    grey: np.ndarray,
    breast: np.ndarray,
    pitch_mm: float,
    mass: Mass,
    anatomy: Anatomy,
    centre_px: tuple[float, float],
) -> Box | None:
    """Add a mass to `grey` (changed in place) around a point; return its box in pixels.

    None, and nothing is changed, where it has no ring to stand out from, only fills a hole, or lies
    on what is white already.

    Parameters
    ----------
    grey, breast
        (rows, columns) float32, about 0 to 1 from fat to the brightest tissue; bool.
    mass, anatomy
        The solid, and whose frame it is seen in from the side (MLO).
    centre_px
        Column and row.
    """
    patch = project_mass(mass, anatomy, "MLO", centre_px, pitch_mm)
    outline = outline_of_mass(patch, mass, pitch_mm)
    if outline is None:
        return None
    box = bounds(outline, grey.shape[1], grey.shape[0])
    path = np.zeros_like(grey)
    patch.add_to(path)
    path *= breast
    pull = pull_of(mass, (centre_px[0] * pitch_mm, centre_px[1] * pitch_mm))
    around = pulled(grey, pull, pitch_mm) if pull else grey
    gain = _gain(rng, around, breast, path, box)
    if gain is None:
        return None
    grey[:] = around + gain * path
    return box


def _gain(
    rng: np.random.Generator,
    grey: np.ndarray,
    breast: np.ndarray,
    path: np.ndarray,
    box: Box,
) -> np.float32 | None:
    """Grey per mm of path with which the mass stands out from its ring as it was drawn to."""
    middle, radius_px = middle_and_radius(box)
    disc, ring = disc_and_ring(radial_distance(grey.shape, middle, radius_px), breast)
    ratio = float(np.clip(rng.normal(*RATIO), *RATIO_BOUNDS))
    if not disc.any() or int(ring.sum()) < LEAST_RING:
        return None
    added = rise(path, disc, ring)
    deviation = float(grey[ring].std())
    there = rise(grey, disc, ring)
    if added <= 0.0 or float(grey[disc].mean()) > WHITE:
        return None
    gain = min(ratio * deviation / added, MOST_RISE / float(path.max()))
    return np.float32(gain) if there + gain * added > LEAST_STANDING_OUT * deviation else None
