"""Fresh masses in real films: what real tissue does to a detector that has never seen any.

Masses of the phantoms' shapes are put off the muscle of films without known masses: grey rises in
proportion to the path through the mass, and stands out as masses on real film do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mammo_node.phantom import MASS
from mammo_node.phantom.anatomy import Anatomy, draw_pair
from mammo_node.phantom.mass import Mass, draw_mass
from training.mass_insertion import insert_mass
from training.raw import RawView
from training.realism.stored import as_stored
from training.realism.view import FAT, GLAND, PITCH_MM, TissueView

#: Places that are tried for one mass, and how deep inside the skin they lie at least.
_TRIES, _DEPTH_MM = 50, 12.0


def with_mass(rng: np.random.Generator, film: TissueView, anatomy: Anatomy) -> RawView | None:
    """Put one mass somewhere; None where the film has no room for the one that was drawn."""
    mass = draw_mass(rng)
    point = _place(rng, film, mass)
    if point is None:
        return None
    grey = film.grey.copy()
    box = insert_mass(rng, grey, film.breast, PITCH_MM, mass, anatomy, point)
    if box is None:
        return None
    finding = (MASS, mass.malignant_looking, box)
    return as_stored(film.name, "film", grey, film.breast, PITCH_MM, finding)


def _place(rng: np.random.Generator, film: TissueView, mass: Mass) -> tuple[float, float] | None:
    depth = film.depth_mm
    inside = np.argwhere((depth > _DEPTH_MM) & np.isin(film.tissue, (FAT, GLAND)))
    for _ in range(_TRIES if len(inside) else 0):
        row, column = inside[int(rng.integers(len(inside)))]
        if depth[row, column] > 1.1 * mass.radius_mm + 2.0:
            return float(column), float(row)
    return None


def films_with_masses(films: list[TissueView], draws: int) -> Iterator[RawView]:
    """Every film `draws` times with one mass; the same films give the same masses."""
    anatomy = draw_pair(np.random.default_rng(0))[0]
    for film in films:
        for number in range(draws):
            rng = np.random.default_rng([number, *film.name.encode()])
            view = with_mass(rng, film, anatomy)
            if view is not None:
                yield view
