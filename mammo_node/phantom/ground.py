"""The tissue of one view as it grew: what findings in the tissue are put into."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.asymmetry import denser
from mammo_node.phantom.fibres import Path, draw_fibres, draw_vessels
from mammo_node.phantom.layers import Layers
from mammo_node.phantom.outline import Grid, Silhouette, draw_silhouette
from mammo_node.phantom.parenchyma import Parenchyma, grow_parenchyma
from mammo_node.phantom.physics import Attenuation, skin_path_mm, thickness_mm
from mammo_node.phantom.slabs import Slabs
from mammo_node.phantom.texture import TextureBank

STRUCTURE_MM = 0.2


@dataclass(frozen=True)
class Ground:
    """One view of a breast on the structure grid, without any finding.

    `silhouette` is that of the whole view, `part` what of it holds the breast (`rows`, `columns`);
    `layers`, `vessels` and `tissue` are the part's. `rng` goes on from here, `again` is where it
    was when the tissue began to grow. The image's pixels are those of `grid`, a structure pixel is
    `factor` of them wide.
    """

    view: str
    anatomy: Anatomy
    bank: TextureBank
    grid: Grid
    factor: int
    silhouette: Silhouette
    rows: slice
    columns: slice
    part: Silhouette
    layers: Layers
    vessels: tuple[tuple[Path, float], ...]
    tissue: Parenchyma
    rng: np.random.Generator
    again: np.random.Generator

    @cached_property
    def dense(self) -> Parenchyma:
        """The tissue once more, with the same random numbers but far denser."""
        return grow_parenchyma(
            deepcopy(self.again), denser(self.anatomy), self.bank, self.view, self.part
        )

    @cached_property
    def slabs(self) -> Slabs:
        """The part cut into the slabs of its tissue."""
        return Slabs.of(self.view, self.anatomy, self.bank, self.part, len(self.tissue.gland))


def lay_ground(
    rng: np.random.Generator,
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    grid: Grid,
    mu: Attenuation,
) -> Ground:
    """Grow the tissue of one view on `grid`, at 0.2 mm or coarser."""
    factor = max(1, round(STRUCTURE_MM / grid.pitch_mm))
    coarse = Grid(grid.rows // factor, grid.columns // factor, grid.pitch_mm * factor)
    silhouette = draw_silhouette(rng, anatomy, view, coarse)
    rows, columns = _bounding_box(silhouette)
    part = _cut(silhouette, rows, columns)
    again = deepcopy(rng)
    tissue = grow_parenchyma(rng, anatomy, bank, view, part)
    layers, vessels = _lay(rng, anatomy, view, part, mu)
    return Ground(
        view=view,
        anatomy=anatomy,
        bank=bank,
        grid=grid,
        factor=factor,
        silhouette=silhouette,
        rows=rows,
        columns=columns,
        part=part,
        layers=layers,
        vessels=tuple(vessels),
        tissue=tissue,
        rng=rng,
        again=again,
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
