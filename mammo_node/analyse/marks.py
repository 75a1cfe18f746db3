"""Findings on their way through the comparison of views, to their final order: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mammo_node.analyse.location import Seat, location_of, with_location
from mammo_node.analyse.nipple_frame import CRANIOCAUDAL
from mammo_node.vocabulary import Agreement, Finding, FindingRef, ViewResult, reaches

#: Thresholds in force, by (model name, label).
Thresholds = Mapping[tuple[str, str], float]
Lesions = tuple[tuple[FindingRef, ...], ...]
#: A finding as it came: its view and its place there.
Origin = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding on its way; ``score`` as changed by the comparison, None where it is not."""

    origin: Origin
    finding: Finding
    seat: Seat | None
    partner: Origin | None = None
    difference_mm: float | None = None
    score: float | None = None

    @property
    def final(self) -> float:
        """The score that is reported."""
        return self.finding.score if self.score is None else self.score


def reported(views: Iterable[ViewResult], thresholds: Thresholds) -> tuple[ViewResult, ...]:
    """Leave out the findings that are below their thresholds, whatever other views say."""
    return tuple(
        replace(view, findings=tuple(f for f in view.findings if _above(f, f.score, thresholds)))
        for view in views
    )


def _above(finding: Finding, score: float, thresholds: Thresholds) -> bool:
    return reaches(score, thresholds.get((finding.model.name, finding.label), 0.0))


def settled(marks: Mapping[Origin, Mark], thresholds: Thresholds) -> dict[Origin, Mark]:
    """Take back pairs of which one is not reported, then leave out what is below."""

    def passes(mark: Mark) -> bool:
        return _above(mark.finding, mark.final, thresholds)

    found = {}
    for origin, mark in marks.items():
        lone = mark.partner is not None and not (passes(mark) and passes(marks[mark.partner]))
        found[origin] = (
            replace(mark, partner=None, difference_mm=None, score=None) if lone else mark
        )
    return {origin: mark for origin, mark in found.items() if passes(mark)}


def refer(
    views: Sequence[ViewResult], marks: Mapping[Origin, Mark]
) -> tuple[tuple[ViewResult, ...], Lesions]:
    """Bring the findings into their final order, and let them refer to each other."""
    order = {
        i: sorted(
            (mark for mark in marks.values() if mark.origin[0] == i),
            key=lambda mark: (-mark.final, mark.origin),
        )
        for i in range(len(views))
    }
    refs = {
        mark.origin: FindingRef(views[i].ref.sop_instance_uid, place)
        for i, ordered in order.items()
        for place, mark in enumerate(ordered)
    }
    done = tuple(
        replace(view, findings=tuple(_finished(m, view, marks, refs) for m in order[i]))
        for i, view in enumerate(views)
    )
    lesions = tuple(
        (refs[origin], refs[mark.partner])
        for origin, mark in marks.items()
        if mark.partner is not None and views[origin[0]].view in CRANIOCAUDAL
    )
    return done, lesions


def _finished(
    mark: Mark,
    view: ViewResult,
    marks: Mapping[Origin, Mark],
    refs: Mapping[Origin, FindingRef],
) -> Finding:
    finding = mark.finding
    if mark.seat is not None:
        partner = marks[mark.partner].seat if mark.partner is not None else None
        finding = with_location(finding, location_of(mark.seat, view.laterality, partner))
    if mark.score is None:
        return finding
    agreement = Agreement(
        score_before=mark.finding.score,
        partner=refs[mark.partner] if mark.partner is not None else None,
        difference_mm=mark.difference_mm,
    )
    return replace(finding, score=mark.score, agreement=agreement)
