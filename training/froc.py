"""Free-response figures: which lesions are found at how many false positives per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Scored:
    """Boxes (N, 4), falling scores (N,) of one label in one image, and the true boxes (M, 4)."""

    boxes: np.ndarray
    scores: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, slots=True)
class Froc:
    """`sensitivity[i]` at `rates[i]` false positives per image, reached at `thresholds[i]`."""

    rates: tuple[float, ...]
    sensitivity: tuple[float, ...]
    thresholds: tuple[float, ...]
    lesions: int
    images: int


def iou(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union, (N, M)."""
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    area, true_area = (np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1) for b in (boxes, truth))
    return np.asarray(both / np.maximum(area[:, None] + true_area[None] - both, 1e-9))


def centre_in_box(boxes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether a box's centre lies in a true box, (N, M) 0 or 1."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centre[:, None] >= truth[None, :, :2]) & (centre[:, None] <= truth[None, :, 2:])
    return np.asarray(inside.all(axis=2).astype(np.float64))


def froc(
    images: Sequence[Scored], *, criterion: str = "iou", rates: Sequence[float] = RATES
) -> Froc:
    """Sensitivities at fixed false-positive rates.

    A detection hits when IoU >= 0.2 ("iou") or its centre lies in the true box ("centre"). Each
    lesion counts once; further hits on it are neither true nor false.
    """
    hits, wrong, lesions = [], [], 0
    for image in images:
        lesions += len(image.truth)
        found: set[int] = set()
        order = np.argsort(-image.scores, kind="stable")
        match = (
            (iou(image.boxes, image.truth) >= 0.2)
            if criterion == "iou"
            else centre_in_box(image.boxes, image.truth) > 0
        )
        for i in order:
            on = np.flatnonzero(match[i])
            new = [j for j in on if j not in found]
            if new:
                found.add(int(new[0]))
                hits.append(float(image.scores[i]))
            elif not len(on):
                wrong.append(float(image.scores[i]))
    return _read_off(np.sort(hits)[::-1], np.sort(wrong)[::-1], lesions, len(images), tuple(rates))


def _read_off(
    hits: np.ndarray, wrong: np.ndarray, lesions: int, images: int, rates: tuple[float, ...]
) -> Froc:
    sensitivity, thresholds = [], []
    for rate in rates:
        allowed = int(np.floor(rate * images + 1e-9))
        # The threshold lies just above the first false positive that is one too many.
        limit = wrong[allowed] if allowed < len(wrong) else -np.inf
        kept = hits[hits > limit]
        sensitivity.append(len(kept) / max(lesions, 1))
        above = np.concatenate([kept[-1:], wrong[:allowed][wrong[:allowed] > limit][-1:]])
        thresholds.append(float(above.min()) if len(above) else 1.0)
    return Froc(rates, tuple(sensitivity), tuple(thresholds), lesions, images)


def suppress(boxes: np.ndarray, scores: np.ndarray, limit: float) -> np.ndarray:
    """Greedy non-maximum suppression; returns kept indices by falling score."""
    order = list(np.argsort(-scores, kind="stable"))
    keep: list[int] = []
    overlap = iou(boxes, boxes)
    while order:
        best = order.pop(0)
        keep.append(int(best))
        order = [i for i in order if overlap[best, i] <= limit]
    return np.asarray(keep, dtype=np.int64)
