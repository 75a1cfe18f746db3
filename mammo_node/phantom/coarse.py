"""Benign calcium that is coarse: popcorn, rims, rods in ducts, and round specks strewn about.

All of it is typically benign by the BI-RADS lexicon, and all of it is what a detector of fine
clusters must leave alone. It lies at one place of the anatomy, so both views show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.calcification import add_specks, project_specks
from mammo_node.phantom.kinds import BENIGN_CALCIFICATION
from mammo_node.phantom.lesion import Patch, PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.truth import region_truth
from mammo_node.phantom.visibility import Point

POPCORN, RIM, RODS, STREWN = "popcorn", "rim", "rods", "strewn"
_KINDS = (POPCORN, RIM, RODS, STREWN)
_WEIGHTS = (0.2, 0.3, 0.2, 0.3)
#: Mean number of such groups in a breast.
_RATE = 0.12
_TRIES = 40
_AROUND = 12


@dataclass(frozen=True, slots=True)
class CoarseGroup:
    """Specks around a point of the anatomy, as `calcification.Cluster` has them."""

    variety: str
    specks: FloatArray
    shape_seed: int


def draw_coarse(rng: np.random.Generator) -> tuple[CoarseGroup, ...]:
    """Draw the groups of one breast; most have none."""
    return tuple(_draw(rng) for _ in range(int(rng.poisson(_RATE))))


def _draw(rng: np.random.Generator) -> CoarseGroup:
    variety = str(rng.choice(_KINDS, p=_WEIGHTS))
    make = {POPCORN: _popcorn, RIM: _rim, RODS: _rods, STREWN: _strewn}[variety]
    return CoarseGroup(variety, make(rng).astype(np.float32), int(rng.integers(2**31)))


def _popcorn(rng: np.random.Generator) -> np.ndarray:
    """Chunks in an old fibroadenoma."""
    count = int(rng.integers(6, 22))
    place = rng.normal(0.0, rng.uniform(1.0, 2.8), (count, 3))
    return np.column_stack([place, rng.uniform(0.9, 2.8, count), rng.uniform(0.12, 0.35, count)])


def _rim(rng: np.random.Generator) -> np.ndarray:
    """Return the shell of an oil cyst as one speck of its outer diameter."""
    return np.array([[0.0, 0.0, 0.0, 2.0 * rng.uniform(1.2, 6.0), rng.uniform(0.04, 0.2)]])


def _rods(rng: np.random.Generator) -> np.ndarray:
    """Secretory rods: solid, smooth, along the ducts to the nipple."""
    made = []
    for _ in range(int(rng.integers(4, 14))):
        start = rng.normal(0.0, [9.0, 7.0, 7.0])
        heading = np.array([1.0, *rng.normal(0.0, 0.35, 2)])
        length, width = float(rng.uniform(1.5, 8.0)), float(rng.uniform(0.35, 0.8))
        t = np.arange(0.0, length, 0.25 * width)[:, None]
        place = start + t * heading / np.linalg.norm(heading)
        packing = np.full(len(t), rng.uniform(0.1, 0.28))
        made.append(np.column_stack([place, np.full(len(t), width), packing]))
    return np.concatenate(made)


def _strewn(rng: np.random.Generator) -> np.ndarray:
    """Round specks over much of the breast, alike and far apart."""
    count = int(rng.integers(8, 40))
    place = rng.normal(0.0, rng.uniform(10.0, 22.0), (count, 3))
    return np.column_stack([place, rng.uniform(0.25, 0.6, count), rng.uniform(0.4, 0.9, count)])


def place_coarse(rng: np.random.Generator, scenes: tuple[Scene, ...]) -> Point | None:
    """Find a point of the anatomy well inside all views of a breast."""
    anatomy = scenes[0].anatomy
    for _ in range(_TRIES):
        a = anatomy.depth_mm * float(rng.uniform(0.15, 0.85))
        side = anatomy.half_width_mm * np.clip(rng.normal(0.1, 0.35, 2), -0.7, 0.7)
        point = (a, float(side[0]), float(side[1]))
        if all(_inside(scene, point) > 8.0 for scene in scenes):
            return point
    return None


def _inside(scene: Scene, point: Point) -> float:
    column, row = (int(c) for c in scene.to_pixel(point))
    if not (0 <= row < scene.grid.rows and 0 <= column < scene.grid.columns):
        return 0.0
    return float(scene.inside_mm[row, column])


def add_coarse(
    scene: Scene, image: FloatArray, group: CoarseGroup, point: Point, identity: int
) -> PhantomLesion | None:
    """Add a group to `image` (log attenuation, in place)."""
    pitch = scene.grid.pitch_mm
    places = project_specks(group.specks, scene.anatomy, scene.view, scene.to_pixel(point), pitch)
    extent = [scene.grid.columns, scene.grid.rows]
    there = np.flatnonzero(((places >= 0) & (places < extent)).all(axis=1))
    at = places[there].astype(int)
    there = there[scene.inside_mm[at[:, 1], at[:, 0]] > 1.0]
    if not len(there):
        return None
    contrast = scene.mu.calcification - scene.mu.gland
    if group.variety == RIM:
        _add_shell(image, places[0], group, contrast, pitch)
    else:
        specks, seed = group.specks[there], group.shape_seed
        add_specks(image, places[there], specks, contrast, pitch, seed, False)
    reach = 0.55 * float(group.specks[:, 3].max()) / pitch
    angle = np.linspace(0.0, 2.0 * np.pi, _AROUND, endpoint=False)
    ring = reach * np.column_stack([np.cos(angle), np.sin(angle)])
    every = (places[there][:, None] + ring[None]).reshape(-1, 2)
    return region_truth(
        scene.grid,
        BENIGN_CALCIFICATION,
        group.variety,
        malignant_looking=False,
        identity=identity,
        outline_px=cv2.convexHull(every.astype(np.float32))[:, 0],
        contrast=1.0,
        least_mm=0.2,
    )


def _add_shell(
    image: FloatArray, centre: np.ndarray, group: CoarseGroup, contrast: float, pitch_mm: float
) -> None:
    """Add the path through a thin sphere of calcium: a ring, brightest at its edge."""
    rng = np.random.default_rng(group.shape_seed)
    outer, packing = 0.5 * float(group.specks[0, 3]), float(group.specks[0, 4])
    inner = max(0.3 * outer, outer - float(rng.uniform(0.25, 0.6)))
    half = int(np.ceil(1.3 * outer / pitch_mm)) + 2
    axis = np.arange(-half, half + 1, dtype=np.float32) * np.float32(pitch_mm)
    x, y = np.meshgrid(axis, axis * np.float32(rng.uniform(0.85, 1.15)))
    angle = np.arctan2(y, x)
    rough = 1.0 + sum(rng.normal(0.0, 0.03) * np.cos(n * angle + n) for n in (2, 3, 5))
    squared = (x * x + y * y) / rough**2
    path = np.sqrt(np.clip(outer**2 - squared, 0, None))
    path -= np.sqrt(np.clip(inner**2 - squared, 0, None))
    uneven = 1.0 + 0.5 * np.sin(angle + rng.uniform(0.0, 6.28))
    values = (2.0 * contrast * packing * path * uneven).astype(np.float32)
    values = cv2.GaussianBlur(values, (0, 0), max(0.4, 0.08 / pitch_mm))
    Patch(values, int(centre[0]) - half, int(centre[1]) - half).add_to(image)
