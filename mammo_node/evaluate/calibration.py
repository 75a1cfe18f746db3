"""Calibration: does a score of 0.7 come true seven times in ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.evaluate.matching import FloatArray
from mammo_node.evaluate.roc import BoolArray

BINS = 10


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins of equal width that hold anything, each (bins,).

    ``score`` is the mean score in the bin, ``frequency`` how often it came true.
    """

    score: FloatArray
    frequency: FloatArray
    count: FloatArray

    @property
    def ece(self) -> float:
        """Expected calibration error: mean distance of the two, weighted by count; nan if empty."""
        total = float(self.count.sum())
        distance = np.abs(self.score - self.frequency)
        return float((distance * self.count).sum() / total) if total else float("nan")


def reliability(scores: FloatArray, outcomes: BoolArray, bins: int = BINS) -> Reliability:
    """Bin (N,) scores 0..1 against what came true.

    Bins are open below and closed above, as is usual; 0 belongs to the first.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges[1:-1], scores, side="left"), 0, bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.float64)
    full = count > 0
    score = np.bincount(place, scores, minlength=bins)[full] / count[full]
    frequency = np.bincount(place, outcomes, minlength=bins)[full] / count[full]
    return Reliability(score, frequency, count[full])
