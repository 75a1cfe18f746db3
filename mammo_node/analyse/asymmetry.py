"""What a difference between the breasts says for the traffic light: pure.

Compared are the fused scores of both breasts, where both were seen in the same views and have
something that was scored, and their density as a model reads it: the expected category, A = 0
to D = 3, weighted by its probabilities, which tells more than the category alone. Grey levels
are not compared: images for presentation are not calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mammo_node.analyse.evidence import Evidence
from mammo_node.config import TrafficLight
from mammo_node.vocabulary import Density, Laterality, Light

_RIGHT, _LEFT = Laterality.RIGHT, Laterality.LEFT


def asymmetries(
    scores: Mapping[Laterality, float], densities: Sequence[Density], settings: TrafficLight
) -> list[Evidence]:
    """Return what reaches the settings' limits; each is amber.

    Parameters
    ----------
    scores : mapping
        Fused scores of both breasts; empty where they cannot be compared.
    densities : sequence of Density
        Those of breasts are compared model by model.
    """
    return [*_of_scores(scores, settings), *_of_densities(densities, settings)]


def _of_scores(scores: Mapping[Laterality, float], settings: TrafficLight) -> list[Evidence]:
    if not scores or abs(scores[_RIGHT] - scores[_LEFT]) < settings.asymmetry:
        return []
    words = f"The breasts' scores differ: right {scores[_RIGHT]:.2f}, left {scores[_LEFT]:.2f}."
    return [Evidence(Light.AMBER, 0.0, words)]


def _of_densities(densities: Sequence[Density], settings: TrafficLight) -> list[Evidence]:
    found = []
    by_model = {d.model.name for d in densities}
    for model in sorted(by_model):
        sides = {d.laterality: d for d in densities if d.model.name == model}
        right, left = sides.get(_RIGHT), sides.get(_LEFT)
        if right is None or left is None:
            continue
        if abs(expected(right) - expected(left)) >= settings.density_asymmetry:
            words = f"The breasts' density differs: right {_said(right)}, left {_said(left)}."
            found.append(Evidence(Light.AMBER, 0.0, words))
    return found


def expected(density: Density) -> float:
    """Return the expected category, 0 (A) to 3 (D)."""
    return sum(number * share for number, share in enumerate(density.probabilities))


def _said(density: Density) -> str:
    return f"{density.category.value} ({expected(density):.1f} of 3)"
