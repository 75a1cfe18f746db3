"""Where two models disagree on the same studies: no truth is asked, only who says what.

Rules:

* Findings are one where their boxes overlap by IoU 0.2 or more, whatever their labels: the pairs
  that overlap most first, each finding once.
* Only images that both models saw are compared. What one saw alone is counted beside.
* The worst disagreement comes first: lights apart, then scores apart, then findings apart.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from mammo_node.analyse.opinion import Mark, Opinion, Seen
from mammo_node.analyse.overlap import iou
from mammo_node.evaluate.matching import HIT_IOU
from mammo_node.vocabulary import Light

_LAMPS = (Light.GREEN, Light.AMBER, Light.RED)
#: Fewer pairs of scores make no correlation.
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """Findings of both models, and of one of them alone."""

    both: int = 0
    only_a: int = 0
    only_b: int = 0


@dataclass(frozen=True, slots=True)
class StudyDisagreement:
    """One study as two models saw it."""

    study_instance_uid: str
    a: Opinion
    b: Opinion
    findings: Counts
    seen_by_one: int
    """Images that one of the models refused, or was never shown."""

    @property
    def lights_apart(self) -> int:
        """How many lamps lie between the lights; one where only one of them is lit."""
        if Light.UNLIT in (self.a.light, self.b.light):
            return int(self.a.light is not self.b.light)
        return abs(_LAMPS.index(self.a.light) - _LAMPS.index(self.b.light))

    @property
    def weight(self) -> tuple[int, float, int]:
        """What the worst disagreement has most of."""
        apart = abs(self.a.score - self.b.score)
        return self.lights_apart, apart, self.findings.only_a + self.findings.only_b


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of scores, by Pearson and by Spearman; None where there are too few, or all the same."""

    number: int
    pearson: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same studies; the worst disagreement first."""

    studies: tuple[StudyDisagreement, ...]
    lights: Mapping[tuple[Light, Light], int]
    densities: Mapping[tuple[str, str], int]
    """Categories of breasts that both judged."""
    findings: Counts
    study_scores: Correlation
    image_scores: Correlation

    @property
    def same_light(self) -> int:
        """Number of studies with the same light."""
        return sum(number for (a, b), number in self.lights.items() if a is b)


def compare(pairs: Mapping[str, tuple[Opinion, Opinion]]) -> Comparison:
    """Compare what two models say, by Study Instance UID."""
    studies = [_study(uid, a, b) for uid, (a, b) in pairs.items()]
    studies.sort(key=lambda study: study.weight, reverse=True)
    counts = [study.findings for study in studies]
    return Comparison(
        studies=tuple(studies),
        lights=Counter((study.a.light, study.b.light) for study in studies),
        densities=Counter(pair for study in studies for pair in _densities(study)),
        findings=Counts(
            sum(c.both for c in counts),
            sum(c.only_a for c in counts),
            sum(c.only_b for c in counts),
        ),
        study_scores=correlation([(s.a.score, s.b.score) for s in studies]),
        image_scores=correlation([pair for study in studies for pair in _image_scores(study)]),
    )


def matched(a: Sequence[Mark], b: Sequence[Mark]) -> list[tuple[int, int]]:
    """Return which finding of A is which of B in one image, as pairs of indices."""
    if not a or not b:
        return []
    overlap = iou(np.array([mark.box_px for mark in a]), np.array([mark.box_px for mark in b]))
    found: list[tuple[int, int]] = []
    while overlap.max() >= HIT_IOU:
        one, other = np.unravel_index(int(overlap.argmax()), overlap.shape)
        found.append((int(one), int(other)))
        overlap[one, :] = overlap[:, other] = 0.0
    return found


def correlation(scores: Sequence[tuple[float, float]]) -> Correlation:
    """Correlate pairs of scores."""
    a, b = np.array(scores).reshape(-1, 2).T
    if len(a) < _LEAST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return Correlation(len(a), None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nearly constant scores: the figure says what it can
        pearson, spearman = stats.pearsonr(a, b).statistic, stats.spearmanr(a, b).statistic
    return Correlation(len(a), _finite(pearson), _finite(spearman))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _study(uid: str, a: Opinion, b: Opinion) -> StudyDisagreement:
    both = only_a = only_b = 0
    seen = _seen_by_both(a, b)
    for one, other in seen:
        same = len(matched(one.marks, other.marks))
        both += same
        only_a += len(one.marks) - same
        only_b += len(other.marks) - same
    by_one = sum(view.refusal is None for view in (*a.views, *b.views)) - 2 * len(seen)
    return StudyDisagreement(uid, a, b, Counts(both, only_a, only_b), by_one)


def _seen_by_both(a: Opinion, b: Opinion) -> list[tuple[Seen, Seen]]:
    others = {view.sop_instance_uid: view for view in b.views if view.refusal is None}
    return [
        (view, others[view.sop_instance_uid])
        for view in a.views
        if view.refusal is None and view.sop_instance_uid in others
    ]


def _image_scores(study: StudyDisagreement) -> list[tuple[float, float]]:
    return [(one.score, other.score) for one, other in _seen_by_both(study.a, study.b)]


def _densities(study: StudyDisagreement) -> list[tuple[str, str]]:
    a, b = study.a.densities, study.b.densities
    return [(a[side], b[side]) for side in ("R", "L") if side in a and side in b]
