"""One view of one breast as log attenuation, before lesions and before the detector."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry
from mammo_node.phantom.fibres import Path
from mammo_node.phantom.ground import Ground
from mammo_node.phantom.grown import Frame, grow_asymmetry, thicken_skin
from mammo_node.phantom.layers import Layers
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.nipple import draw_turned_nipple
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.skin import SkinThickening


@dataclass(frozen=True, slots=True)
class Scene:
    """The inside of one view in the canonical frame (chest wall on the left).

    `log_attenuation`, `inside_mm`, `thickness_mm` and `pectoral` (the muscle's share of the
    thickness) are (rows, columns) float32 on the final pixel grid; `gland` holds the slabs on the
    structure grid, whose pixels are `factor` times as large. `nipple_px` is where the anatomy has
    the nipple, `nipple_seen_px` where the picture does. `grown` tells of findings in the tissue.
    """

    view: str
    grid: Grid
    anatomy: Anatomy
    mu: Attenuation
    nipple_px: tuple[float, float]
    full_thickness_mm: float
    log_attenuation: FloatArray
    inside_mm: FloatArray
    thickness_mm: FloatArray
    gland: FloatArray
    factor: int
    vessels: tuple[tuple[Path, float], ...]
    pectoral: FloatArray
    nipple_seen_px: tuple[float, float]
    gland_share: float
    grown: tuple[PhantomLesion, ...]

    def to_pixel(self, point_mm: tuple[float, float, float]) -> tuple[float, float]:
        """Project an anatomical point (a, s, l) to (column, row)."""
        x, up, _ = self.anatomy.to_view(self.view, point_mm)
        x *= self.nipple_px[0] * self.grid.pitch_mm / self.anatomy.depth_mm
        return x / self.grid.pitch_mm, self.nipple_px[1] - up / self.grid.pitch_mm

    def slab_of(self, point_mm: tuple[float, float, float]) -> int:
        """Index of the slab in which an anatomical point lies."""
        _, _, depth = self.anatomy.to_view(self.view, point_mm)
        z = depth / self.anatomy.half_depth_mm(self.view)
        count = len(self.gland)
        return int(np.clip((z + 1.0) / 2.0 * count, 0, count - 1))


def build_scene(ground: Ground, growths: Iterable[Asymmetry | SkinThickening] = ()) -> Scene:
    """Put what grew in the tissue into a view, and enlarge it to the image's pixels.

    `growths` are findings of this breast that lie in its tissue; asymmetries are settled.
    """
    view, anatomy, grid = ground.view, ground.anatomy, ground.grid
    rows, columns, layers = ground.rows, ground.columns, ground.layers
    frame = Frame(grid, ground.factor, rows.start)
    tissue = ground.tissue
    grown: list[PhantomLesion | None] = []
    found = tuple(growths)
    for growth in found:
        if isinstance(growth, Asymmetry) and growth.is_in(view):
            tissue, truth = grow_asymmetry(growth, ground, tissue, frame)
            grown.append(truth)
    attenuation = layers.attenuate(tissue)
    nipple = _add_turned_nipple(deepcopy(ground.rng), anatomy, layers, attenuation)
    grown += [
        thicken_skin(growth, layers, attenuation, frame)
        for growth in found
        if isinstance(growth, SkinThickening)
    ]
    attenuation = cv2.GaussianBlur(attenuation, (0, 0), 0.6)
    coarse = ground.silhouette.grid
    whole = (coarse.rows, coarse.columns)
    down = np.array([0.0, rows.start * coarse.pitch_mm])
    return Scene(
        view=view,
        grid=grid,
        anatomy=anatomy,
        mu=layers.mu,
        nipple_px=_to_px(ground.silhouette.nipple_mm, grid.pitch_mm),
        full_thickness_mm=layers.full_mm,
        log_attenuation=_enlarge(_paste(attenuation, rows, columns, whole), grid),
        inside_mm=_enlarge(ground.silhouette.inside_mm, grid),
        thickness_mm=_enlarge(_paste(layers.thick, rows, columns, whole), grid),
        gland=np.stack([_paste(g, rows, columns, whole) for g in tissue.gland]),
        factor=ground.factor,
        vessels=tuple((path + down, width) for path, width in ground.vessels),
        pectoral=_enlarge(ground.silhouette.pectoral, grid),
        nipple_seen_px=_to_px((nipple[0], nipple[1] + float(down[1])), grid.pitch_mm),
        gland_share=layers.gland_share(tissue),
        grown=tuple(truth for truth in grown if truth is not None),
    )


def _add_turned_nipple(
    rng: np.random.Generator, anatomy: Anatomy, layers: Layers, attenuation: FloatArray
) -> tuple[float, float]:
    """Add the shadow of a nipple not in profile, in place, and tell where the nipple is (mm)."""
    if anatomy.nipple_in_profile:
        return layers.silhouette.nipple_mm
    path, nipple = draw_turned_nipple(rng, layers.silhouette)
    # It stands out of the skin: half of it is more tissue, half replaces fat.
    attenuation += (layers.mu.skin - 0.5 * layers.mu.adipose) * path
    return nipple


def _to_px(point_mm: tuple[float, float], pitch_mm: float) -> tuple[float, float]:
    return point_mm[0] / pitch_mm, point_mm[1] / pitch_mm


def _paste(image: FloatArray, rows: slice, columns: slice, shape: tuple[int, int]) -> FloatArray:
    whole = np.zeros(shape, dtype=np.float32)
    whole[rows, columns] = image
    return whole


def _enlarge(image: FloatArray, grid: Grid) -> FloatArray:
    if image.shape == (grid.rows, grid.columns):
        return image
    size = (grid.columns, grid.rows)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC))
