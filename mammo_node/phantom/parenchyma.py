"""Gland, its lobules, and the strands in fat, as seen in one view.

The breast is cut into slabs along the beam. Where gland lies is read from the 3D field of the
anatomy, so both views agree on it; what it looks like in detail is read per slab from tiles in the
nipple chart, whose columns run along the fibres, towards the nipple.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import expit

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.cells import dome
from mammo_node.phantom.gland import gland_level, gland_threshold
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette
from mammo_node.phantom.texture import TextureBank, sample

SLABS = 6
#: What one unit of the lobes' tile is, roughly, in mm from a wall.
LOBE_RADIUS_MM = 5.0


@dataclass(frozen=True, slots=True)
class Parenchyma:
    """Gland fraction per slab, (SLABS, rows, columns), and strands, (rows, columns); float32.

    `strands` is a path length of connective tissue relative to a typical septum, about 0..1.
    """

    gland: FloatArray
    strands: FloatArray


def grow_parenchyma(
    rng: np.random.Generator,
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    silhouette: Silhouette,
) -> Parenchyma:
    """Fill a silhouette with gland and strands."""
    threshold = gland_threshold(anatomy, bank)
    along, across = _bent(rng, bank, *_nipple_chart(silhouette))
    fade_mm = float(rng.uniform(4.0, 12.0))
    fade = np.clip((silhouette.inside_mm - 2.0) / fade_mm, 0.0, 1.0)
    fade = fade * fade * (3.0 - 2.0 * fade) * (1.0 - np.clip(1.6 * silhouette.pectoral, 0.0, 1.0))
    slabs = []
    strands = np.zeros_like(fade)
    for k in range(SLABS):
        z = np.float32((k + 0.5) / SLABS * 2.0 - 1.0)
        level = gland_level(anatomy, bank, view, silhouette, float(z), threshold)
        u, v = _slab_chart(rng, bank, along / np.float32(anatomy.elongation**0.7), across)
        gland, septa = _slab(rng, anatomy, bank, level, u, v)
        slabs.append(gland * fade)
        strands += septa
    strands = strands * np.float32(anatomy.strand_strength)
    return Parenchyma(np.stack(slabs), np.asarray(strands, dtype=np.float32))


def _slab(
    rng: np.random.Generator,
    anatomy: Anatomy,
    bank: TextureBank,
    level: FloatArray,
    u: FloatArray,
    v: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Gland fraction and septa of one slab.

    Fat lies in lobules that are wrapped in ligaments. Where there is much gland it fills the space
    between them and over them; where there is less, only the ligaments' surroundings; in fat, the
    ligaments alone are left. One field of cells makes all three, so that they meet.
    """
    d = rng.uniform(0, 256, 12).astype(np.float32)
    zoom = np.float32(anatomy.lobe_zoom)
    lobe = sample(bank.lobes, zoom * u + d[0], zoom * v + d[1])
    lobule = dome(sample(bank.lobules, u + d[2], v + d[3]))
    cloud = sample(bank.clouds, u + d[4], v + d[5], smooth=True)
    slow = sample(bank.clouds, 0.45 * u + d[6], 0.45 * v + d[7], smooth=True)
    gland = _gland(anatomy, level, lobe, lobule, cloud, slow)
    strand = sample(bank.strands, u + d[8], v + d[9])
    wisp = sample(bank.wisps, u + d[10], v + d[11])
    width_mm = np.float32(rng.uniform(0.22, 0.45))
    wall = lobe * np.float32(LOBE_RADIUS_MM) / zoom
    return gland, _septa(level, wall, strand, wisp, cloud, slow, width_mm)


def _gland(
    anatomy: Anatomy,
    level: FloatArray,
    lobe: FloatArray,
    lobule: FloatArray,
    cloud: FloatArray,
    slow: FloatArray,
) -> FloatArray:
    coarse = np.float32(1.0 - anatomy.smoothness)
    opening = 1.5 * expit(1.3 * slow + np.float32(anatomy.openness))
    filled = level + 0.5 + 0.3 * cloud - opening * dome(lobe) - 0.35 * coarse * lobule
    support = expit((1.9 + 0.9 * coarse) * filled)
    # Gland is thickest well inside: films have few very bright places, and much of a middle grey.
    depth = 0.45 + 0.55 * expit(1.3 * level - 1.3)
    lobed = 1.0 - (0.08 + 0.17 * coarse) * lobule
    gland = 1.25 * support * depth * np.exp(0.28 * cloud) * lobed
    return np.asarray(
        cv2.GaussianBlur(gland, (0, 0), 0.6 + 1.6 * anatomy.smoothness), dtype=np.float32
    )


def _septa(
    level: FloatArray,
    wall: FloatArray,
    strand: FloatArray,
    wisp: FloatArray,
    cloud: FloatArray,
    slow: FloatArray,
    width_mm: np.float32,
) -> FloatArray:
    # Ligaments thicken where they hold gland; where cells have walls, there are fewer strands.
    near = 1.0 + 1.2 * expit(1.5 * level + 1.0)
    walls = expit(1.8 * slow) * np.exp(-((wall / width_mm) ** 2))
    strands = expit(-1.8 * slow) * np.exp(-((strand / width_mm) ** 2))
    wisps = expit(2.0 * cloud - 0.7) * np.exp(-((wisp / (0.7 * width_mm)) ** 2))
    return np.asarray(near * (walls + strands + 0.6 * wisps), dtype=np.float32)


def _nipple_chart(silhouette: Silhouette) -> tuple[FloatArray, FloatArray]:
    x, y = silhouette.grid.axes_mm()
    # A pole a little outside the skin keeps the fibres from meeting in one point.
    dx = np.float32(silhouette.nipple_mm[0] + 12.0) - x
    dy = y - np.float32(silhouette.nipple_mm[1])
    radius = np.sqrt(dx * dx + dy * dy)
    angle = np.arctan2(dy, dx)
    across = 45.0 * angle * (0.55 + 0.45 * np.minimum(radius / 45.0, 2.0))
    return radius, np.asarray(across, dtype=np.float32)


def _bent(
    rng: np.random.Generator, bank: TextureBank, along: FloatArray, across: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """All slabs follow one another's bends: real bundles swing, and do not cross at each depth."""
    turn = float(rng.normal(0.0, 0.45))
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u, v = cos * along - sin * across, sin * along + cos * across
    d = rng.uniform(0, 256, 4).astype(np.float32)
    bend = sample(bank.wander, np.float32(0.3) * u + d[0], np.float32(0.3) * v + d[1], smooth=True)
    sway = sample(bank.wander, np.float32(0.3) * u + d[2], np.float32(0.3) * v + d[3], smooth=True)
    return u + np.float32(2.0) * bend, v + np.float32(2.0) * sway


def _slab_chart(
    rng: np.random.Generator, bank: TextureBank, along: FloatArray, across: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Each slab is shifted, turned a little and gently warped."""
    turn = float(rng.normal(0.0, 0.6))
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u = cos * along - sin * across + np.float32(rng.uniform(0, 256))
    v = sin * along + cos * across + np.float32(rng.uniform(0, 256))
    shift = np.float32(rng.uniform(0, 256))
    bend = sample(bank.wander, u + shift, v, smooth=True)
    sway = sample(bank.wander, u, v + shift, smooth=True)
    return u + np.float32(1.3) * bend, v + np.float32(1.3) * sway
