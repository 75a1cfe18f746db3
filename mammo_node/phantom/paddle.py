"""Paddles: the edge that is seen at the chest wall, and the small paddle of a spot view."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.look import Spot
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene


def add_paddle_edge(rng: np.random.Generator, scene: Scene, image: FloatArray) -> None:
    """Add the rear edge of the compression paddle, a line near the chest wall, in place."""
    x, y = scene.grid.axes_mm()
    edge = np.float32(rng.uniform(0.5, 5.0)) + np.float32(rng.normal(0.0, 0.004)) * y
    line = np.exp(-(((x - edge) / np.float32(rng.uniform(0.25, 0.6))) ** 2))
    image += np.float32(rng.uniform(0.05, 0.3)) * line


def spot_image(
    rng: np.random.Generator, scene: Scene, image: FloatArray, spot: Spot, centre: np.ndarray
) -> FloatArray:
    """Compress the breast at `centre` (column, row): thinner inside the paddle, its rim seen."""
    pitch = scene.grid.pitch_mm
    x, y = scene.grid.axes_mm()
    dx, dy = x - np.float32(centre[0] * pitch), y - np.float32(centre[1] * pitch)
    half = np.float32(0.5 * spot.paddle_mm)
    if spot.round_paddle:
        beyond = np.sqrt(dx * dx + dy * dy) - half
    else:
        across = np.maximum(np.abs(dx), np.abs(dy) * np.float32(rng.uniform(1.0, 1.3)))
        beyond = cv2.GaussianBlur(across - half, (0, 0), 2.0 / pitch)
    breast = np.clip(scene.thickness_mm / 10.0, 0.0, 1.0)
    spread = np.float32(rng.uniform(0.86, 0.95))
    outside = 1.0 / (1.0 + np.exp(-np.clip(beyond / 2.5, -20.0, 20.0)))
    rim = np.exp(-((beyond / np.float32(rng.uniform(0.4, 0.9))) ** 2))
    thinner = spread + (1.0 - spread) * outside
    made = image * thinner + np.float32(rng.uniform(0.06, 0.2)) * rim * (0.3 + 0.7 * breast)
    return np.asarray(made, dtype=np.float32)
