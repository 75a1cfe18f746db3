"""Suspicious axillary nodes: round, dense, without a fatty hilum, seen in the oblique view."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mammo_node.phantom.kinds import SUSPICIOUS_NODE
from mammo_node.phantom.lesion import Patch, PhantomLesion, largest_outline
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.truth import local_deviation, region_truth

_TRIES = 60
#: Nodes lie in the part of the oblique view above this share of the way down to the nipple.
_UPPER = 0.62


def add_suspicious_node(
    rng: np.random.Generator, scene: Scene, image: FloatArray, identity: int
) -> PhantomLesion | None:
    """Add one node, or a few matted ones, to `image` in place; None where no axilla is seen."""
    radius = float(rng.uniform(4.5, 12.0))
    place = _place(rng, scene, radius)
    if scene.view != "MLO" or place is None:
        return None
    path = _matted(rng, scene, place, radius)
    deepest = 0.7 * path.cut_from(scene.thickness_mm)
    density = scene.mu.gland * float(rng.uniform(1.02, 1.12)) - scene.mu.adipose
    added = np.asarray(np.minimum(path.values, deepest) * np.float32(density), dtype=np.float32)
    outline = largest_outline(path.values > 0.25 * path.values.max(), path.column, path.row)
    if outline is None:
        return None
    truth = region_truth(
        scene.grid,
        SUSPICIOUS_NODE,
        "hilum lost",
        malignant_looking=True,
        identity=identity,
        outline_px=outline,
        contrast=1.0,
    )
    if truth is None:
        return None
    deviation = local_deviation(image, truth.box_px)
    Patch(added, path.column, path.row).add_to(image)
    return replace(truth, contrast=float(added[added > 0].mean()) / deviation)


def _place(rng: np.random.Generator, scene: Scene, radius_mm: float) -> np.ndarray | None:
    pitch = scene.grid.pitch_mm
    for _ in range(_TRIES):
        row = int(rng.uniform(0.06, _UPPER) * scene.nipple_px[1])
        edge = int(np.count_nonzero(scene.pectoral[row] > 0.15))
        # Around the muscle's edge: in front of it, over it, and in the fat beside it.
        column = int(edge + rng.normal(-2.0, 12.0) / pitch)
        if not 0 <= column < scene.grid.columns:
            continue
        if scene.inside_mm[row, column] > 0.9 * radius_mm + 2.0:
            return np.array([column + 0.5, row + 0.5])
    return None


def _matted(rng: np.random.Generator, scene: Scene, place: np.ndarray, radius_mm: float) -> Patch:
    """Path length in mm through one to three overlapping rough ellipsoids."""
    pitch = scene.grid.pitch_mm
    half = int(np.ceil(3.2 * radius_mm / pitch))
    column, row = int(place[0]) - half, int(place[1]) - half
    axis = (np.arange(2 * half + 1, dtype=np.float32) - np.float32(half)) * np.float32(pitch)
    total = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    for k in range(int(rng.choice((1, 2, 3), p=(0.6, 0.25, 0.15)))):
        size = radius_mm * (1.0 if k == 0 else float(rng.uniform(0.5, 0.9)))
        away = rng.uniform(0.8, 1.5) * radius_mm if k else 0.0
        turn = rng.uniform(0.0, 2.0 * np.pi)
        x = axis[None, :] - np.float32(away * np.cos(turn))
        y = axis[:, None] - np.float32(away * np.sin(turn))
        angle = np.arctan2(y, x)
        wave = sum(
            float(rng.normal(0.0, 0.05)) * np.cos(n * angle + rng.uniform(0.0, 6.28))
            for n in (2, 3, 4)
        )
        u = (x * x + y * y) / np.float32(size**2) / (1.0 + wave) ** 2
        ball = np.float32(2.0 * size * rng.uniform(0.6, 0.9)) * np.sqrt(np.clip(1.0 - u, 0, None))
        total = np.maximum(total, ball)
    smooth = cv2.GaussianBlur(total, (0, 0), max(0.5, float(rng.uniform(0.4, 0.9)) / pitch))
    return Patch(np.asarray(smooth, dtype=np.float32), column, row)
