"""Random patches with the findings in them, for the patch classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.grading import regrade
from training.view import COARSE_MM, BankedView, BankSource, Finding
from training.windows import Window, cut_window, make_channels

#: A patch has a finding from this share of the finding's box, or of the patch, on.
ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class PatchRules:
    """How patches are drawn: `kinds` lists, for each label, the phantom kinds that count as it."""

    kinds: tuple[tuple[str, ...], ...]
    channels: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    window_mm: float = 51.2
    size_px: int = 256
    on_finding: float = 0.65
    scale: tuple[float, float] = (0.85, 1.18)
    strength: float = 1.0


class PatchSource(BankSource):
    """Draws patches from all views of a bank, every label as often as the others."""

    def __init__(self, folder: Path, rules: PatchRules) -> None:
        super().__init__(folder)
        self.rules = rules
        self.by_label: list[list[tuple[str, Finding]]] = []
        self._sort()

    def rescan(self) -> None:
        """Read views that are new in the folder."""
        super().rescan()
        self._sort()

    def _sort(self) -> None:
        pairs = [(n, f) for n in sorted(self.bank.views) for f in self.bank.views[n].truth.findings]
        self.by_label = [
            [(n, f) for n, f in pairs if f.kind in kinds] for kinds in self.rules.kinds
        ]

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One patch: `image` (C, size, size) and `labels` (labels,) 0 or 1, float32."""
        return self.draw_of(rng)[0]

    def draw_of(self, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], BankedView]:
        """One patch as `draw` gives it, and the view it is of."""
        rules = self.rules
        zoom = float(np.exp(rng.uniform(*np.log(rules.scale))))
        side_mm = rules.window_mm / zoom
        view, corner = self._place(rng, side_mm)
        window = cut_window(view, corner, rules.size_px, side_mm / rules.size_px)
        present = labels_in(window, view.truth.findings, rules.kinds)
        level = regrade(rng, window.level, window.mask, window.mm_per_pixel, rules.strength)
        window = Window(level, window.mask, window.mm_per_pixel, window.origin_mm)
        image = make_channels(window, rules.channels, rules.parameters)
        if rng.uniform() < 0.5:
            image = image[:, ::-1]
        return {"image": np.ascontiguousarray(image), "labels": present}, view

    def _place(
        self, rng: np.random.Generator, side_mm: float
    ) -> tuple[BankedView, tuple[float, float]]:
        filled = [label for label, found in enumerate(self.by_label) if found]
        if filled and rng.uniform() < self.rules.on_finding:
            mine = self.by_label[filled[int(rng.integers(len(filled)))]]
            name, finding = mine[int(rng.integers(len(mine)))]
            x0, y0, x1, y1 = finding.box_mm
            centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
            centre += rng.uniform(-0.3, 0.3, 2) * side_mm
            view = self.bank.views[name]
        else:
            names = sorted(self.bank.views)
            view = self.bank.views[names[int(rng.integers(len(names)))]]
            rows, columns = np.nonzero(view.mask[::8, ::8])
            pick = int(rng.integers(len(rows)))
            centre = np.array([columns[pick], rows[pick]]) * 8.0 * COARSE_MM
        return view, (float(centre[0] - side_mm / 2), float(centre[1] - side_mm / 2))


def labels_in(
    window: Window, findings: tuple[Finding, ...], kinds: tuple[tuple[str, ...], ...]
) -> np.ndarray:
    """Which labels a window has, (labels,) float32."""
    size = window.level.shape[0]
    present = np.zeros(len(kinds), dtype=np.float32)
    for finding in findings:
        box = window.to_window(np.asarray([finding.box_mm]))[0]
        cut = np.clip(box, 0, size)
        both = float(np.prod(np.clip(cut[2:] - cut[:2], 0, None)))
        smaller = min(float(np.prod(box[2:] - box[:2])), float(size * size))
        if both >= ENOUGH * max(smaller, 1e-6):
            present[[finding.kind in names for names in kinds]] = 1.0
    return present
