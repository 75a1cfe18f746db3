"""A view cut into slabs along the beam, and the gland that an asymmetry adds to each."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import expit

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import Asymmetry
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid, Silhouette
from mammo_node.phantom.texture import VOLUME_SPACING_MM, TextureBank

COARSE_MM = 1.6
_EDGE = 5.0
#: Share of gland beyond that of the denser breast: asymmetries are more confluent than gland is.
_CONFLUENT = 0.6


@dataclass(frozen=True, slots=True)
class Slab:
    """Where the points of one slab of a view lie, on pixels of about 1.6 mm, and how ragged it is.

    `x`, `up` and `depth` are mm in the view; `depth` is within the uncompressed breast.
    """

    x: FloatArray
    up: FloatArray
    depth: FloatArray
    ragged: FloatArray


@dataclass(frozen=True, slots=True)
class Slabs:
    """All slabs of a view, to put asymmetries into; `grid` is that of its silhouette."""

    view: str
    anatomy: Anatomy
    grid: Grid
    slabs: tuple[Slab, ...]

    @classmethod
    def of(
        cls, view: str, anatomy: Anatomy, bank: TextureBank, silhouette: Silhouette, count: int
    ) -> Slabs:
        """Cut a view into so many slabs along the beam."""
        grid = silhouette.grid
        height, width = grid.rows * grid.pitch_mm, grid.columns * grid.pitch_mm
        rows, columns = int(np.ceil(height / COARSE_MM)), int(np.ceil(width / COARSE_MM))
        x = ((np.arange(columns) + 0.5) * (width / columns)).astype(np.float32)
        y = ((np.arange(rows) + 0.5) * (height / rows)).astype(np.float32)
        gx, gy = np.meshgrid(
            x * np.float32(anatomy.depth_mm / silhouette.nipple_mm[0]),
            np.float32(silhouette.nipple_mm[1]) - y,
        )
        depths = ((k + 0.5) / count * 2.0 - 1.0 for k in range(count))
        slabs = (_slab(view, anatomy, bank, gx, gy, z) for z in depths)
        return cls(view, anatomy, grid, tuple(slabs))

    def added_gland(self, asymmetry: Asymmetry, gland: FloatArray, dense: FloatArray) -> FloatArray:
        """Return what the slabs of gland, (slabs, rows, columns), gain by a settled asymmetry."""
        weights = [self._weight(asymmetry, slab) for slab in self.slabs]
        confluent = np.minimum(dense + _CONFLUENT, 1.0)
        return np.asarray(np.stack(weights) * np.clip(confluent - gland, 0.0, None))

    def _weight(self, asymmetry: Asymmetry, slab: Slab) -> FloatArray:
        anatomy = self.anatomy
        (place,) = asymmetry.places
        # Compression moves tissue aside: radii along the beam are of the compressed breast, too.
        squeezed = 0.5 * anatomy.thickness_mm / anatomy.half_depth_mm(self.view)
        x, up, depth = anatomy.to_view(self.view, place)
        if asymmetry.is_summation:
            # Bands share the whole thickness, wherever in it their place lies.
            depth = 0.0
        off = slab.x - x, slab.up - up, np.float32(squeezed) * (slab.depth - depth)
        levels = [
            _EDGE * (1.0 + region.raggedness * slab.ragged - region.distance(*off))
            for region in asymmetry.regions
        ]
        weight = (np.float32(asymmetry.share) * expit(np.max(levels, axis=0))).astype(np.float32)
        size = (self.grid.columns, self.grid.rows)
        return np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR))


def _slab(
    view: str, anatomy: Anatomy, bank: TextureBank, x: FloatArray, up: FloatArray, z: float
) -> Slab:
    depth = np.full_like(x, z * anatomy.half_depth_mm(view))
    point = anatomy.to_anatomical(view, x, up, depth)
    index = np.stack(
        [
            (np.float32(2.0) * p + np.float32(s)) / np.float32(VOLUME_SPACING_MM)
            for p, s in zip(point, anatomy.field_shift_mm, strict=True)
        ]
    )
    ragged = map_coordinates(bank.volume, index, order=1, mode="grid-wrap")
    return Slab(x, up, depth, np.asarray(ragged))
