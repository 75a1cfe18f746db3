"""Breast implants, in the plain view and pushed back (implant displaced).

Attenuation: silicone about 2.0 per cm and saline about 0.85 per cm at 20 keV, from the elements'
mass attenuation coefficients (NIST XCOM) for polydimethylsiloxane of density 0.97 and for 0.9 %
sodium chloride; both fall with energy by the powers below between 18 and 28 keV.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene

FILLINGS = ("silicone", "saline")
_PER_MM_AT_20_KEV = {"silicone": 0.199, "saline": 0.085}
_ENERGY_POWER = {"silicone": -2.55, "saline": -1.9}
_SHELL_PER_MM_AT_20_KEV, _SHELL_MM = 0.199, 0.6


@dataclass(frozen=True, slots=True)
class Implant:
    """An implant in both views of one breast; lengths relative to the breast's own."""

    filling: str
    displaced: bool
    reach: float
    width: float
    rise: float
    roughness: tuple[float, ...]
    folds: int


def draw_implant(rng: np.random.Generator, filling: str, *, displaced: bool) -> Implant:
    """Draw an implant; displaced ones show at most a sliver at the chest wall."""
    return Implant(
        filling=filling,
        displaced=displaced,
        reach=float(rng.uniform(-0.05, 0.16) if displaced else rng.uniform(0.45, 0.68)),
        width=float(rng.uniform(0.6, 0.85)),
        rise=float(rng.normal(0.05, 0.06)),
        roughness=tuple(float(v) / (k + 1) for k, v in enumerate(rng.normal(0.0, 0.015, 8))),
        folds=int(rng.poisson(1.2)),
    )


def add_implant(
    rng: np.random.Generator, implant: Implant, scene: Scene, image: FloatArray, energy_kev: float
) -> NDArray[np.bool_]:
    """Put the implant into `image` (log attenuation, in place); its shadow comes back.

    The tissue in front of and behind it is spread thinly over it.
    """
    depth = _share_of_thickness(implant, scene)
    path = depth * 0.8 * scene.thickness_mm
    factor = (energy_kev / 20.0) ** _ENERGY_POWER[implant.filling]
    image += path * np.float32(_PER_MM_AT_20_KEV[implant.filling] * factor - scene.mu.adipose)
    pitch = scene.grid.pitch_mm
    edge = depth - cv2.GaussianBlur(depth, (0, 0), 1.2 / pitch)
    shell = np.clip(edge, 0.0, None) * np.float32(12.0 * _SHELL_MM * _SHELL_PER_MM_AT_20_KEV)
    image += shell
    shadow = np.asarray(depth > 0.02, dtype=bool)
    if implant.filling == "saline" and not implant.displaced:
        _fold(rng, implant, image, shadow, pitch)
    return shadow


def _share_of_thickness(implant: Implant, scene: Scene) -> FloatArray:
    anatomy: Anatomy = scene.anatomy
    x, y = scene.grid.axes_mm()
    half = anatomy.half_width_mm
    reach = implant.reach * anatomy.depth_mm
    flat = 0.62 * anatomy.depth_mm
    centre_y = scene.nipple_px[1] * scene.grid.pitch_mm - implant.rise * half
    if scene.view == "MLO":
        centre_y -= 0.25 * half
    u = (x - np.float32(reach - flat)) / np.float32(flat)
    v = (y - np.float32(centre_y)) / np.float32(implant.width * half)
    angle = np.arctan2(v, u)
    wave = sum(a * np.cos((k + 1) * angle + k) for k, a in enumerate(implant.roughness))
    squared = (u * u + v * v) / (1.0 + wave) ** 2
    share = np.clip(1.0 - squared**2, 0.0, None) ** 0.4
    share = share * np.clip(scene.inside_mm / 8.0, 0.0, 1.0)
    return np.asarray(cv2.GaussianBlur(share.astype(np.float32), (0, 0), 0.5), dtype=np.float32)


def _fold(
    rng: np.random.Generator,
    implant: Implant,
    image: FloatArray,
    shadow: NDArray[np.bool_],
    pitch_mm: float,
) -> None:
    rows, columns = np.nonzero(shadow[::16, ::16])
    if not len(rows):
        return
    canvas = np.zeros(image.shape, dtype=np.uint8)
    for _ in range(implant.folds):
        pick = int(rng.integers(len(rows)))
        start = np.array([columns[pick], rows[pick]]) * 16.0
        turn = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rng.normal(0.0, 0.1, 24))
        steps = np.column_stack([np.cos(turn), np.sin(turn)]) * (2.0 / pitch_mm)
        points = np.round(start + np.cumsum(steps, axis=0)).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, max(1, round(0.8 / pitch_mm)), cv2.LINE_AA)
    canvas[~shadow] = 0
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.5 / pitch_mm).astype(np.float32)
    image += soft * np.float32(0.12 / 255.0)
