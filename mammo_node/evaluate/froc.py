"""Free-response ROC: which lesions are found at how many false positives per image.

Bunch, Hamilton, Sanderson and Simmons, "A free-response approach to the measurement and
characterization of radiographic-observer performance", 1978. Rules:

* Detections are taken by falling score. One that hits a lesion not yet hit finds it; a further hit
  on the same lesion is neither true nor false; one that hits nothing is a false positive.
* False positives are counted over all images, with lesions or without.
* A sensitivity "at 1 false positive per image" is the best that keeps within that rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mammo_node.evaluate.matching import Criterion, FloatArray, hits

RATES = (0.25, 0.5, 1.0, 2.0, 2.22, 4.0)
"""False positives per image at which sensitivities are told."""

Indices = npt.NDArray[np.intp]


def _no_boxes() -> FloatArray:
    return np.zeros((0, 4))


@dataclass(frozen=True, slots=True)
class Scored:
    """One label in one image.

    ``boxes`` (N, 4) with ``scores`` (N,); ``truth`` (M, 4) the lesions that are looked for;
    ``ignored`` (K, 4) what is neither to be found nor wrong to find, such as lesions of another
    size class.
    """

    boxes: FloatArray
    scores: FloatArray
    truth: FloatArray
    ignored: FloatArray = field(default_factory=_no_boxes)


@dataclass(frozen=True, slots=True)
class Events:
    """Every detection that matters, by falling score, and the image that it is in.

    ``lesions`` (images,) counts the lesions of each image.
    """

    hit_scores: FloatArray
    hit_images: Indices
    false_scores: FloatArray
    false_images: Indices
    lesions: FloatArray


@dataclass(frozen=True, slots=True)
class Froc:
    """`sensitivity[i]` at `rates[i]` false positives per image, reached at `thresholds[i]`.

    ``reached`` is the largest rate that the detections come to at all: beyond it a sensitivity is
    that of all of them together.
    """

    rates: tuple[float, ...]
    sensitivity: tuple[float, ...]
    thresholds: tuple[float, ...]
    lesions: int
    images: int
    reached: float


def froc(
    images: Sequence[Scored],
    *,
    criterion: Criterion = Criterion.IOU,
    rates: Sequence[float] = RATES,
) -> Froc:
    """Sensitivities at fixed false-positive rates."""
    return read_off(events(images, criterion), rates)


def read_off(found: Events, rates: Sequence[float] = RATES) -> Froc:
    """Do as `froc` with detections that were judged already."""
    count, lesions = len(found.lesions), int(found.lesions.sum())
    return Froc(
        rates=tuple(rates),
        sensitivity=tuple(float(s) for s in sensitivities(found, rates)),
        thresholds=tuple(_threshold(found, x) for x in _limits(found, rates, np.ones(count))),
        lesions=lesions,
        images=count,
        reached=len(found.false_scores) / max(count, 1),
    )


def events(images: Sequence[Scored], criterion: Criterion) -> Events:
    """Judge every detection of every image."""
    judged = [_judge(image, criterion) for image in images]
    lesions = np.asarray([len(image.truth) for image in images], dtype=np.float64)
    hit, wrong = ([pair[i] for pair in judged] for i in (0, 1))
    return Events(*_falling(hit), *_falling(wrong), lesions)


def sensitivities(
    found: Events, rates: Sequence[float], weights: FloatArray | None = None
) -> FloatArray:
    """Sensitivity at each rate, (rates,); nan without any lesion.

    ``weights`` (images,) is how often each image counts: bootstrap samples are such weights.
    """
    weights = np.ones(len(found.lesions)) if weights is None else weights
    total = float((found.lesions * weights).sum())
    hit = np.concatenate([[0.0], np.cumsum(weights[found.hit_images])])
    kept = [_above(found.hit_scores, limit) for limit in _limits(found, rates, weights)]
    return hit[np.asarray(kept, dtype=np.intp)] / (total or np.nan)


def operating_point(found: Events, threshold: float) -> tuple[float, float]:
    """Sensitivity and false positives per image when scores count from `threshold` on."""
    lesions, images = float(found.lesions.sum()), len(found.lesions)
    hit = int((found.hit_scores >= threshold).sum())
    wrong = int((found.false_scores >= threshold).sum())
    return hit / lesions if lesions else float("nan"), wrong / max(images, 1)


def curve(found: Events) -> tuple[FloatArray, FloatArray]:
    """Return false positives per image and sensitivity at every threshold, both rising."""
    scores = np.unique(np.concatenate([found.hit_scores, found.false_scores]))[::-1]
    # Scores fall, so counting those at or above is a search in the negated array.
    hit = np.searchsorted(-found.hit_scores, -scores, side="right")
    wrong = np.searchsorted(-found.false_scores, -scores, side="right")
    lesions, images = max(float(found.lesions.sum()), 1.0), max(len(found.lesions), 1)
    return np.append(0.0, wrong / images), np.append(0.0, hit / lesions)


def _judge(image: Scored, criterion: Criterion) -> tuple[FloatArray, FloatArray]:
    """Scores of the detections that find a lesion, and of those that are false."""
    on_lesion = hits(image.boxes, image.truth, criterion)
    on_ignored = np.any(hits(image.boxes, image.ignored, criterion), axis=1)
    on_any = np.any(on_lesion, axis=1)
    free = np.ones(len(image.truth), dtype=bool)
    good = []
    order = np.argsort(-image.scores, kind="stable")
    for i in order[on_any[order]]:
        quality = np.where(free, on_lesion[i], 0.0)
        if quality.any():
            free[int(np.argmax(quality))] = False
            good.append(float(image.scores[i]))
    return np.asarray(good, dtype=np.float64), image.scores[~on_any & ~on_ignored]


def _falling(by_image: Sequence[FloatArray]) -> tuple[FloatArray, Indices]:
    """Join the images' scores, highest first, with the image that each is of."""
    scores = np.concatenate([*by_image, np.zeros(0)])
    images = np.repeat(np.arange(len(by_image)), [len(own) for own in by_image])
    order = np.argsort(-scores, kind="stable")
    return scores[order], images[order].astype(np.intp)


def _limits(found: Events, rates: Sequence[float], weights: FloatArray) -> list[float]:
    """Score of the first false positive that is one too many, by rate; -inf when there is none."""
    allowed = np.floor(np.asarray(rates) * float(weights.sum()) + 1e-9)
    counted = np.cumsum(weights[found.false_images])
    first = np.searchsorted(counted, allowed, side="right")
    scores = np.append(found.false_scores, -np.inf)
    return [float(scores[i]) for i in first]


def _above(falling: FloatArray, limit: float) -> int:
    return int(np.searchsorted(-falling, -limit, side="left"))


def _threshold(found: Events, limit: float) -> float:
    above = (
        scores[_above(scores, limit) - 1]
        for scores in (found.hit_scores, found.false_scores)
        if _above(scores, limit)
    )
    return float(min(above, default=1.0))
