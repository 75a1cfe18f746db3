"""Figures of decisions: F1 of findings, confusion and agreement of categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.evaluate.matching import FloatArray
from mammo_node.evaluate.roc import BoolArray


@dataclass(frozen=True, slots=True)
class F1:
    """Per label, each (labels,): ``support`` is how many are positive in truth."""

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    support: FloatArray

    @property
    def weighted(self) -> float:
        """Mean F1 weighted by support; nan without any positive."""
        total = float(self.support.sum())
        return float((self.f1 * self.support).sum() / total) if total else float("nan")


def f1_scores(truth: BoolArray, predicted: BoolArray, weights: FloatArray | None = None) -> F1:
    """F1 of each column of (N, labels) decisions; 0 where nothing is found or there to find."""
    each = np.ones(len(truth)) if weights is None else weights
    both = each @ (truth & predicted)
    found, there = each @ predicted, each @ truth
    precision = both / np.maximum(found, 1e-12)
    recall = both / np.maximum(there, 1e-12)
    return F1(precision, recall, 2 * both / np.maximum(found + there, 1e-12), there)


def confusion(
    truth: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    classes: int,
    weights: FloatArray | None = None,
) -> FloatArray:
    """Count (truth, predicted) pairs of class indices: (classes, classes), rows are the truth."""
    pairs = np.asarray(truth) * classes + np.asarray(predicted)
    counted = np.bincount(pairs, weights, minlength=classes * classes)
    return counted.reshape(classes, classes).astype(np.float64)


def quadratic_kappa(counts: FloatArray) -> float:
    """Agreement beyond chance, disagreements weighted by their squared distance (Cohen, 1968).

    ``counts`` as :func:`confusion` gives them; nan where chance leaves nothing to disagree on.
    """
    classes, total = len(counts), float(counts.sum())
    distance = (np.arange(classes)[:, None] - np.arange(classes)[None]) ** 2
    chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / (total or np.nan)
    expected = float((distance * chance).sum())
    return 1 - float((distance * counts).sum()) / expected if expected else float("nan")
