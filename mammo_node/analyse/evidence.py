"""What one finding, or one score of an image, says for the traffic light: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mammo_node.config import TrafficLight
from mammo_node.vocabulary import Finding, ImageScore, Light, ViewResult, reaches

#: By rising urgency.
_URGENCY = (Light.UNLIT, Light.GREEN, Light.AMBER, Light.RED)


@dataclass(frozen=True, slots=True)
class Point:
    """From which score on a label of a model is amber, and red."""

    amber: float
    red: float

    def light(self, score: float) -> Light:
        """Return what a score is worth by itself."""
        if reaches(score, self.red):
            return Light.RED
        return Light.AMBER if reaches(score, self.amber) else Light.GREEN


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that counts, and the sentence that says it."""

    light: Light
    score: float
    sentence: str
    category: int | None = None


def evidence_of(
    view: ViewResult, points: Mapping[tuple[str, str], Point], settings: TrafficLight
) -> list[Evidence]:
    """Return what one analysed view says, finding by finding and score by score."""
    place = f"{view.laterality} {view.view}"
    found = [_of_finding(finding, place, points) for finding in view.findings]
    return [*found, *(_of_score(score, place, points, settings) for score in view.scores)]


def worst(lights: Iterable[Light]) -> Light:
    """Return the most urgent light; green where there is none."""
    return max((Light.GREEN, *lights), key=_URGENCY.index)


def _of_finding(finding: Finding, place: str, points: Mapping[tuple[str, str], Point]) -> Evidence:
    # A finding is reported from its operating point on: without one it is amber all the same.
    point = points.get((finding.model.name, finding.label), Point(0.0, 1.0))
    both = finding.agreement is not None and finding.agreement.partner is not None
    said = f"{finding.label} {finding.score:.2f} in {place}{', seen in both views' if both else ''}"
    light = point.light(finding.score)
    return Evidence(light, finding.score, f"{said} ({_limit(light, point)}, {finding.model.name}).")


def _of_score(
    score: ImageScore,
    place: str,
    points: Mapping[tuple[str, str], Point],
    settings: TrafficLight,
) -> Evidence:
    model, said = score.model.name, f"{score.label} {score.score:.2f} of {place} as a whole"
    if score.category is not None:
        limits = Point(settings.amber_category, settings.red_category)
        light = limits.light(score.category)
        words = f"{said}: AI suspicion category {score.category} ({model})."
        return Evidence(light, score.score, words, score.category)
    point = points.get((model, score.label))
    light = Light.GREEN if point is None else point.light(score.score)
    limit = "" if point is None else f"{_limit(light, point)}, "
    return Evidence(light, score.score, f"{said} ({limit}{model}).")


def _limit(light: Light, point: Point) -> str:
    least = point.red if light is Light.RED else point.amber
    return f"{light.value} from {least:.2f}"
