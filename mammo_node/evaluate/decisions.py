"""The section on decisions: which findings an image is said to have, at the thresholds in force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammo_node.evaluate.classes import f1_scores
from mammo_node.evaluate.detection import Pair
from mammo_node.evaluate.settings import Section, Settings


def decisions(pairs: Sequence[Pair], labels: Sequence[str], settings: Settings) -> Section | None:
    """F1 of each label over images, and their mean weighted by how many images have it.

    Images count that were analysed and annotated for all the labels.
    """
    known = [(r, p) for r, p in pairs if p.refusal is None and r.annotated >= set(labels)]
    truth = np.asarray([[bool(r.of_label(n)) for n in labels] for r, _ in known], dtype=bool)
    if not truth.any():
        return None
    at = np.asarray([settings.threshold(name) for name in labels])
    scores = np.asarray([[p.score_of(name) for name in labels] for _, p in known])
    predicted = scores >= at
    result = f1_scores(truth, predicted)
    low, high = settings.interval(
        lambda w: np.asarray([f1_scores(truth, predicted, w).weighted]),
        [r.patient for r, _ in known],
    )
    columns = (result.precision, result.recall, result.f1, result.support)
    names = ("precision", "recall", "f1", "support")
    return {
        "images": len(known),
        "labels": {
            label: {"threshold": float(at[i])}
            | {name: float(column[i]) for name, column in zip(names, columns, strict=True)}
            for i, label in enumerate(labels)
        },
        "weighted_f1": result.weighted,
        "low": float(low[0]),
        "high": float(high[0]),
    }
