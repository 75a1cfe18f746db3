"""A lesion in one view, and the same lesion in the other view of the breast: pure.

The distance from the nipple changes little between the views of a breast (the arc method of
readers; van Engeland and Karssemeijer, Matching breast lesions in multiple mammographic views,
MICCAI 2001). Findings of one model, of the same or a compatible kind and of compatible size, whose
distances differ by no more than a tolerance are taken for one lesion, the best fitting pair first.

Rules:

* A matched finding's score rises to ``1 - (1 - score) * (1 - raise_by * partner * closeness)``:
  what is left to 1 shrinks, by no more than ``raise_by``; ``closeness`` falls from 1 for equal
  distances to 0 at the limit. Scores never pass 1, and a better partner never gives less.
* An unmatched finding's score falls to ``score * (1 - lower_by)``, if the other view was analysed
  by the same model and reaches as far back as the finding lies. Otherwise it stays.
* Both rules look at the scores that the model gave, never at changed ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mammo_node.config import Comparison
from mammo_node.vocabulary import Finding

#: Of the larger finding: the middles of large ones are found less exactly.
SIZE_SHARE: Final = 0.25
#: A lesion is at most so many times as long in one view as in the other.
MOST_TIMES: Final = 3.0
#: Kinds that one lesion may be called by in two views, by the codes of their concepts: mass,
#: architectural distortion, asymmetries; a cluster and the calcifications in it.
_ALIKE: Final = (
    frozenset({"129788004", "129792006", "129790003", "129791004", "129789007", "129793001"}),
    frozenset({"129769006", "129770007", "129748004"}),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding as the comparison sees it; ``expected``: the other view should show it."""

    finding: Finding
    nipple_mm: float
    expected: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates, by index in their views, that are taken for one lesion."""

    first: int
    second: int
    difference_mm: float
    closeness: float


def match(
    first: Sequence[Candidate], second: Sequence[Candidate], settings: Comparison
) -> list[Pair]:
    """Pair the candidates of two views; each is in one pair at most.

    The pair that fits best comes first: small difference, then high scores.
    """
    possible = sorted(
        _possible(first, second, settings),
        key=lambda pair: (
            -pair.closeness * first[pair.first].finding.score * second[pair.second].finding.score,
            pair.first,
            pair.second,
        ),
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for pair in possible:
        if pair.first in taken[0] or pair.second in taken[1]:
            continue
        taken[0].add(pair.first)
        taken[1].add(pair.second)
        pairs.append(pair)
    return pairs


def raised(score: float, partner: float, closeness: float, raise_by: float) -> float:
    """Return the score of a finding that the other view shows, too."""
    return 1.0 - (1.0 - score) * (1.0 - raise_by * partner * closeness)


def lowered(score: float, lower_by: float) -> float:
    """Return the score of a finding that the other view should show and does not."""
    return score * (1.0 - lower_by)


def alike(one: Finding, other: Finding) -> bool:
    """Whether two findings may be one lesion by model, kind and size."""
    if one.model != other.model:
        return False
    codes = {one.concept.value, other.concept.value}
    if one.label != other.label and not any(codes <= group for group in _ALIKE):
        return False
    sizes = (one.long_axis_mm, other.long_axis_mm)
    if sizes[0] is None or sizes[1] is None:
        return True
    return max(sizes[0], sizes[1]) <= MOST_TIMES * min(sizes[0], sizes[1])


def limit_mm(one: Finding, other: Finding, tolerance_mm: float) -> float:
    """Return by how much the distances of two findings from the nipple may differ."""
    return tolerance_mm + SIZE_SHARE * max(one.long_axis_mm or 0.0, other.long_axis_mm or 0.0)


def _possible(
    first: Sequence[Candidate], second: Sequence[Candidate], settings: Comparison
) -> Iterator[Pair]:
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            if not alike(one.finding, other.finding):
                continue
            limit = limit_mm(one.finding, other.finding, settings.tolerance_mm)
            difference_mm = abs(one.nipple_mm - other.nipple_mm)
            if difference_mm <= limit:
                yield Pair(i, j, difference_mm, 1.0 - difference_mm / limit if limit else 1.0)
