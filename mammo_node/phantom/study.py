"""A four-view study of one phantom woman: from a seed to pixels with exact truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.finish import finish
from mammo_node.phantom.ground import STRUCTURE_MM
from mammo_node.phantom.implant import FILLINGS, Implant, draw_implant
from mammo_node.phantom.look import Look, draw_look, draw_spot
from mammo_node.phantom.metal import BALL, RING, WIRE
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.render import Breast, expose_breast
from mammo_node.phantom.signs import draw_signs
from mammo_node.phantom.texture import TextureBank
from mammo_node.phantom.view import PhantomStudy, PhantomView

__all__ = ["VIEWS", "PhantomStudy", "PhantomView", "draw_recipe", "generate_study"]

VIEWS = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
FIELD_MM = (240.0, 190.0)
NO_IMPLANT = "none"
_IMPLANT, _DISPLACED, _MARKED = 0.02, 0.5, 0.06


def draw_recipe(
    seed: int, look: str | None = None, *, for_processing: bool = False, spot: bool = False
) -> Look:
    """Draw how the study of `seed` is taken; the same arguments give the same recipe.

    Parameters
    ----------
    seed
        Any non-negative integer.
    look
        "film", "digital", a vendor's key, or None for a draw (55 % film).
    for_processing
        Detector values, not an image for presentation; the look must not be film.
    spot
        Spot compression or magnification views.

    Raises
    ------
    ValueError
        If there is no such look, or film is asked for detector values.
    """
    rng = np.random.default_rng([seed, 0x100C])
    name = look or ("digital" if for_processing else None)
    made = draw_look(rng, name)
    if for_processing and made.film is not None:
        raise ValueError("film has no detector values: ask for a digital look")
    lossy = None if for_processing else made.lossy_ratio
    return replace(
        made,
        for_processing=for_processing,
        lossy_ratio=lossy,
        spot=draw_spot(rng) if spot else None,
    )


def generate_study(
    seed: int,
    *,
    pixel_spacing_mm: float = 0.1,
    look: str | Look | None = None,
    masses: int | None = None,
    clusters: int | None = None,
    signs: Iterable[str] | None = None,
    implant: str | None = None,
    views: Iterable[tuple[str, str]] = VIEWS,
    bank: TextureBank | None = None,
) -> PhantomStudy:
    """Render a phantom study; the same arguments give the same bytes.

    Parameters
    ----------
    seed
        Any non-negative integer.
    pixel_spacing_mm
        Pixel pitch at the detector, 0.05 to 0.3 mm.
    look
        "film", "digital", a vendor's key, a recipe of `draw_recipe`, or None for a draw (55 %
        film).
    masses, clusters
        How many to place in the study, or None for a draw; one that finds no place is left out.
    signs
        Which findings beside masses and clusters, each a name of `kinds.SIGNS`; none for an empty
        list; None for a draw (a quarter of the women have one or more).
    implant
        "silicone", "saline", "none", or None for a draw (2 % have one).
    views
        Which of the four views to render, as (laterality, view). A breast's density is told by
        the gland in those that are rendered.
    bank
        Texture tiles to share between studies; by default the study's own are made.

    Returns
    -------
    PhantomStudy
        With lesions in original pixel coordinates.

    Raises
    ------
    ValueError
        If a look, sign or implant is not known.
    """
    rng = np.random.default_rng([seed, 0x3A33])
    recipe = look if isinstance(look, Look) else draw_recipe(seed, look)
    energy = float(rng.uniform(18.0, 22.0))
    breasts = dict(zip("LR", draw_pair(rng), strict=True))
    counts = _draw_counts(rng, masses, clusters)
    found = draw_signs(np.random.default_rng([seed, 0x5169]), breasts, signs)
    fill = np.random.default_rng([seed, 0x1472])
    implants = _draw_implants(fill, implant)
    tiles = bank or TextureBank.from_seed(seed)
    magnification = recipe.spot.magnification if recipe.spot else 1.0
    grid = grid_of(pixel_spacing_mm / magnification)
    wanted = tuple(views)
    rendered: dict[tuple[str, str], PhantomView] = {}
    for side in "LR":
        names = [v for s, v in wanted if s == side]
        breast = Breast(breasts[side], *counts[side], found[side], implants, _markers(fill))
        for exposure in expose_breast(seed, breast, names, tiles, grid, energy) if names else ():
            view = exposure.scene.view
            take = np.random.default_rng([seed, ord(side), len(view), 9])
            rendered[side, view] = finish(take, exposure, recipe, breast)
    made = tuple(rendered[v] for v in wanted)
    return PhantomStudy(seed, recipe.family, energy, made, recipe)


def grid_of(pitch_mm: float) -> Grid:
    """Return the grid of a whole field at some pixel pitch."""
    # The structure grid divides the pixel grid, so that truth on one is exact on the other.
    step = math.lcm(8, max(1, round(STRUCTURE_MM / pitch_mm)))
    rows, columns = (int(extent / pitch_mm) // step * step for extent in FIELD_MM)
    return Grid(rows, columns, pitch_mm)


def _draw_counts(
    rng: np.random.Generator, masses: int | None, clusters: int | None
) -> dict[str, tuple[int, int]]:
    total_masses = int(rng.choice(4, p=(0.25, 0.45, 0.2, 0.1))) if masses is None else masses
    total_clusters = int(rng.choice(3, p=(0.55, 0.35, 0.1))) if clusters is None else clusters
    mass_left = int(rng.binomial(total_masses, 0.5))
    cluster_left = int(rng.binomial(total_clusters, 0.5))
    return {
        "L": (mass_left, cluster_left),
        "R": (total_masses - mass_left, total_clusters - cluster_left),
    }


def _draw_implants(rng: np.random.Generator, wanted: str | None) -> Implant | None:
    if wanted not in (None, NO_IMPLANT, *FILLINGS):
        known = ", ".join((*FILLINGS, NO_IMPLANT))
        raise ValueError(f"no such implant: {wanted}; there are {known}")
    drawn = str(rng.choice(FILLINGS)) if rng.uniform() < _IMPLANT else NO_IMPLANT
    filling = wanted or drawn
    displaced = bool(rng.uniform() < _DISPLACED)
    return None if filling == NO_IMPLANT else draw_implant(rng, filling, displaced=displaced)


def _markers(rng: np.random.Generator) -> tuple[str, ...]:
    kind = str(rng.choice((BALL, WIRE, RING), p=(0.5, 0.35, 0.15)))
    return (kind,) if rng.uniform() < _MARKED else ()
