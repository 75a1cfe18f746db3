"""Retraction: skin or nipple drawn inwards, with strands from the dent into the breast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.kinds import NIPPLE_RETRACTION, SKIN_RETRACTION
from mammo_node.phantom.lesion import Patch, PhantomLesion
from mammo_node.phantom.pull import Pull
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.threads import draw_threads
from mammo_node.phantom.truth import region_truth

_DENT_POINTS = 48


@dataclass(frozen=True, slots=True)
class Retraction:
    """A dent `depth_mm` deep (less than `width_mm`, its sigma), `below_mm` below the nipple.

    `strands` is (count, 4) float64: angle from the inward normal, length, width (mm), bend.
    """

    kind: str
    below_mm: float
    width_mm: float
    depth_mm: float
    strands: np.ndarray


def draw_retraction(rng: np.random.Generator, kind: str, half_width_mm: float) -> Retraction:
    """Draw a retraction of the skin away from the nipple, or of the nipple."""
    skin = kind == SKIN_RETRACTION
    width = float(rng.uniform(5.0, 11.0)) if skin else float(rng.uniform(5.5, 8.0))
    side = float(rng.choice((-1.0, 1.0)))
    off = side * half_width_mm * float(rng.uniform(0.28, 0.6)) if skin else 0.0
    count = int(rng.integers(3, 8)) if skin else int(rng.integers(4, 11))
    strands = np.column_stack(
        [
            rng.normal(0.0, 0.5, count),
            rng.uniform(10.0, 32.0, count),
            rng.uniform(0.5, 1.6, count),
            rng.normal(0.0, 0.05, count),
        ]
    )
    depth = width * float(rng.uniform(0.5, 0.8) if skin else rng.uniform(0.65, 0.95))
    return Retraction(kind, off, width, depth, strands)


def dent(
    scene: Scene, retraction: Retraction
) -> tuple[tuple[float, float], tuple[float, float], Pull] | None:
    """Point on the skin and inward normal (both (x, y), mm), and the pull; None without skin."""
    pitch = scene.grid.pitch_mm
    y = scene.nipple_px[1] * pitch + retraction.below_mm
    # Oblique views have more breast above the nipple than below it.
    row = int(y / pitch)
    if not 0 <= row < scene.grid.rows:
        return None
    columns = np.flatnonzero(scene.inside_mm[row] > 0)
    if not len(columns) or int(columns[-1]) >= scene.grid.columns - 1:
        return None
    skin = ((float(columns[-1]) + 0.5) * pitch, y)
    normal = _inward(scene, int(columns[-1]), row)
    depth = retraction.depth_mm
    if retraction.kind == NIPPLE_RETRACTION and scene.anatomy.nipple_in_profile:
        depth += 0.5 * scene.anatomy.nipple_height_mm
    depth = min(depth, 1.05 * retraction.width_mm)
    shift = (depth * normal[0], depth * normal[1])
    return skin, normal, Pull(skin, retraction.width_mm, shift_mm=shift)


def _inward(scene: Scene, column: int, row: int) -> tuple[float, float]:
    """Direction into the breast at a point of the skin line, as (x, y) of length 1."""
    reach = int(6.0 / scene.grid.pitch_mm)
    top, left = max(0, row - reach), max(0, column - reach)
    window = scene.inside_mm[top : row + reach, left : column + reach : 1] > 0
    rows, columns = np.nonzero(window)
    if not len(rows):
        return (-1.0, 0.0)
    away = np.array([columns.mean() + left - column, rows.mean() + top - row])
    length = float(np.linalg.norm(away))
    return (float(away[0] / length), float(away[1] / length)) if length > 0 else (-1.0, 0.0)


def retract(
    scene: Scene,
    retraction: Retraction,
    skin_mm: tuple[float, float],
    normal: tuple[float, float],
    identity: int,
    *,
    malignant_looking: bool,
) -> PhantomLesion | None:
    """Draw the strands of a dent that is there already, in place, and say where the finding is."""
    pitch = scene.grid.pitch_mm
    turn = np.arctan2(normal[1], normal[0]) + retraction.strands[:, 0]
    heading = np.column_stack([np.cos(turn), np.sin(turn)])
    tip = np.asarray(skin_mm) + retraction.depth_mm * np.asarray(normal)
    starts = tip + 1.0 * heading
    ends = tip + retraction.strands[:, 1:2] * heading
    bends = retraction.strands[:, 3] * retraction.strands[:, 1]
    depths = draw_threads(starts, ends, bends, retraction.strands[:, 2], pitch)
    inside = depths.cut_from(scene.inside_mm) > 1.0
    added = depths.values * inside * np.float32(scene.mu.muscle - scene.mu.adipose)
    Patch(np.asarray(added, dtype=np.float32), depths.column, depths.row).add_to(
        scene.log_attenuation
    )
    angle = np.linspace(0.0, 2.0 * np.pi, _DENT_POINTS, endpoint=False)
    # The finding is the dent's floor with the strands' roots, not the air that came in.
    across = 1.5 * retraction.width_mm
    deep = max(0.9 * retraction.depth_mm + 2.0, 0.6 * across)
    middle = np.asarray(skin_mm) + (retraction.depth_mm + 0.35 * deep) * np.asarray(normal)
    side = np.array([-normal[1], normal[0]])
    ring = (
        middle
        + across * np.cos(angle)[:, None] * side
        + deep * np.sin(angle)[:, None] * np.asarray(normal)
    )
    return region_truth(
        scene.grid,
        retraction.kind,
        "dent",
        malignant_looking=malignant_looking,
        identity=identity,
        outline_px=(ring / pitch).astype(np.float32),
        centre_px=(float(middle[0]) / pitch, float(middle[1]) / pitch),
        contrast=retraction.depth_mm / retraction.width_mm,
    )
