"""Where lesions go: inside the breast in both views, and as hard to see as real ones are.

Real masses stand out from their ring by a median of 1.4 standard deviations (10-90 %: 0.3-2.7).
What a mass adds by itself is asked for, and not that it lies where tissue is bright already: a box
there would hold gland that nobody takes for a mass. How well it is seen, and how far from the
nipple to look, are drawn first, and of many places the nearest to that is taken; half are sought
where gland meets fat, as most cancers lie there. Where nothing fits, it is sought elsewhere.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.mass import Mass
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.visibility import Point, gland_share, mass_visibility, quietness

__all__ = ["Point", "place_cluster", "place_mass"]

CANDIDATES = 50
#: Mean, deviation, and bounds of what a mass is asked to add, and the least in any view: where it
#: is to be had, and in breasts that are too dense for it anywhere. The mean is above the real
#: median, as what is asked for is not to be had in every breast.
WANTED = (4.4, 1.6)
WANTED_BOUNDS = (1.8, 8.0)
LEAST, LEAST_AT_ALL = 1.8, 1.45
#: The least with the tissue that is there: no mass in a hole that it only fills.
LEAST_THERE = 0.8
#: A cluster is put where a small round mass, this deep, would stand out: median and log deviation
#: of how much, and the least.
CLUSTER_RADIUS_MM, CLUSTER_PATH_MM = 5.0, 8.0
CLUSTER_WANTED = (4.5, 0.6)
CLUSTER_LEAST = 0.5
#: Share of lesions put where this share of the depth is gland.
AT_BORDER = 0.5
BORDER_GLAND = (0.04, 0.35)
MOST_MUSCLE = 0.2
#: Which shares of the way to the nipple lesions lie at, and how far the layer in which a place is
#: sought first reaches to either side: the quietest place of a whole breast is behind the gland.
SHARES, LAYER = (0.08, 0.95), 0.14
#: Least distance of a mass from the picture's edges, in radii: few masses are cut by them.
MASS_EDGE, CLUSTER_EDGE = 1.15, 0.8


def place_mass(
    rng: np.random.Generator, scenes: tuple[Scene, ...], mass: Mass, taken: list[Point]
) -> Point | None:
    """Find an anatomical point for a mass, in all `scenes` in the breast, or None."""
    wanted = float(np.clip(rng.normal(*WANTED), *WANTED_BOUNDS))

    def visible(scene: Scene, point: Point) -> float:
        alone, there = mass_visibility(scene, point, mass)
        return alone if there > LEAST_THERE else 0.0

    return _place(
        rng, scenes, (mass.radius_mm, MASS_EDGE), (wanted, LEAST, LEAST_AT_ALL), visible, taken
    )


def place_cluster(
    rng: np.random.Generator, scenes: tuple[Scene, ...], taken: list[Point]
) -> Point | None:
    """Find an anatomical point for a cluster of calcifications, in all `scenes`, or None."""
    middle, spread = CLUSTER_WANTED
    wanted = float(np.clip(middle * np.exp(spread * rng.standard_normal()), 0.6, 12.0))

    def visible(scene: Scene, point: Point) -> float:
        return quietness(scene, point, CLUSTER_RADIUS_MM, CLUSTER_PATH_MM)

    size, asked = (CLUSTER_RADIUS_MM, CLUSTER_EDGE), (wanted, CLUSTER_LEAST, CLUSTER_LEAST)
    return _place(rng, scenes, size, asked, visible, taken)


@dataclass(frozen=True, slots=True)
class _Search:
    """Where places are sought, and what they must have.

    `shares` of the way to the nipple, only where gland meets fat with `at_border`, and the least
    visibility in any view.
    """

    shares: tuple[float, float]
    at_border: bool
    least: float


def _place(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    size: tuple[float, float],
    asked: tuple[float, float, float],
    visible: Callable[[Scene, Point], float],
    taken: list[Point],
) -> Point | None:
    """Of some candidates, the one that is nearest to what is asked.

    `size` is the radius in mm, and the least distance from the edges in radii; `asked` the
    visibility, its least, and the least where there is nothing better.
    """
    wanted, least, at_all = asked
    share = float(rng.uniform(*SHARES))
    layer = (max(share - LAYER, SHARES[0]), min(share + LAYER, SHARES[1]))
    border = bool(rng.uniform() < AT_BORDER)
    # What is asked for is not to be had in every breast: better elsewhere than left out.
    searches = (
        _Search(layer, border, least),
        _Search(layer, False, least),
        _Search(SHARES, False, least),
        _Search(SHARES, False, at_all),
    )
    for search in dict.fromkeys(searches):
        point = _best(rng, scenes, size, search, wanted, visible, taken)
        if point is not None:
            return point
    return None


def _best(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    size: tuple[float, float],
    search: _Search,
    wanted: float,
    visible: Callable[[Scene, Point], float],
    taken: list[Point],
) -> Point | None:
    best: tuple[float, Point] | None = None
    for _ in range(CANDIDATES):
        point = _candidate(rng, scenes, size, search.shares, taken)
        if point is None:
            continue
        if search.at_border and not any(_at_border(s, point, size[0]) for s in scenes):
            continue
        ratios = [visible(s, point) for s in scenes]
        if min(ratios) < search.least:
            continue
        miss = abs(float(np.log(np.mean(ratios) / wanted)))
        if best is None or miss < best[0]:
            best = (miss, point)
    return best[1] if best else None


def _at_border(scene: Scene, point: Point, radius_mm: float) -> bool:
    shares = [gland_share(scene, point, 1.5 * radius_mm, k) for k in range(len(scene.gland))]
    return BORDER_GLAND[0] < float(np.mean(shares)) < BORDER_GLAND[1]


def _candidate(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    size: tuple[float, float],
    shares: tuple[float, float],
    taken: list[Point],
) -> Point | None:
    radius_mm = size[0]
    anatomy: Anatomy = scenes[0].anatomy
    half = anatomy.half_width_mm
    for _ in range(40):
        point = (
            anatomy.depth_mm * float(rng.uniform(*shares)),
            half * float(np.clip(rng.normal(0.1, 0.42), -0.8, 0.9)),
            half * float(np.clip(rng.normal(0.12, 0.42), -0.8, 0.9)),
        )
        near = any(np.linalg.norm(np.subtract(point, t)) < 3.0 * radius_mm + 12 for t in taken)
        if not near and all(_fits(scene, point, *size) for scene in scenes):
            return point
    return None


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
