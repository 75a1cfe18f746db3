"""One view of one breast as log attenuation, before lesions and before the detector."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry, denser
from mammo_node.phantom.fibres import Path, draw_fibres, draw_vessels
from mammo_node.phantom.grown import Frame, grow_asymmetry, thicken_skin
from mammo_node.phantom.layers import Layers
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.nipple import draw_turned_nipple
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid, Silhouette, draw_silhouette
from mammo_node.phantom.parenchyma import grow_parenchyma
from mammo_node.phantom.physics import Attenuation, skin_path_mm, thickness_mm
from mammo_node.phantom.settling import SEEN, Site
from mammo_node.phantom.skin import SkinThickening
from mammo_node.phantom.texture import TextureBank

STRUCTURE_MM = 0.2


@dataclass(frozen=True, slots=True)
class Scene:
    """The inside of one view in the canonical frame (chest wall on the left).

    `log_attenuation`, `inside_mm`, `thickness_mm` and `pectoral` (the muscle's share of the
    thickness) are (rows, columns) float32 on the final pixel grid; `gland` holds the slabs on the
    structure grid, whose pixels are `factor` times as large. `nipple_px` is where the anatomy has
    the nipple, `nipple_seen_px` where the picture does. `grown` tells of findings in the tissue,
    and `growths` are these findings themselves, those that this view shows settled.
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
    growths: tuple[Asymmetry | SkinThickening, ...]

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


def build_scene(
    rng: np.random.Generator,
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    grid: Grid,
    mu: Attenuation,
    growths: Iterable[Asymmetry | SkinThickening] = (),
) -> Scene:
    """Grow one view on `grid`; tissue is made at 0.2 mm or coarser and enlarged.

    `growths` are findings of this breast that lie in its tissue.
    """
    factor = max(1, round(STRUCTURE_MM / grid.pitch_mm))
    coarse = Grid(grid.rows // factor, grid.columns // factor, grid.pitch_mm * factor)
    silhouette = draw_silhouette(rng, anatomy, view, coarse)
    rows, columns = _bounding_box(silhouette)
    part = _cut(silhouette, rows, columns)
    frame = Frame(grid, factor, rows.start)
    again = deepcopy(rng)
    tissue = grow_parenchyma(rng, anatomy, bank, view, part)
    layers, vessels = _lay(rng, anatomy, view, part, mu)
    grown: list[PhantomLesion | None] = []
    found = list(growths)
    for i, growth in enumerate(found):
        if isinstance(growth, Asymmetry) and growth.is_in(view):
            dense = grow_parenchyma(deepcopy(again), denser(anatomy), bank, view, part)
            site = Site.of(view, anatomy, bank, layers, tissue, dense)
            lying = growth if growth.is_settled else site.settled(growth)
            found[i] = lying
            if lying.is_in(view):
                tissue, truth = grow_asymmetry(
                    lying, view, anatomy, bank, part, tissue, dense, layers.attenuate, frame
                )
                grown.append(truth if site.standing_out(lying) >= SEEN else None)
    attenuation = layers.attenuate(tissue)
    nipple = _add_turned_nipple(rng, anatomy, layers, attenuation)
    grown += [
        thicken_skin(growth, layers, attenuation, frame)
        for growth in found
        if isinstance(growth, SkinThickening)
    ]
    attenuation = cv2.GaussianBlur(attenuation, (0, 0), 0.6)
    whole = (coarse.rows, coarse.columns)
    down = np.array([0.0, rows.start * coarse.pitch_mm])
    return Scene(
        view=view,
        grid=grid,
        anatomy=anatomy,
        mu=mu,
        nipple_px=_to_px(silhouette.nipple_mm, grid.pitch_mm),
        full_thickness_mm=layers.full_mm,
        log_attenuation=_enlarge(_paste(attenuation, rows, columns, whole), grid),
        inside_mm=_enlarge(silhouette.inside_mm, grid),
        thickness_mm=_enlarge(_paste(layers.thick, rows, columns, whole), grid),
        gland=np.stack([_paste(g, rows, columns, whole) for g in tissue.gland]),
        factor=factor,
        vessels=tuple((path + down, width) for path, width in vessels),
        pectoral=_enlarge(silhouette.pectoral, grid),
        nipple_seen_px=_to_px((nipple[0], nipple[1] + float(down[1])), grid.pitch_mm),
        gland_share=layers.gland_share(tissue),
        grown=tuple(truth for truth in grown if truth is not None),
        growths=tuple(found),
    )


def _lay(
    rng: np.random.Generator, anatomy: Anatomy, view: str, part: Silhouette, mu: Attenuation
) -> tuple[Layers, list[tuple[Path, float]]]:
    """Draw the layers around the gland, and tell the courses and widths of the vessels."""
    fibres = draw_fibres(rng, part, anatomy.fibre_count)
    blood, vessels = draw_vessels(rng, part, anatomy.vessel_count)
    full = anatomy.thickness_mm + (4.0 if view == "MLO" else 0.0)
    rounding = full * float(rng.uniform(0.42, 0.7))
    thick = thickness_mm(part.inside_mm, full, rounding)
    skin = skin_path_mm(part.inside_mm, full, rounding)
    return Layers(mu, part, full, rounding, thick, skin, fibres, blood), vessels


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


def _bounding_box(silhouette: Silhouette) -> tuple[slice, slice]:
    inside = silhouette.inside_mm > 0
    rows = np.flatnonzero(inside.any(axis=1))
    columns = np.flatnonzero(inside.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(0, int(columns[-1]) + 1)


def _cut(silhouette: Silhouette, rows: slice, columns: slice) -> Silhouette:
    pitch = silhouette.grid.pitch_mm
    x, y = silhouette.nipple_mm
    return replace(
        silhouette,
        grid=Grid(rows.stop - rows.start, columns.stop, pitch),
        nipple_mm=(x, y - rows.start * pitch),
        inside_mm=silhouette.inside_mm[rows, columns],
        pectoral=silhouette.pectoral[rows, columns],
        folds_mm=silhouette.folds_mm[rows, columns],
    )


def _paste(image: FloatArray, rows: slice, columns: slice, shape: tuple[int, int]) -> FloatArray:
    whole = np.zeros(shape, dtype=np.float32)
    whole[rows, columns] = image
    return whole


def _enlarge(image: FloatArray, grid: Grid) -> FloatArray:
    if image.shape == (grid.rows, grid.columns):
        return image
    size = (grid.columns, grid.rows)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC))
