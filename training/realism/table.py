"""Statistics of many views side by side: medians, spreads, ratios, and what is out of bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from training.realism.statistics import Figures

#: A phantom median within this factor of the real one is good enough.
GOOD = 1.25


@dataclass(frozen=True, slots=True)
class Row:
    """One statistic: median, 10th and 90th percentile of real images and of phantoms."""

    name: str
    real: tuple[float, float, float]
    phantom: tuple[float, float, float]

    @property
    def ratio(self) -> float:
        """Phantom median over real median."""
        return self.phantom[0] / self.real[0] if self.real[0] else float("nan")

    @property
    def good(self) -> bool:
        """Near the real median; one that scatters around zero must lie within the real spread."""
        low, high = self.real[1], self.real[2]
        if low < 0.0 < high:
            return low <= self.phantom[0] <= high
        return 1.0 / GOOD <= self.ratio <= GOOD


def compare(real: Sequence[Figures], phantoms: Sequence[Figures]) -> list[Row]:
    """One row for each statistic that both have."""
    names = dict.fromkeys(name for figures in real for name in figures)
    rows = []
    for name in names:
        mine = spread(f[name] for f in phantoms if name in f)
        theirs = spread(f[name] for f in real if name in f)
        if mine and theirs:
            rows.append(Row(name, theirs, mine))
    return rows


def spread(values: Iterable[float]) -> tuple[float, float, float] | None:
    """Median, 10th and 90th percentile, or None of nothing."""
    finite = [v for v in values if np.isfinite(v)]
    if not finite:
        return None
    low, middle, high = np.percentile(finite, (10.0, 50.0, 90.0))
    return float(middle), float(low), float(high)


def as_text(rows: Iterable[Row]) -> str:
    """Write a Markdown table."""
    lines = ["| statistic | real | phantoms | ratio | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        mark = "" if row.good else "off"
        lines.append(
            f"| {row.name} | {_cell(row.real)} | {_cell(row.phantom)} | {row.ratio:.2f} | {mark} |"
        )
    return "\n".join(lines)


def _cell(values: tuple[float, float, float]) -> str:
    middle, low, high = (f"{v:.3g}" for v in values)
    return middle if low == high == middle else f"{middle} [{low} to {high}]"
