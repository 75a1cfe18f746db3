"""What figures are computed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.froc import RATES
from mammo_node.evaluate.matching import FloatArray

Section = dict[str, Any]
"""A part of the JSON document: plain values only."""

DECIDE_AT = 0.5
"""Threshold of a label for which neither package nor user says one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How many bootstrap samples, from which generator, and where scores become decisions."""

    rounds: int = bootstrap.ROUNDS
    seed: int = 0
    rates: tuple[float, ...] = RATES
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, label: str) -> float:
        """Return the score from which an image or a box counts as positive."""
        return self.thresholds.get(label, DECIDE_AT)

    def interval(
        self, statistic: bootstrap.Statistic, patients: Sequence[str]
    ) -> tuple[FloatArray, FloatArray]:
        """Return a figure's confidence interval by patient."""
        return bootstrap.interval(statistic, patients, rounds=self.rounds, seed=self.seed)
