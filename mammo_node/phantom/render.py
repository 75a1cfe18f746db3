"""One breast from its anatomy to log attenuation with truth: all that the detector will see."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry
from mammo_node.phantom.axilla import add_suspicious_node
from mammo_node.phantom.coarse import add_coarse, draw_coarse, place_coarse
from mammo_node.phantom.density import density_of
from mammo_node.phantom.distractors import add_distractors
from mammo_node.phantom.ground import Ground, lay_ground
from mammo_node.phantom.implant import Implant, add_implant
from mammo_node.phantom.kinds import SUSPICIOUS_NODE
from mammo_node.phantom.landmarks import Landmarks, landmarks_of
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.metal import add_skin_marker
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.placed import Populated, populate
from mammo_node.phantom.pulled_scene import pull_tissue
from mammo_node.phantom.scene import Scene, build_scene
from mammo_node.phantom.search import Place
from mammo_node.phantom.settling import Site, settled
from mammo_node.phantom.signs import Sign, growths
from mammo_node.phantom.skin import SkinThickening
from mammo_node.phantom.texture import TextureBank

_FIRST_MARKER, _FIRST_COARSE, _FIRST_BENIGN = 201, 251, 301


@dataclass(frozen=True, slots=True)
class Exposure:
    """One view in front of the detector, in the canonical frame (chest wall on the left).

    `log_attenuation` is (rows, columns) float32; `lesions` are masses and clusters, `signs` other
    findings, `benign` what looks like one and is none.
    """

    scene: Scene
    log_attenuation: FloatArray
    lesions: tuple[PhantomLesion, ...]
    signs: tuple[PhantomLesion, ...]
    benign: tuple[PhantomLesion, ...]
    landmarks: Landmarks


@dataclass(frozen=True, slots=True)
class Breast:
    """What one breast has: how many masses and clusters, which signs, implant and markers."""

    anatomy: Anatomy
    masses: int
    clusters: int
    signs: tuple[Sign, ...]
    implant: Implant | None
    markers: tuple[str, ...]


def expose_breast(
    seed: int,
    breast: Breast,
    names: Iterable[str],
    bank: TextureBank,
    grid: Grid,
    energy_kev: float,
) -> list[Exposure]:
    """Render the views `names` ("CC", "MLO") of one breast up to the detector."""
    mu = Attenuation.at(energy_kev)
    side = ord(breast.anatomy.laterality)
    wanted = set(names)
    grown = growths(breast.signs)
    needed = wanted | {v for g in grown if isinstance(g, Asymmetry) for v in g.views}
    grounds: dict[str, Ground] = {
        name: lay_ground(
            np.random.default_rng([seed, side, len(name)]), breast.anatomy, bank, name, grid, mu
        )
        for name in ("CC", "MLO")
        if name in needed
    }
    grown = _settled(grown, grounds)
    scenes = tuple(build_scene(ground, grown) for v, ground in grounds.items() if v in wanted)
    taken = [Place(point) for s in grown if isinstance(s, Asymmetry) for point in s.places]
    pulls = np.random.default_rng([seed, side, 5])
    scenes, pulled = pull_tissue(pulls, scenes, breast.signs, taken)
    views = tuple(
        Populated(scene, scene.log_attenuation, (), (*scene.grown, *drawn))
        for scene, drawn in zip(scenes, pulled, strict=True)
    )
    rng = np.random.default_rng([seed, side, 7])
    views = populate(rng, views, (breast.masses, breast.clusters), taken)
    images = tuple(view.log_attenuation.copy() for view in views)
    scenes = tuple(view.scene for view in views)
    coarse = _insert_coarse(np.random.default_rng([seed, side, 3]), scenes, images)
    level = density_of([scene.gland_share for scene in scenes])
    return [
        _complete(seed, breast, view, image, benign, energy_kev, level)
        for view, image, benign in zip(views, images, coarse, strict=True)
    ]


def _settled(
    grown: Iterable[Asymmetry | SkinThickening], grounds: Mapping[str, Ground]
) -> tuple[Asymmetry | SkinThickening, ...]:
    """Find places for asymmetries, one after another, whichever views are wanted."""
    found: list[Asymmetry | SkinThickening] = []
    sites: dict[str, Site] = {}
    for growth in grown:
        if not isinstance(growth, Asymmetry):
            found.append(growth)
            continue
        sites |= {v: Site.of(grounds[v]) for v in growth.views if v not in sites}
        lying = settled(growth, [sites[v] for v in growth.views])
        sites = {view: site.holding(lying) for view, site in sites.items()}
        found.append(lying)
    return tuple(found)


def _insert_coarse(
    rng: np.random.Generator, scenes: tuple[Scene, ...], images: tuple[FloatArray, ...]
) -> tuple[list[PhantomLesion], ...]:
    truths: tuple[list[PhantomLesion], ...] = tuple([] for _ in scenes)
    for number, group in enumerate(draw_coarse(rng)):
        point = place_coarse(rng, scenes)
        if point is None:
            continue
        for scene, image, truth in zip(scenes, images, truths, strict=True):
            found = add_coarse(scene, image, group, point, _FIRST_COARSE + number)
            truth.extend([found] if found else [])
    return truths


def _complete(
    seed: int,
    breast: Breast,
    made: Populated,
    image: FloatArray,
    benign: list[PhantomLesion],
    energy_kev: float,
    density_level: float,
) -> Exposure:
    scene, lesions, signs = made.scene, list(made.lesions), list(made.signs)
    side, view = ord(breast.anatomy.laterality), len(scene.view)
    rng = np.random.default_rng([seed, side, view, 11])
    for sign in breast.signs:
        if sign.kind == SUSPICIOUS_NODE:
            node = add_suspicious_node(rng, scene, image, sign.identity)
            signs += [node] if node else []
    others = np.random.default_rng([seed, side, view, 13])
    benign = benign + add_distractors(
        others, scene, image, _FIRST_BENIGN + 100 * (scene.view == "MLO")
    )
    shadow = np.zeros(image.shape, dtype=bool)
    if breast.implant is not None:
        shadow = add_implant(rng, breast.implant, scene, image, energy_kev)
        lesions, signs, benign = (
            [x for x in found if not _hidden(x, shadow)] for found in (lesions, signs, benign)
        )
    for number, kind in enumerate(breast.markers):
        marker = add_skin_marker(rng, scene, image, kind, _FIRST_MARKER + number)
        benign += [marker] if marker else []
    return Exposure(
        scene,
        image,
        tuple(lesions),
        tuple(signs),
        tuple(benign),
        landmarks_of(scene, shadow, density_level),
    )


def _hidden(lesion: PhantomLesion, shadow: np.ndarray) -> bool:
    column, row = (int(c) for c in lesion.centre_px)
    rows, columns = shadow.shape
    return bool(shadow[min(row, rows - 1), min(column, columns - 1)])
