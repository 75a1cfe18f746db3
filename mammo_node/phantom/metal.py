"""Markers on the skin: a ball at the nipple, a wire along a scar, a ring around a mole."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.kinds import SKIN_MARKER
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.truth import region_truth

BALL, WIRE, RING = "ball", "wire", "ring"
#: Log attenuation of the metal: little gets through.
_OPAQUE = 3.5
_SHIFT = 4


def add_skin_marker(
    rng: np.random.Generator, scene: Scene, image: FloatArray, kind: str, identity: int
) -> PhantomLesion | None:
    """Lay one marker into `image` (log attenuation, in place)."""
    pitch = scene.grid.pitch_mm
    canvas = np.zeros(image.shape, dtype=np.uint8)
    place = _place(rng, scene, kind)
    if place is None:
        return None
    fixed = tuple(int(c) for c in np.round((place - 0.5) * (1 << _SHIFT)))
    if kind == BALL:
        radius = round(rng.uniform(0.7, 1.1) / pitch * (1 << _SHIFT))
        cv2.circle(canvas, fixed, radius, 255, -1, cv2.LINE_AA, _SHIFT)
    elif kind == RING:
        radius = round(rng.uniform(4.0, 9.0) / pitch * (1 << _SHIFT))
        cv2.circle(canvas, fixed, radius, 255, max(1, round(0.5 / pitch)), cv2.LINE_AA, _SHIFT)
    else:
        _wire(rng, scene, canvas, place)
    hit = cv2.findNonZero(canvas)
    if hit is None:
        return None
    image += canvas.astype(np.float32) * np.float32(_OPAQUE / 255.0)
    outline = cv2.convexHull(hit)[:, 0].astype(np.float32) + np.float32(0.5)
    return region_truth(
        scene.grid,
        SKIN_MARKER,
        kind,
        malignant_looking=False,
        identity=identity,
        outline_px=outline,
        contrast=10.0,
    )


def _place(rng: np.random.Generator, scene: Scene, kind: str) -> np.ndarray | None:
    if kind == BALL and rng.uniform() < 0.6:
        return np.asarray(scene.nipple_seen_px) + rng.normal(0.0, 0.7, 2) / scene.grid.pitch_mm
    for _ in range(40):
        place = rng.uniform(0.0, 1.0, 2) * [scene.nipple_px[0], scene.grid.rows - 1]
        if scene.inside_mm[int(place[1]), min(int(place[0]), scene.grid.columns - 1)] > 5.0:
            return np.asarray(place)
    return None


def _wire(rng: np.random.Generator, scene: Scene, canvas: np.ndarray, start: np.ndarray) -> None:
    pitch = scene.grid.pitch_mm
    steps = int(rng.integers(15, 50))
    turn = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rng.normal(0.0, 0.06, steps))
    points = start + np.cumsum(np.column_stack([np.cos(turn), np.sin(turn)]), axis=0) / pitch
    fixed = np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
    inside = scene.inside_mm > 0.5
    thick = max(1, round(0.4 / pitch))
    cv2.polylines(canvas, [fixed], False, 255, thick, cv2.LINE_AA, _SHIFT)
    canvas[~inside] = 0
