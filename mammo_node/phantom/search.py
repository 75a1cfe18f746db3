"""A search for a place in a breast: of many, the one that is nearest to what is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.scene import Scene
from mammo_node.phantom.visibility import Point, gland_share

__all__ = ["Asked", "Place", "search"]

CANDIDATES = 50
#: Share of lesions put where this share of the depth is gland.
AT_BORDER = 0.5
BORDER_GLAND = (0.04, 0.35)
MOST_MUSCLE = 0.2
#: Which shares of the way to the nipple lesions lie at, and how far the layer in which a place is
#: sought first reaches to either side: the quietest place of a whole breast is behind the gland.
SHARES, LAYER = (0.08, 0.95), 0.14
#: Least distance of two masses' middles in any view, in sums of their extents.
MASSES_APART = 0.9


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is in the breast already; `mass_extent_mm` is that of a mass."""

    point: Point
    mass_extent_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a place is sought for.

    Attributes
    ----------
    radius_mm, edge_radii
        A lesion's radius, and its least distance from the picture's edges in radii.
    wanted, least, least_at_all
        How visible it is to be, the least in any view, and the least where nothing better is had.
    visible
        Returns how visible it is at a point in one view.
    taken
        What it keeps away from.
    mass_extent_mm
        That of a mass, which keeps apart from other masses in every view; 0 for what is none.
    """

    radius_mm: float
    edge_radii: float
    wanted: float
    least: float
    least_at_all: float
    visible: Callable[[Scene, Point], float]
    taken: Sequence[Place]
    mass_extent_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class _Search:
    """Where places are sought, and what they must have.

    `shares` of the way to the nipple, only where gland meets fat with `at_border`, and the least
    visibility in any view.
    """

    shares: tuple[float, float]
    at_border: bool
    least: float


def search(rng: np.random.Generator, scenes: tuple[Scene, ...], asked: Asked) -> Point | None:
    """Find the anatomical point, in all `scenes` in the breast, that is nearest to what is asked.

    Half of the searches begin where gland meets fat. Where nothing fits, None.
    """
    share = float(rng.uniform(*SHARES))
    layer = (max(share - LAYER, SHARES[0]), min(share + LAYER, SHARES[1]))
    border = bool(rng.uniform() < AT_BORDER)
    # What is asked for is not to be had in every breast: better elsewhere than left out.
    searches = (
        _Search(layer, border, asked.least),
        _Search(layer, False, asked.least),
        _Search(SHARES, False, asked.least),
        _Search(SHARES, False, asked.least_at_all),
    )
    for search in dict.fromkeys(searches):
        point = _best(rng, scenes, asked, search)
        if point is not None:
            return point
    return None


def _best(
    rng: np.random.Generator, scenes: tuple[Scene, ...], asked: Asked, search: _Search
) -> Point | None:
    best: tuple[float, Point] | None = None
    for _ in range(CANDIDATES):
        point = _candidate(rng, scenes, asked, search.shares)
        if point is None:
            continue
        if search.at_border and not any(_at_border(s, point, asked.radius_mm) for s in scenes):
            continue
        ratios = [asked.visible(s, point) for s in scenes]
        if min(ratios) < search.least:
            continue
        miss = abs(float(np.log(np.mean(ratios) / asked.wanted)))
        if best is None or miss < best[0]:
            best = (miss, point)
    return best[1] if best else None


def _at_border(scene: Scene, point: Point, radius_mm: float) -> bool:
    shares = [gland_share(scene, point, 1.5 * radius_mm, k) for k in range(len(scene.gland))]
    return BORDER_GLAND[0] < float(np.mean(shares)) < BORDER_GLAND[1]


def _candidate(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    asked: Asked,
    shares: tuple[float, float],
) -> Point | None:
    anatomy = scenes[0].anatomy
    half = anatomy.half_width_mm
    for _ in range(40):
        point = (
            anatomy.depth_mm * float(rng.uniform(*shares)),
            half * float(np.clip(rng.normal(0.1, 0.42), -0.8, 0.9)),
            half * float(np.clip(rng.normal(0.12, 0.42), -0.8, 0.9)),
        )
        if any(_near(scenes, point, asked, place) for place in asked.taken):
            continue
        if all(_fits(scene, point, asked.radius_mm, asked.edge_radii) for scene in scenes):
            return point
    return None


def _near(scenes: tuple[Scene, ...], point: Point, asked: Asked, place: Place) -> bool:
    if math.dist(point, place.point) < 3.0 * asked.radius_mm + 12:
        return True
    if not (asked.mass_extent_mm and place.mass_extent_mm):
        return False
    apart_mm = MASSES_APART * (asked.mass_extent_mm + place.mass_extent_mm)
    return any(
        math.dist(scene.to_pixel(point), scene.to_pixel(place.point)) * scene.grid.pitch_mm
        < apart_mm
        for scene in scenes
    )


def _fits(scene: Scene, point: Point, radius_mm: float, edge_radii: float) -> bool:
    column, row = scene.to_pixel(point)
    margin = edge_radii * radius_mm / scene.grid.pitch_mm
    if not (margin <= column < scene.grid.columns - margin):
        return False
    if not (margin <= row < scene.grid.rows - margin):
        return False
    here = int(row), int(column)
    # Nearly all masses lie in the breast, not over the muscle behind it.
    return (
        bool(scene.inside_mm[here] > 1.1 * radius_mm + 2.0)
        and bool(scene.thickness_mm[here] > 1.2 * radius_mm)
        and bool(scene.pectoral[here] < MOST_MUSCLE)
    )
