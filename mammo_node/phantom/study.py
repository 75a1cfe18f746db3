"""A four-view study of one phantom woman: from a seed to pixels with exact truth."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.anatomy import Anatomy, draw_pair
from mammo_node.phantom.calcification import draw_cluster
from mammo_node.phantom.digital import process_digital
from mammo_node.phantom.distractors import add_distractors
from mammo_node.phantom.film import expose_film
from mammo_node.phantom.insertion import insert_cluster, insert_mass
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.markers import add_film_marks, add_view_letters
from mammo_node.phantom.mass import draw_mass
from mammo_node.phantom.mirror import mirror_lesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.placement import Point, place_lesion
from mammo_node.phantom.scene import Scene, build_scene
from mammo_node.phantom.texture import TextureBank

VIEWS = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
FIELD_MM = (240.0, 190.0)
FULL_SCALE = 4095


@dataclass(frozen=True, slots=True)
class PhantomView:
    """One mammogram of a phantom.

    `pixels` is (rows, columns) uint16 with 12 bits used, MONOCHROME2, chest wall on the left for a
    left breast and on the right for a right one; `inside_mm` is the distance inside the skin, 0
    where there is no breast.
    """

    laterality: str
    view: str
    pixels: NDArray[np.uint16]
    pixel_spacing_mm: float
    lesions: tuple[PhantomLesion, ...]
    nipple_px: tuple[float, float]
    inside_mm: FloatArray
    compressed_mm: float


@dataclass(frozen=True, slots=True)
class PhantomStudy:
    """The views of one phantom woman, in hanging order, and what they were made from."""

    seed: int
    look: str
    energy_kev: float
    density: float
    views: tuple[PhantomView, ...]


def generate_study(
    seed: int,
    *,
    pixel_spacing_mm: float = 0.1,
    look: str | None = None,
    masses: int | None = None,
    clusters: int | None = None,
    views: Iterable[tuple[str, str]] = VIEWS,
    bank: TextureBank | None = None,
) -> PhantomStudy:
    """Render a phantom study; the same arguments give the same bytes.

    Parameters
    ----------
    seed
        Any non-negative integer.
    pixel_spacing_mm
        Pixel pitch, 0.05 to 0.3 mm.
    look
        "film", "digital", or None for a draw (55 % film).
    masses, clusters
        How many to place in the study, or None for a draw; one that finds no place is left out.
    views
        Which of the four views to render, as (laterality, view).
    bank
        Texture tiles to share between studies; by default the study's own are made.

    Returns
    -------
    PhantomStudy
        With lesions in original pixel coordinates.
    """
    rng = np.random.default_rng([seed, 0x3A33])
    drawn_look = "film" if rng.uniform() < 0.55 else "digital"
    energy = float(rng.uniform(18.0, 22.0))
    breasts = dict(zip("LR", draw_pair(rng), strict=True))
    counts = _draw_counts(rng, masses, clusters)
    chosen_look = look or drawn_look
    tiles = bank or TextureBank.from_seed(seed)
    grid = _grid(pixel_spacing_mm)
    wanted = tuple(views)
    rendered: dict[tuple[str, str], PhantomView] = {}
    for side in "LR":
        names = [v for s, v in wanted if s == side]
        if names:
            for made in _render_breast(
                seed, breasts[side], names, tiles, grid, chosen_look, energy, counts[side]
            ):
                rendered[side, made.view] = made
    density = breasts["L"].density
    return PhantomStudy(seed, chosen_look, energy, density, tuple(rendered[v] for v in wanted))


def _grid(pitch_mm: float) -> Grid:
    # Multiples of 8 let the structure grid divide the pixel grid.
    rows, columns = (int(extent / pitch_mm) // 8 * 8 for extent in FIELD_MM)
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


def _render_breast(
    seed: int,
    anatomy: Anatomy,
    names: list[str],
    bank: TextureBank,
    grid: Grid,
    look: str,
    energy_kev: float,
    counts: tuple[int, int],
) -> list[PhantomView]:
    mu = Attenuation.at(energy_kev)
    side = ord(anatomy.laterality)
    scenes = tuple(
        build_scene(np.random.default_rng([seed, side, len(n)]), anatomy, bank, n, grid, mu)
        for n in ("CC", "MLO")
        if n in names
    )
    images = tuple(scene.log_attenuation.copy() for scene in scenes)
    truths = _insert_lesions(np.random.default_rng([seed, side, 7]), scenes, images, counts)
    made = []
    for scene, image, lesions in zip(scenes, images, truths, strict=True):
        rng = np.random.default_rng([seed, side, len(scene.view), 9])
        add_distractors(rng, scene, image)
        made.append(_finish(rng, scene, image, look, lesions))
    return made


def _insert_lesions(
    rng: np.random.Generator,
    scenes: tuple[Scene, ...],
    images: tuple[FloatArray, ...],
    counts: tuple[int, int],
) -> tuple[list[PhantomLesion], ...]:
    truths: tuple[list[PhantomLesion], ...] = tuple([] for _ in scenes)
    taken: list[Point] = []
    identity = 0
    for _ in range(counts[0]):
        mass = draw_mass(rng)
        point = place_lesion(rng, scenes, mass.radius_mm, 1.9 * mass.radius_mm, taken)
        if point is None:
            continue
        taken.append(point)
        identity += 1
        for scene, image, truth in zip(scenes, images, truths, strict=True):
            lesion = insert_mass(scene, image, mass, point, identity)
            truth.extend([lesion] if lesion else [])
    for _ in range(counts[1]):
        cluster = draw_cluster(rng)
        point = place_lesion(rng, scenes, 5.0, 8.0, taken)
        if point is None:
            continue
        taken.append(point)
        identity += 1
        for scene, image, truth in zip(scenes, images, truths, strict=True):
            lesion = insert_cluster(scene, image, cluster, point, identity)
            truth.extend([lesion] if lesion else [])
    return truths


def _finish(
    rng: np.random.Generator,
    scene: Scene,
    image: FloatArray,
    look: str,
    lesions: list[PhantomLesion],
) -> PhantomView:
    pitch, full = scene.grid.pitch_mm, scene.full_thickness_mm
    right = scene.anatomy.laterality == "R"
    if look == "film":
        grey = expose_film(rng, image, full, scene.mu, pitch)
    else:
        grey = process_digital(
            rng, image, scene.thickness_mm, scene.inside_mm, full, scene.mu, pitch
        )
    inside = scene.inside_mm
    columns = scene.grid.columns
    nipple = scene.nipple_px
    if right:
        grey, inside = np.ascontiguousarray(grey[:, ::-1]), np.ascontiguousarray(inside[:, ::-1])
        nipple = (columns - nipple[0], nipple[1])
        lesions = [mirror_lesion(lesion, columns) for lesion in lesions]
    if look == "film" or rng.uniform() < 0.5:
        add_view_letters(rng, grey, inside, scene.anatomy.laterality, scene.view, pitch)
    if look == "film":
        add_film_marks(rng, grey, pitch)
    pixels = np.clip(grey * np.float32(FULL_SCALE) + np.float32(0.5), 0, FULL_SCALE)
    return PhantomView(
        laterality=scene.anatomy.laterality,
        view=scene.view,
        pixels=pixels.astype(np.uint16),
        pixel_spacing_mm=pitch,
        lesions=tuple(lesions),
        nipple_px=nipple,
        inside_mm=inside,
        compressed_mm=full,
    )
