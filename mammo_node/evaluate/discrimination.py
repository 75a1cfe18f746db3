"""The section on scores of whole images and breasts: ROC, and whether scores are calibrated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from mammo_node.evaluate.detection import Pair, reliability_section
from mammo_node.evaluate.matching import FloatArray
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.roc import BoolArray, auc, roc_curve
from mammo_node.evaluate.settings import Section, Settings

MALIGNANT = "malignant"
"""The label of the image as a whole."""
CURVE_POINTS = 200


def discrimination(pairs: Sequence[Pair], label: str, settings: Settings) -> Section:
    """ROC of a label by image and by breast; a part is left out where it has only one class.

    `label` may be :data:`MALIGNANT`: then the truth is whether the image is malignant, and the
    score the model's own for that, or that of the box that is most surely one and suspicious.
    """
    known = [pair for pair in pairs if _answered(pair, label)]
    return {
        "image": _roc(known, label, settings, lambda record: record.image_id),
        "breast": _roc(known, label, settings, lambda record: record.breast),
        "calibration": _calibration(known, label),
    }


def score_of(prediction: Prediction, label: str) -> float:
    """Return an image's score for a label; of malignancy its boxes' scores times suspicion."""
    if label != MALIGNANT or MALIGNANT in prediction.image_scores:
        return prediction.score_of(label)
    boxes = prediction.boxes
    # A faint box that would look malignant, were it one, must not outweigh a sure one.
    scores = [box.score * (1.0 if box.suspicion is None else box.suspicion) for box in boxes]
    return max(scores, default=0.0)


def tells_malignancy(pairs: Sequence[Pair]) -> bool:
    """Whether any answer says how suspicious an image is; no score would be one of 0 for all."""
    return any(prediction.boxes or MALIGNANT in prediction.image_scores for _, prediction in pairs)


def truth_of(record: ImageRecord, label: str) -> bool | None:
    """Return whether an image is positive, None where that is not known."""
    if label == MALIGNANT:
        return record.malignant
    return bool(record.of_label(label)) if label in record.annotated else None


def _answered(pair: Pair, label: str) -> bool:
    return pair[1].refusal is None and truth_of(pair[0], label) is not None


def auc_of(
    scores: FloatArray, positive: BoolArray, patients: Sequence[str], settings: Settings
) -> Section | None:
    """ROC AUC with its interval by patient; None where one of the classes is missing."""
    if not positive.any() or positive.all():
        return None
    low, high = settings.interval(lambda w: np.asarray([auc(scores, positive, w)]), patients)
    return {"auc": auc(scores, positive), "low": float(low[0]), "high": float(high[0])}


def _roc(
    pairs: Sequence[Pair],
    label: str,
    settings: Settings,
    unit: Callable[[ImageRecord], Hashable],
) -> Section | None:
    groups: dict[Hashable, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(unit(pair[0]), []).append(pair)
    members = list(groups.values())
    scores = np.asarray([max(score_of(p, label) for _, p in group) for group in members])
    positive = np.asarray([any(truth_of(r, label) for r, _ in group) for group in members], bool)
    found = auc_of(scores, positive, [group[0][0].patient for group in members], settings)
    return found and {
        **found,
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
        "curve": _curve(scores, positive),
    }


def _curve(scores: FloatArray, positive: BoolArray) -> Section:
    false_rate, true_rate = roc_curve(scores, positive)
    chosen = np.unique(np.linspace(0, len(false_rate) - 1, CURVE_POINTS).astype(int))
    return {"false": false_rate[chosen].tolist(), "true": true_rate[chosen].tolist()}


def _calibration(pairs: Sequence[Pair], label: str) -> Section:
    """Of images that have a score of their own: a best box's score claims nothing of the image."""
    own = [(r, p) for r, p in pairs if label in p.image_scores]
    if not own:
        return {}
    scores = np.asarray([p.image_scores[label] for _, p in own])
    return reliability_section(scores, np.asarray([bool(truth_of(r, label)) for r, _ in own]))
