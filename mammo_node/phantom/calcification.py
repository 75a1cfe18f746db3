"""Calcifications: specks of calcium oxalate, rendered finer than the pixel pitch."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.noise import FloatArray

VARIETIES = ("pleomorphic", "fine-linear", "amorphous", "punctate")
_WEIGHTS = (0.4, 0.2, 0.2, 0.2)
#: Of suspicious morphology (BI-RADS, 5th edition). The look alone tells what looks malignant: were
#: it drawn beside the look, nothing could learn to tell.
_SUSPICIOUS = ("pleomorphic", "fine-linear", "amorphous")
_FINE_MM = 0.05


@dataclass(frozen=True, slots=True)
class Cluster:
    """Specks around a centre, in the anatomical frame.

    `specks` is (count, 5) float32: offset (a, s, l) in mm, diameter in mm, packing (0..1, the share
    of calcium in the speck).
    """

    variety: str
    malignant_looking: bool
    specks: FloatArray
    shape_seed: int


def draw_cluster(rng: np.random.Generator) -> Cluster:
    """Draw a cluster of at least five specks within one to two centimetres."""
    variety = str(rng.choice(VARIETIES, p=_WEIGHTS))
    count = int(np.clip(round(14.0 * np.exp(0.6 * rng.standard_normal())), 5, 70))
    extent = np.clip(rng.lognormal(np.log(3.8), 0.35), 1.8, 8.0) * np.exp(rng.normal(0, 0.3, 3))
    if variety == "fine-linear":
        offsets = _along_ducts(rng, count, float(extent[0]))
    else:
        offsets = rng.standard_normal((count, 3)) * extent * 0.55
    median, spread = {
        "pleomorphic": (0.38, 0.45),
        "fine-linear": (0.32, 0.3),
        "amorphous": (0.34, 0.3),
        "punctate": (0.36, 0.2),
    }[variety]
    diameter = np.clip(rng.lognormal(np.log(median), spread, count), 0.12, 1.0)
    packing = rng.uniform(0.5, 1.0, count) * (0.7 if variety == "amorphous" else 1.0)
    return Cluster(
        variety=variety,
        malignant_looking=variety in _SUSPICIOUS,
        specks=np.column_stack([offsets, diameter, packing]).astype(np.float32),
        shape_seed=int(rng.integers(2**31)),
    )


def _along_ducts(rng: np.random.Generator, count: int, extent_mm: float) -> np.ndarray:
    ducts = max(1, count // 9)
    direction = rng.standard_normal((ducts, 3)) * [1.6, 1.0, 1.0]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    start = rng.standard_normal((ducts, 3)) * extent_mm * 0.3
    which = rng.integers(0, ducts, count)
    place = rng.uniform(-1.0, 1.0, (count, 1)) * extent_mm
    return start[which] + place * direction[which] + rng.normal(0.0, 0.15, (count, 3))


def project_specks(
    specks: FloatArray,
    anatomy: Anatomy,
    view: str,
    centre_px: tuple[float, float],
    pitch_mm: float,
) -> np.ndarray:
    """Positions (column, row) of specks around `centre_px`: (count, 2) float64 pixels."""
    places = [anatomy.to_view(view, (float(s[0]), float(s[1]), float(s[2]))) for s in specks]
    offset = np.array([(x, -up) for x, up, _ in places])
    return np.asarray(np.asarray(centre_px) + offset / pitch_mm)


def add_specks(
    image: FloatArray,
    positions_px: np.ndarray,
    specks: FloatArray,
    contrast_per_mm: float,
    pitch_mm: float,
    shape_seed: int,
    elongated: bool,
) -> None:
    """Add specks to a log-attenuation image in place.

    A speck is grown from a few overlapping balls on a 0.05 mm grid, then averaged over the pixels.
    """
    rng = np.random.default_rng(shape_seed)
    for (column, row), speck in zip(positions_px, specks, strict=True):
        diameter, packing = float(speck[3]), float(speck[4])
        fine = _grown_speck(rng, diameter, elongated) * np.float32(contrast_per_mm * packing)
        _add_average(image, fine, float(column), float(row), pitch_mm)


def _grown_speck(rng: np.random.Generator, diameter_mm: float, elongated: bool) -> FloatArray:
    size = int(np.ceil(2.6 * diameter_mm / _FINE_MM)) + 4
    axis = (np.arange(size) - (size - 1) / 2) * _FINE_MM
    gx, gy = np.meshgrid(axis, axis)
    turn = rng.uniform(0.0, np.pi)
    stretch = float(rng.uniform(1.5, 2.6)) if elongated else float(rng.uniform(1.0, 1.5))
    u = (np.cos(turn) * gx + np.sin(turn) * gy) / stretch**0.5
    v = (-np.sin(turn) * gx + np.cos(turn) * gy) * stretch**0.5
    squared = np.zeros_like(u)
    for _ in range(int(rng.integers(1, 4))):
        cu, cv = rng.normal(0.0, 0.17 * diameter_mm, 2)
        radius = 0.5 * diameter_mm * rng.uniform(0.65, 1.0)
        squared = np.maximum(squared, radius**2 - (u - cu) ** 2 - (v - cv) ** 2)
    return np.asarray(1.5 * np.sqrt(np.clip(squared, 0.0, None)), dtype=np.float32)


def _add_average(
    image: FloatArray, fine: FloatArray, column: float, row: float, pitch_mm: float
) -> None:
    # Place the fine patch at its sub-pixel position by an affine map with area weighting.
    half = fine.shape[0] * _FINE_MM / 2.0
    reach = int(np.ceil(half / pitch_mm)) + 1
    left, top = int(np.floor(column)) - reach, int(np.floor(row)) - reach
    size = 2 * reach + 1
    if left < 0 or top < 0 or left + size > image.shape[1] or top + size > image.shape[0]:
        return
    zoom = max(1, round(pitch_mm / _FINE_MM))
    scale = pitch_mm / _FINE_MM / zoom
    shift_x = fine.shape[1] / 2.0 - (column - left) * zoom * scale + 0.5 * scale - 0.5
    shift_y = fine.shape[0] / 2.0 - (row - top) * zoom * scale + 0.5 * scale - 0.5
    matrix = np.array([[scale, 0.0, shift_x], [0.0, scale, shift_y]])
    placed = cv2.warpAffine(
        fine, matrix, (size * zoom, size * zoom), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    image[top : top + size, left : left + size] += cv2.resize(
        placed, (size, size), interpolation=cv2.INTER_AREA
    )
