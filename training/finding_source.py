"""Places to draw training images from: around a finding of some label, or anywhere on a breast."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.view import COARSE_MM, BankedView, BankSource, Finding, ViewBank

#: Places on a breast are drawn from every so many pixels of its mask.
_STEP = 8


class FindingSource(BankSource):
    """A bank whose findings are known by label; `kinds` lists the phantom kinds of each label."""

    def __init__(self, folder: Path, kinds: tuple[tuple[str, ...], ...]) -> None:
        super().__init__(folder)
        self.kinds = kinds
        self.by_label = findings_by_label(self.bank, kinds)

    def rescan(self) -> None:
        """Read views that are new in the folder."""
        super().rescan()
        self.by_label = findings_by_label(self.bank, self.kinds)

    def extend(self, folder: Path) -> None:
        """Draw from the views of one more folder too."""
        self.bank.views.update(ViewBank(folder).views)
        self.by_label = findings_by_label(self.bank, self.kinds)

    def place(
        self, rng: np.random.Generator, on_finding: float
    ) -> tuple[BankedView, np.ndarray, Finding | None]:
        """Draw a view and a point of it, (x, y) mm: the middle of a finding, or none's.

        A share `on_finding` of places are findings, every label as often as the others.
        """
        filled = [found for found in self.by_label if found]
        if filled and rng.uniform() < on_finding:
            mine = filled[int(rng.integers(len(filled)))]
            name, finding = mine[int(rng.integers(len(mine)))]
            x0, y0, x1, y1 = finding.box_mm
            return self.bank.views[name], np.array([(x0 + x1) / 2, (y0 + y1) / 2]), finding
        names = sorted(self.bank.views)
        view = self.bank.views[names[int(rng.integers(len(names)))]]
        rows, columns = np.nonzero(view.mask[::_STEP, ::_STEP])
        pick = int(rng.integers(len(rows)))
        return view, np.array([columns[pick], rows[pick]]) * _STEP * COARSE_MM, None


def findings_by_label(
    bank: ViewBank, kinds: tuple[tuple[str, ...], ...]
) -> list[list[tuple[str, Finding]]]:
    """List the findings that count as each label, with their views' names."""
    pairs = [(n, f) for n in sorted(bank.views) for f in bank.views[n].truth.findings]
    return [[(n, f) for n, f in pairs if f.kind in names] for names in kinds]
