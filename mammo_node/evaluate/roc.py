"""Receiver operating characteristic of images or breasts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mammo_node.evaluate.matching import FloatArray

BoolArray = npt.NDArray[np.bool_]


def auc(scores: FloatArray, positive: BoolArray, weights: FloatArray | None = None) -> float:
    """Area under the ROC curve: how often a positive outscores a negative, ties half.

    Hanley and McNeil, 1982. Both arrays (N,); nan when one of the classes is empty.
    """
    weights = np.ones(len(scores)) if weights is None else weights
    _, place = np.unique(scores, return_inverse=True)
    yes = np.bincount(place, weights * positive)
    no = np.bincount(place, weights * ~positive)
    pairs = float(yes.sum() * no.sum())
    below = np.cumsum(no) - no
    return float((yes * (below + no / 2)).sum() / pairs) if pairs else float("nan")


def roc_curve(scores: FloatArray, positive: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return false and true positive rate at every threshold, from (0, 0) to (1, 1)."""
    levels, place = np.unique(-scores, return_inverse=True)
    yes = np.cumsum(np.bincount(place, positive, minlength=len(levels)))
    no = np.cumsum(np.bincount(place, ~positive, minlength=len(levels)))
    true_rate, false_rate = (np.append(0.0, n / max(n[-1], 1.0)) for n in (yes, no))
    return false_rate, true_rate
