"""Where lesions go: inside the breast in both views, and as hard to see as real ones are.

Real masses stand out from their ring by a median of 1.4 standard deviations (10-90 %: 0.3-2.7).
What a mass adds by itself is asked for, and not that it lies where tissue is bright already: a box
there would hold gland that nobody takes for a mass. How well it is seen, and how far from the
nipple to look, are drawn first, and of many places the nearest to that is taken; half are sought
where gland meets fat, as most cancers lie there. Where nothing fits, it is sought elsewhere. Masses
keep apart in every view: of two that lie over one another a reader sees one opacity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammo_node.phantom.mass import Mass
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.search import Asked, Place, search
from mammo_node.phantom.visibility import Point, mass_visibility, quietness

__all__ = ["place_cluster", "place_mass"]

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
#: Least distance of a mass from the picture's edges, in radii: few masses are cut by them.
MASS_EDGE, CLUSTER_EDGE = 1.15, 0.8


def place_mass(
    rng: np.random.Generator, scenes: tuple[Scene, ...], mass: Mass, taken: Sequence[Place]
) -> Point | None:
    """Find an anatomical point for a mass, in all `scenes` in the breast, or None."""
    wanted = float(np.clip(rng.normal(*WANTED), *WANTED_BOUNDS))

    def visible(scene: Scene, point: Point) -> float:
        alone, there = mass_visibility(scene, point, mass)
        return alone if there > LEAST_THERE else 0.0

    radius, extent = mass.radius_mm, mass.extent_mm
    asked = Asked(radius, MASS_EDGE, wanted, LEAST, LEAST_AT_ALL, visible, taken, extent)
    return search(rng, scenes, asked)


def place_cluster(
    rng: np.random.Generator, scenes: tuple[Scene, ...], taken: Sequence[Place]
) -> Point | None:
    """Find an anatomical point for a cluster of calcifications, in all `scenes`, or None."""
    middle, spread = CLUSTER_WANTED
    wanted = float(np.clip(middle * np.exp(spread * rng.standard_normal()), 0.6, 12.0))

    def visible(scene: Scene, point: Point) -> float:
        return quietness(scene, point, CLUSTER_RADIUS_MM, CLUSTER_PATH_MM)

    radius, edge, least = CLUSTER_RADIUS_MM, CLUSTER_EDGE, CLUSTER_LEAST
    asked = Asked(radius, edge, wanted, least, least, visible, taken)
    return search(rng, scenes, asked)
