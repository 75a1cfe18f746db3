"""Random crops with an answer for every cell, for window classifiers that judge whole images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mammo_node.phantom import CLUSTER, MASS
from training.cell_targets import UNASKED, cell_targets
from training.dark_skin import lose_dark_skin
from training.finding_source import FindingSource
from training.grading import regrade
from training.insertion import insert_cluster, scatter_specks
from training.mass_insertion import insert_mass_anywhere
from training.shape import Shape
from training.strands import lay_strands
from training.texture import retexture
from training.view import BankedView, Finding
from training.windows import Window, cut_window, make_channels

#: A finding of whose outline less than this share is left in the breast is not asked for.
_SEEN = 0.5


@dataclass(frozen=True, slots=True)
class DenseRules:
    """How crops are drawn.

    `kinds` lists, for each label, the phantom kinds that count as it; a crop has `cells` x `cells`
    cells of `cell_px` pixels of `mm_per_pixel`. `on_finding` is the share of crops around a
    finding, every label as often as the others; the rest lie anywhere on a breast. `inserted` is
    the share that gets a fresh cluster, `massed` the share that gets a fresh mass, `scattered` the
    share that gets single specks, `turned` the share in which rows are changed for columns;
    `strength` is that of changes of grey levels and texture.
    """

    kinds: tuple[tuple[str, ...], ...]
    channels: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    mm_per_pixel: float = 0.1
    cell_px: int = 64
    cells: int = 14
    on_finding: float = 0.8
    inserted: float = 0.0
    massed: float = 0.0
    scattered: float = 0.0
    turned: float = 0.0
    scale: tuple[float, float] = (0.85, 1.18)
    strength: float = 1.0


class DenseSource(FindingSource):
    """Draws crops from all views of a bank; the same generator state gives the same crop."""

    def __init__(self, folder: Path, rules: DenseRules) -> None:
        super().__init__(folder, rules.kinds)
        self.rules = rules

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One crop: `image` (C, size, size), `wanted` and `weight` (labels, cells, cells)."""
        rules = self.rules
        size = rules.cells * rules.cell_px
        mm = rules.mm_per_pixel / float(np.exp(rng.uniform(*np.log(rules.scale))))
        view, corner = self._place(rng, size * mm)
        window = retexture(rng, cut_window(view, corner, size, mm), rules.strength)
        window = lay_strands(rng, window, rules.strength)
        found = list(view.truth.findings)
        found += self._massed(rng, window, found) + self._calcified(rng, window)
        level = regrade(rng, window.level, window.mask, window.mm_per_pixel, rules.strength)
        whole = replace(window, level=level)
        window = lose_dark_skin(rng, whole, view.extent_mm, rules.strength)
        image, mask = make_channels(window, rules.channels, rules.parameters), window.mask
        shapes = self._shapes(window, found)
        hidden = [shape.covered(mask) < _SEEN * shape.covered(whole.mask) for shape, _ in shapes]
        if rng.uniform() < rules.turned:
            image, mask = image.transpose(0, 2, 1), mask.T
            shapes = [(shape.transposed(), label) for shape, label in shapes]
        if rng.uniform() < 0.5:
            image, mask = image[:, ::-1], mask[::-1]
            shapes = [(shape.mirrored(size), label) for shape, label in shapes]
        wanted, weight = cell_targets(shapes, mask, rules.cell_px, len(rules.kinds), hidden)
        return {"image": np.ascontiguousarray(image), "wanted": wanted, "weight": weight}

    def _massed(
        self, rng: np.random.Generator, window: Window, found: list[Finding]
    ) -> list[Finding]:
        """Put a mass into a window, away from what is there."""
        if rng.uniform() >= self.rules.massed:
            return []
        put = insert_mass_anywhere(rng, window, [finding.box_mm for finding in found])
        return [] if put is None else [_inserted(MASS, put.box_mm)]

    def _calcified(self, rng: np.random.Generator, window: Window) -> list[Finding]:
        """Put calcifications into a window; returns a cluster."""
        made = []
        if rng.uniform() < self.rules.inserted:
            x, y = rng.uniform(0.2, 0.8, 2) * window.level.shape[0]
            put = insert_cluster(rng, window, (float(x), float(y)))
            if put is not None and put.box_mm is not None:
                made.append(_inserted(CLUSTER, put.box_mm))
        if rng.uniform() < self.rules.scattered:
            scatter_specks(rng, window)
        return made

    def _shapes(self, window: Window, found: list[Finding]) -> list[tuple[Shape, int]]:
        """Give findings in pixels of the window, once for every label that they count as."""
        return [
            (Shape.in_window(finding, window), label)
            for finding in found
            for label, names in enumerate(self.rules.kinds)
            if finding.kind in names
        ]

    def _place(
        self, rng: np.random.Generator, side_mm: float
    ) -> tuple[BankedView, tuple[float, float]]:
        view, centre, _ = self.place(rng, self.rules.on_finding)
        corner = centre + rng.uniform(-0.25, 0.25, 2) * side_mm - side_mm / 2
        return view, self._within(view, corner, side_mm)

    def _within(self, view: BankedView, corner: np.ndarray, side_mm: float) -> tuple[float, float]:
        """Move a crop so that little of it lies beyond the view but cells that are not asked."""
        beyond = side_mm * sum(UNASKED) / self.rules.cells
        extent = np.array(view.extent_mm)
        limits = np.stack([np.full(2, -beyond), extent + beyond - side_mm])
        x, y = np.clip(corner, limits.min(axis=0), limits.max(axis=0))
        return float(x), float(y)


def _inserted(kind: str, box_mm: tuple[float, float, float, float]) -> Finding:
    return Finding(kind, "inserted", malignant=False, box_mm=box_mm, contrast=1.0)
