"""From views and families to one answer: score, category and traffic light of a breast, a patient.

Rules:

* Scores are fused by their maximum, over findings, views and models. Models look at the same
  pixels, so their errors are not independent, and a noisy-or would rise with each model that
  repeats another. A maximum can be traced to one finding, and running a model twice changes
  nothing.
* The light follows each score's own operating points, since scores of different models are on
  different scales.
* More evidence never gives a lower score, category or light. Asymmetry may raise the light to
  amber and lowers nothing.
* Green only when every expected view was seen by a model that looks for lesions and nothing
  reaches amber. What is not known to be green and not amber is unlit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mammo_node.analyse.asymmetry import asymmetries
from mammo_node.analyse.evidence import Evidence, Point, evidence_of, worst
from mammo_node.analyse.fuse import outcome_of
from mammo_node.config import TrafficLight
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Assessment,
    Density,
    Laterality,
    Light,
    Outcome,
    ViewResult,
)

#: Breasts in hanging order.
_BREASTS = (Laterality.RIGHT, Laterality.LEFT)
#: Most reasons that are given; the rest is counted.
_MOST = 6
_CLEAR = "Every expected view was analysed and nothing reaches amber."


@dataclass(frozen=True, slots=True)
class Rules:
    """What scores mean here.

    ``points`` are those of each label of each model, by (model name, label).
    """

    points: Mapping[tuple[str, str], Point] = field(default_factory=dict)
    settings: TrafficLight = field(default_factory=TrafficLight)

    @property
    def seekers(self) -> frozenset[str]:
        """Names of the models that look for lesions."""
        return frozenset(model for model, _ in self.points)


def points_of(
    thresholds: Mapping[str, float],
    operating_points: Iterable[tuple[str, float]],
    settings: TrafficLight,
) -> dict[str, Point]:
    """Return from which score on each label of one model is amber, and red.

    Parameters
    ----------
    thresholds : mapping
        In force, by label: from here on findings are reported, and amber by default.
    operating_points : iterable of (label, threshold)
        All of the model's. The lowest above the threshold in force is red by default; without
        one, red begins half way between the threshold and 1.
    """
    known = list(operating_points)
    points = {}
    for label, threshold in thresholds.items():
        higher = [score for name, score in known if name == label and score > threshold]
        red = settings.red.get(label, min(higher, default=(1.0 + threshold) / 2.0))
        amber = settings.amber.get(label, threshold)
        points[label] = Point(amber, max(amber, red))
    return points


def assess(
    views: Sequence[ViewResult], densities: Sequence[Density], rules: Rules
) -> tuple[Assessment, ...]:
    """Assess each breast that has an analysed view, then the patient.

    Parameters
    ----------
    views : sequence of ViewResult
        One for each image of the study, refused ones too.
    densities : sequence of Density
        As far as they are known.

    Returns
    -------
    tuple of Assessment
        Empty when no view was analysed.
    """
    analysed = [view for view in views if view.refusal is None]
    if not analysed:
        return ()
    evidence = {
        breast: _found([view for view in analysed if view.laterality == breast], rules)
        for breast in _BREASTS
    }
    breasts = [
        _assessment(breast, evidence[breast], _gap(_of(views, breast), rules, breast))
        for breast in _BREASTS
        if any(view.laterality == breast for view in analysed)
    ]
    apart = asymmetries(_comparable(analysed, evidence), densities, rules.settings)
    everything = [*(one for found in evidence.values() for one in found), *apart]
    return (*breasts, _assessment(None, everything, _gap(views, rules, None)))


def _found(views: Sequence[ViewResult], rules: Rules) -> list[Evidence]:
    found = [one for view in views for one in evidence_of(view, rules.points, rules.settings)]
    return [*found, *_fused(found, rules.settings)]


def _fused(found: Sequence[Evidence], settings: TrafficLight) -> list[Evidence]:
    """Return what the fused score says by itself, where the settings ask for that."""
    score = _score(found)
    for light, least in ((Light.RED, settings.red_score), (Light.AMBER, settings.amber_score)):
        if least is not None and score >= least:
            return [Evidence(light, score, f"The fused score {score:.2f} is {least:g} or more.")]
    return []


def _assessment(
    breast: Laterality | None, evidence: Sequence[Evidence], gap: str | None
) -> Assessment:
    light = worst(one.light for one in evidence)
    if light is Light.GREEN and gap is not None:
        light = Light.UNLIT
    categories = [one.category for one in evidence if one.category is not None]
    reasons = _reasons(evidence)
    if light in (Light.GREEN, Light.UNLIT):
        reasons = [gap or _CLEAR]
    elif gap is not None:
        reasons.append(gap)
    return Assessment(
        laterality=breast,
        score=_score(evidence),
        category=max(categories, default=None),
        light=light,
        reasons=tuple(reasons),
    )


def _score(evidence: Iterable[Evidence]) -> float:
    return max((one.score for one in evidence), default=0.0)


def _reasons(evidence: Iterable[Evidence]) -> list[str]:
    """Return the sentences of what reaches amber, the weightiest first."""
    telling = [one for one in evidence if one.light in (Light.AMBER, Light.RED)]
    telling.sort(key=lambda one: (one.light is not Light.RED, -one.score))
    said = list(dict.fromkeys(one.sentence for one in telling))
    rest = len(said) - _MOST
    return said if rest <= 0 else [*said[:_MOST], f"And {rest} more."]


def _gap(views: Sequence[ViewResult], rules: Rules, breast: Laterality | None) -> str | None:
    """Return why these views do not suffice for green; None when they do."""
    expected = [pair for pair in STANDARD_VIEWS if breast in (None, pair[0])]
    outcome, reason = outcome_of(views, expected=expected)
    if outcome is Outcome.PARTIAL:
        return reason
    for laterality, name in expected:
        seen = {m.name for v in views if (v.laterality, v.view) == (laterality, name) for m in v.by}
        if not seen & rules.seekers:
            return f"No model that looks for lesions has seen {laterality} {name}."
    return None


def _of(views: Sequence[ViewResult], breast: Laterality) -> list[ViewResult]:
    return [view for view in views if view.laterality == breast]


def _comparable(
    analysed: Sequence[ViewResult], evidence: Mapping[Laterality, Sequence[Evidence]]
) -> dict[Laterality, float]:
    """Return the breasts' scores, if both have one and were seen in the same views."""
    seen = [{view.view for view in analysed if view.laterality == breast} for breast in _BREASTS]
    if seen[0] != seen[1] or not all(evidence[breast] for breast in _BREASTS):
        return {}
    return {breast: _score(evidence[breast]) for breast in _BREASTS}
