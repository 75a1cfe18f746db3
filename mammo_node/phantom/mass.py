"""Masses: rough 3D balls, and their projection as path lengths.

The radius in direction d is r(1 + sum of a_i sin(k_i . d + p_i)): smooth, cheap, and the same solid
in both views. Spicules are tapered, nearly straight threads that leave the surface in random
directions; a mass that has them draws the fibres around it towards its middle.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.lesion import Patch
from mammo_node.phantom.noise import FloatArray, power_law
from mammo_node.phantom.pull import PointMm, Pull

SPICULATED = "spiculated"
VARIETIES = ("round", "lobulated", "irregular", SPICULATED)
_WEIGHTS = (0.24, 0.28, 0.24, 0.24)
#: Of suspicious shape (BI-RADS, 5th edition). The look alone tells what looks malignant, and
#: margin and density go with it: were it drawn beside the look, nothing could learn to tell.
_SUSPICIOUS = ("irregular", SPICULATED)
#: Deviation of the radius, as a share of it, and of the wavenumber of what it is the sum of, a
#: radian: lobes of a lobulated mass are broad, those of an irregular one high.
_ROUGHNESS = {
    "round": (0.05, 2.5),
    "lobulated": (0.13, 3.0),
    "irregular": (0.22, 4.5),
    SPICULATED: (0.13, 6.0),
}
#: How far the surface thins out, as a share of the radius, where the margin is circumscribed and
#: where it is not. At their steepest, real masses fall off by 1.8 of their contrast a radius
#: (10-90 %: 1.3-3.1), balls with a sharp surface by 2.3.
CIRCUMSCRIBED_RIM = (0.15, 0.6)
INDISTINCT_RIM = (0.5, 1.2)
#: Share of masses with an indistinct margin, benign- and malignant-looking ones.
_INDISTINCT = (0.4, 0.9)
#: Deviation of the depth of a mass from place to place: its core is nearly as finely textured as
#: the tissue around it.
TEXTURE_MM = (0.25, 0.95)
_TEXTURE_PITCH_MM, _TEXTURE_BETA, _TEXTURE_OUTER_MM = 0.2, 3.2, 5.0
_STEPS = 36
_PIECES = 8
#: A spicule is a sheet seen edge on as often as a thread: deeper than it is wide.
_SPICULE_DEPTH = 4.0
#: How far spicules bend, as a share of their length (deviation).
_SPICULE_BEND = 0.08
#: How strongly a spiculated mass draws tissue together, and from how many radii away.
_PULL, _PULL_RADII = (0.3, 1.1), 2.2
#: Where the core is deeper than this share of its middle, threads are lost in it: real cores are
#: homogeneous, and their lines begin at the margin.
_MERGED = 0.7
#: Radii from the middle at which spicules begin.
_ROOT = 0.7
#: Spicules of a large mass are longer and more, not thicker.
_THICKEST_SPICULE_MM = 1.2


@dataclass(frozen=True, slots=True)
class Mass:
    """A mass before it is put anywhere; lengths in mm, directions in the anatomical frame.

    `rim` is the share of the radius within which density falls from all to nothing, half of it
    outside the nominal surface; `margin_mm` is the blur of the projection; `texture_mm` the
    deviation of depth within it; `pull_strength` that of the `Pull` around it, 0 for none.
    """

    variety: str
    malignant_looking: bool
    radius_mm: float
    axes: tuple[float, float, float]
    waves: FloatArray
    density_ratio: float
    margin_mm: float
    rim: float
    spicules: FloatArray
    texture_mm: float
    texture_seed: int
    pull_strength: float

    @property
    def extent_mm(self) -> float:
        """Radius of a ball that holds the mass without its spicules."""
        axes = np.asarray(self.axes, dtype=np.float32)[:, None]
        farthest = (_surface(self, _SPHERE) * np.linalg.norm(axes * _SPHERE, axis=0)).max()
        return self.radius_mm * float(farthest + 0.5 * self.rim * axes.max())

    @property
    def reach_mm(self) -> float:
        """Half of the patch that holds the mass and its spicules."""
        longest = float(self.spicules[:, 3].max()) if len(self.spicules) else 0.0
        return self.extent_mm + self.radius_mm * (0.05 + longest) + 3.0 * self.margin_mm


def draw_mass(rng: np.random.Generator) -> Mass:
    """Draw the shape of one mass."""
    variety = str(rng.choice(VARIETIES, p=_WEIGHTS))
    malignant = variety in _SUSPICIOUS
    diameter = float(np.clip(14.0 * np.exp(0.53 * rng.standard_normal()), 6.0, 48.0))
    amplitude, wavenumber = _ROUGHNESS[variety]
    count = 10
    k = rng.standard_normal((count, 3)) * wavenumber * rng.uniform(0.4, 1.0, (count, 1))
    weight = amplitude * rng.standard_normal(count) * np.sqrt(2.0 / count)
    axes = np.exp(rng.normal(0.0, 0.16, 3))
    low, high = (0.6, 2.2) if malignant else (0.35, 1.2)
    return Mass(
        variety=variety,
        malignant_looking=malignant,
        radius_mm=diameter / 2.0,
        axes=(float(axes[0]), float(axes[1]), float(axes[2])),
        waves=np.column_stack([k, rng.uniform(0, 6.28, count), weight]).astype(np.float32),
        density_ratio=float(rng.uniform(1.02, 1.18))
        if malignant
        else float(rng.uniform(0.98, 1.12)),
        margin_mm=float(rng.uniform(low, high)),
        rim=_draw_rim(rng, malignant=malignant),
        spicules=_draw_spicules(rng, variety),
        texture_mm=float(rng.uniform(*TEXTURE_MM)),
        texture_seed=int(rng.integers(2**31)),
        pull_strength=float(rng.uniform(*_PULL)) if variety == SPICULATED else 0.0,
    )


def _draw_rim(rng: np.random.Generator, *, malignant: bool) -> float:
    indistinct = rng.uniform() < _INDISTINCT[malignant]
    return float(rng.uniform(*(INDISTINCT_RIM if indistinct else CIRCUMSCRIBED_RIM)))


def _draw_spicules(rng: np.random.Generator, variety: str) -> FloatArray:
    """(count, 6): direction, reach and width relative to the radius, bend."""
    if variety == SPICULATED:
        count = int(rng.integers(18, 60))
    elif variety == "irregular":
        count = int(rng.integers(0, 12))
    else:
        count = 0
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    reach = np.clip(rng.gamma(3.0, 0.4, count), 0.3, 2.4)
    width = rng.uniform(0.03, 0.1, count)
    return np.column_stack([direction, reach, width, rng.normal(0.0, _SPICULE_BEND, count)]).astype(
        np.float32
    )


def pull_of(mass: Mass, centre_mm: PointMm) -> Pull | None:
    """How a mass draws the tissue of a view towards it; None if it does not."""
    if not mass.pull_strength:
        return None
    return Pull(centre_mm, _PULL_RADII * mass.radius_mm, strength=mass.pull_strength)


def project_mass(
    mass: Mass, anatomy: Anatomy, view: str, centre_px: tuple[float, float], pitch_mm: float
) -> Patch:
    """Path length through the mass, mm, around `centre_px` (column, row) of the canonical view."""
    half = int(np.ceil(mass.reach_mm / pitch_mm)) + 2
    column, row = round(centre_px[0]) - half, round(centre_px[1]) - half
    size = 2 * half + 1
    # The solid is smooth: project it on a coarse grid and enlarge.
    coarse = max(24, min(size, int(np.ceil(2 * half * pitch_mm / max(0.35, mass.radius_mm / 14)))))
    step = size * pitch_mm / coarse
    axis = (np.arange(coarse, dtype=np.float32) + 0.5) * np.float32(step)
    x = axis - np.float32((centre_px[0] - column) * pitch_mm)
    up = np.float32((centre_px[1] - row) * pitch_mm) - axis
    path = _core(mass, anatomy, view, x, up)
    path = cv2.resize(path, (size, size), interpolation=cv2.INTER_CUBIC)
    path = np.clip(path, 0.0, None)
    path = cv2.GaussianBlur(path, (0, 0), max(0.4, mass.margin_mm / pitch_mm))
    path += _texture(mass, view, size, pitch_mm) * np.minimum(2.0 * path / path.max(), 1.0)
    if len(mass.spicules):
        threads = _spicules(mass, anatomy, view, centre_px, (column, row), size, pitch_mm)
        path += threads * np.clip(1.0 - path / (_MERGED * path.max()), 0.0, 1.0)
    return Patch(np.asarray(path, dtype=np.float32), column, row)


def _sphere(count: int) -> FloatArray:
    """Directions all around, as evenly as a spiral gives them, (3, count)."""
    index = np.arange(count) + 0.5
    up = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + 5.0**0.5) * index
    across = np.sqrt(1.0 - up**2)
    return np.stack([np.cos(turn) * across, np.sin(turn) * across, up]).astype(np.float32)


_SPHERE = _sphere(400)


def _surface(mass: Mass, direction: FloatArray) -> FloatArray:
    """Distance of the nominal surface from the middle, in radii, by direction (3, ...)."""
    radius = np.ones(direction.shape[1:], dtype=np.float32)
    for k1, k2, k3, phase, weight in mass.waves:
        radius += weight * np.sin(k1 * direction[0] + k2 * direction[1] + k3 * direction[2] + phase)
    return np.maximum(radius, np.float32(0.35))


def _core(mass: Mass, anatomy: Anatomy, view: str, x: FloatArray, up: FloatArray) -> FloatArray:
    limit = mass.extent_mm
    depth = np.linspace(-limit, limit, _STEPS, dtype=np.float32)
    gx, gu, gz = np.meshgrid(x, up, depth, indexing="xy")
    near = np.abs(gx) + np.abs(gu) < 1.88 * limit
    path = np.zeros(gx.shape, dtype=np.float32)
    anatomical = anatomy.to_anatomical(view, gx[near], gu[near], gz[near])
    p = np.stack([c / np.float32(axis) for c, axis in zip(anatomical, mass.axes, strict=True)])
    length = np.sqrt((p * p).sum(axis=0)) + np.float32(1e-6)
    direction = p / length
    radius = _surface(mass, direction) * np.float32(mass.radius_mm)
    soft = np.float32(mass.rim * mass.radius_mm)
    path[near] = np.clip((radius - length) / soft + 0.5, 0.0, 1.0)
    # Compression flattens a mass a little.
    return np.asarray(path.sum(axis=2) * np.float32(0.95 * 2.0 * limit / (_STEPS - 1)))


def _texture(mass: Mass, view: str, size: int, pitch_mm: float) -> FloatArray:
    """Depth of each pixel beyond that of a homogeneous mass, (size, size) mm."""
    rng = np.random.default_rng([mass.texture_seed, *view.encode()])
    cells = int(np.ceil(size * pitch_mm / _TEXTURE_PITCH_MM))
    field = power_law(rng, (cells, cells), _TEXTURE_PITCH_MM, _TEXTURE_BETA, _TEXTURE_OUTER_MM)
    field = cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.float32(mass.texture_mm) * field, dtype=np.float32)


def _spicules(
    mass: Mass,
    anatomy: Anatomy,
    view: str,
    centre_px: tuple[float, float],
    origin_px: tuple[int, int],
    size: int,
    pitch_mm: float,
) -> FloatArray:
    zoom = max(1, round(pitch_mm / 0.08))
    total = np.zeros((size * zoom, size * zoom), dtype=np.float32)
    scale = zoom / pitch_mm
    middle = (np.asarray(centre_px) - np.asarray(origin_px)) * zoom
    t = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    for dx, dy, dz, reach, width, bend in mass.spicules:
        x, up, _ = anatomy.to_view(view, (float(dx), float(dy), float(dz)))
        heading, side = np.array([x, -up]), np.array([up, x])
        length = mass.radius_mm * (_ROOT + reach * t)
        points = middle + scale * (length * heading + mass.radius_mm * bend * reach * t**2 * side)
        canvas = np.zeros(total.shape, dtype=np.uint8)
        thick_mm = min(2.0 * mass.radius_mm * float(width), _THICKEST_SPICULE_MM)
        ends = np.round((points - 0.5) * 16).astype(np.int32)
        for i in range(_PIECES):
            # It comes out of the core and thins to nothing.
            taper = min(1.0, 0.4 + 3.0 * i / _PIECES) * (1.0 - (i + 0.5) / _PIECES) ** 0.5
            thick_px = max(1, round(thick_mm * taper * scale))
            value = int(255 * taper)
            cv2.line(canvas, ends[i], ends[i + 1], value, thick_px, cv2.LINE_AA, 4)
        depth = np.float32(thick_mm * _SPICULE_DEPTH / 255.0)
        total = np.maximum(total, canvas.astype(np.float32) * depth)
    total = cv2.GaussianBlur(total, (0, 0), max(0.5, 0.12 * scale))
    return np.asarray(cv2.resize(total, (size, size), interpolation=cv2.INTER_AREA))
