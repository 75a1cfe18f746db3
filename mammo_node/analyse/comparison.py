"""The views of each breast against each other: places, changed scores, lesions. Pure.

Rules:

* One craniocaudal and one mediolateral image of a breast are compared: CC and MLO before other
  views of their kind, then the one that shows the larger area, then the higher UID.
* What is below its operating point in the end is dropped. A pair counts only if both of its
  findings are reported: what is not reported can be no reason.
* Findings refer to each other by their final order, the highest score first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mammo_node.analyse.agreement import Candidate, Pair, lowered, match, raised
from mammo_node.analyse.chosen_image import chosen
from mammo_node.analyse.location import Seat, seat_of
from mammo_node.analyse.marks import Lesions, Mark, Origin, Thresholds, refer, settled
from mammo_node.analyse.nipple_frame import CRANIOCAUDAL, MEDIOLATERAL, NippleFrame, frame_of
from mammo_node.config import Comparison
from mammo_node.vocabulary import Finding, Laterality, View, ViewResult

#: Views that are compared, the best of each direction first.
_FROM_ABOVE = (View.CC, *sorted(CRANIOCAUDAL - {View.CC}))
_FROM_THE_SIDE = (View.MLO, *sorted(MEDIOLATERAL - {View.MLO}))


@dataclass(frozen=True, slots=True)
class _Side:
    """One of two views that are compared, with its findings."""

    view: ViewResult
    frame: NippleFrame
    marks: Sequence[Mark]

    def candidates(self, other: _Side) -> list[Candidate]:
        """Return the findings, and whether the other view should show them."""
        return [
            Candidate(mark.finding, seat.nipple_mm, self._expected(mark.finding, seat, other))
            for mark in self.marks
            if (seat := mark.seat) is not None
        ]

    def _expected(self, finding: Finding, seat: Seat, other: _Side) -> bool:
        reached = seat.nipple_mm <= other.frame.extent_mm and seat.along_mm <= self.frame.reach_mm
        return finding.model in other.view.by and reached


def compare(
    views: Sequence[ViewResult], thresholds: Thresholds, settings: Comparison
) -> tuple[tuple[ViewResult, ...], Lesions]:
    """Place the findings, change scores by the other view, drop what is below its threshold.

    Parameters
    ----------
    views : sequence of ViewResult
        One for each image of the study; their findings may lie below the operating point.
    thresholds : mapping
        A finding without one is kept.
    settings : Comparison
        Without ``enabled`` findings are placed, and nothing is matched.

    Returns
    -------
    tuple
        The views in the same order, and the pairs of findings that are one lesion.
    """
    frames = [frame_of(view) if view.refusal is None else None for view in views]
    marks = {
        (i, k): Mark((i, k), finding, None if frame is None else seat_of(finding, frame))
        for i, (view, frame) in enumerate(zip(views, frames, strict=True))
        for k, finding in enumerate(view.findings)
    }
    if settings.enabled:
        for one, other in _breasts(views, frames, marks):
            marks |= _compared(one, other, settings)
    kept = settled(marks, thresholds)
    return refer(views, kept)


def _breasts(
    views: Sequence[ViewResult],
    frames: Sequence[NippleFrame | None],
    marks: Mapping[Origin, Mark],
) -> Iterator[tuple[_Side, _Side]]:
    """Yield what is compared."""
    for laterality in Laterality:
        sides = []
        for wanted in (_FROM_ABOVE, _FROM_THE_SIDE):
            i = chosen(views, laterality, wanted)
            frame = None if i is None else frames[i]
            if i is not None and frame is not None:
                own = [mark for mark in marks.values() if mark.origin[0] == i]
                sides.append(_Side(views[i], frame, own))
        if len(sides) == 2:
            yield sides[0], sides[1]


def _compared(one: _Side, other: _Side, settings: Comparison) -> dict[Origin, Mark]:
    """Return the marks whose scores change, with their partners."""
    candidates = one.candidates(other), other.candidates(one)
    changed = {}
    for pair in match(*candidates, settings):
        first, second = one.marks[pair.first], other.marks[pair.second]
        changed[first.origin] = _matched(first, second, pair, settings)
        changed[second.origin] = _matched(second, first, pair, settings)
    if settings.lower_by == 0:
        return changed
    for side, seen in zip((one, other), candidates, strict=True):
        for mark, candidate in zip(side.marks, seen, strict=True):
            if mark.origin not in changed and candidate.expected:
                score = lowered(mark.finding.score, settings.lower_by)
                changed[mark.origin] = replace(mark, score=score)
    return changed


def _matched(one: Mark, other: Mark, pair: Pair, settings: Comparison) -> Mark:
    score = raised(one.finding.score, other.finding.score, pair.closeness, settings.raise_by)
    return replace(one, partner=other.origin, difference_mm=pair.difference_mm, score=score)
