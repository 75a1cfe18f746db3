"""The section on suspicion: how well a model tells which of the lesions it finds are malignant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mammo_node.evaluate.detection import Pair, edges, judgeable
from mammo_node.evaluate.discrimination import auc_of
from mammo_node.evaluate.matching import Criterion, hits
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import TrueFinding
from mammo_node.evaluate.settings import Section, Settings


def suspicion(pairs: Sequence[Pair], label: str, settings: Settings) -> Section | None:
    """ROC AUC of the suspicion that boxes on malignant lesions have against those on benign ones.

    A lesion counts by the best-scored box that overlaps it; one without any, or of which the truth
    does not say whether it is malignant, does not count. None where boxes have no suspicion, or
    lesions of one kind are missing.
    """
    judged = [
        (found, lesion.malignant, record.patient)
        for record, prediction in judgeable(pairs, label)
        for lesion, found in _found(record.of_label(label), prediction, label)
    ]
    known = [(found, malignant, who) for found, malignant, who in judged if malignant is not None]
    scores = np.asarray([found for found, _, _ in known])
    malignant = np.asarray([truth for _, truth, _ in known], dtype=np.bool_)
    section = auc_of(scores, malignant, [who for *_, who in known], settings)
    return section and {
        **section,
        "malignant": int(malignant.sum()),
        "benign": int((~malignant).sum()),
    }


def _found(
    lesions: Sequence[TrueFinding], prediction: Prediction, label: str
) -> Iterator[tuple[TrueFinding, float]]:
    """Yield the lesions that have a box, with the suspicion of the best one."""
    mine = [box for box in prediction.boxes if box.label == label and box.suspicion is not None]
    mine.sort(key=lambda box: -box.score)
    overlap = hits(
        edges(box.box_px for box in mine),
        edges(lesion.box_px for lesion in lesions),
        Criterion.IOU,
    )
    for number, lesion in enumerate(lesions):
        on = np.flatnonzero(overlap[:, number])
        told = mine[on[0]].suspicion if on.size else None
        if told is not None:
            yield lesion, told
