"""From views to the study: one outcome, and a reason whenever it is not a plain answer."""

from __future__ import annotations

import pytest

from mammo_node.analyse.fuse import outcome_of, study_result
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Box,
    CodedConcept,
    Finding,
    InstanceRef,
    Laterality,
    ModelRef,
    Outcome,
    Refusal,
    RefusalReason,
    View,
    ViewResult,
)

_MODEL = ModelRef("m", "1", "0" * 64)
_FINDING = Finding(
    label="mass",
    concept=CodedConcept("4147007", "SCT", "Mass"),
    score=0.9,
    box_px=Box(0, 0, 1, 1),
    outline_px=None,
    long_axis_mm=None,
    model=_MODEL,
)
_NAMES = {"R": Laterality.RIGHT, "L": Laterality.LEFT}


def _view(name: str, reason: RefusalReason | None = None, *, finding: bool = False) -> ViewResult:
    laterality, _, view = name.partition(" ")
    return ViewResult(
        ref=InstanceRef("1.2", "1.3", "1.4", "1.5", "00"),
        laterality=_NAMES.get(laterality),
        view=View(view) if view else None,
        rows=10,
        columns=10,
        spacing=None,
        findings=(_FINDING,) if finding else (),
        refusal=Refusal(reason, "because") if reason else None,
    )


_FOUR = [_view(f"{laterality} {view}") for laterality, view in STANDARD_VIEWS]
_THREE = _FOUR[:3]
_PIXELS, _PROCESSING = RefusalReason.PIXEL_DATA, RefusalReason.FOR_PROCESSING


@pytest.mark.parametrize(
    ("views", "outcome"),
    [
        (_FOUR, Outcome.NO_FINDINGS),
        ([*_THREE, _view("L MLO", finding=True)], Outcome.FINDINGS),
        ([*_FOUR, _view("R CC", _PROCESSING)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("R CC", RefusalReason.PARTIAL_VIEW)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("R ML", RefusalReason.VIEW_NOT_ANALYSED)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("", RefusalReason.TOMOSYNTHESIS)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("R CC", RefusalReason.IMPLANT)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("R XCCL", _PIXELS)], Outcome.NO_FINDINGS),
        ([*_FOUR, _view("R XCCL", finding=True)], Outcome.FINDINGS),
    ],
)
def test_a_study_answered_in_full_has_no_reason(views: list[ViewResult], outcome: Outcome) -> None:
    """All standard views were analysed; what is refused by nature takes nothing away."""
    assert outcome_of(views) == (outcome, None)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (_THREE, "Not every image was analysed: L MLO is missing."),
        (_FOUR[:1], "L CC is missing; R MLO is missing; L MLO is missing."),
        ([*_THREE, _view("L MLO", _PIXELS)], "L MLO was refused (pixel-data: because)."),
        ([*_THREE, _view("L MLO", _PROCESSING)], "L MLO was refused (for-processing: because)."),
        ([*_FOUR, _view("L MLO", _PIXELS)], "L MLO was refused (pixel-data: because)."),
        ([*_FOUR, _view("", RefusalReason.VIEW)], "an image was refused (no-view: because)."),
        ([*_FOUR, _view("R", RefusalReason.VIEW)], "R was refused (no-view: because)."),
    ],
)
def test_a_gap_makes_the_answer_partial(views: list[ViewResult], words: str) -> None:
    """A standard view that is missing or refused for a fault is named, findings or not."""
    outcome, reason = outcome_of(views)
    assert outcome is Outcome.PARTIAL
    assert reason is not None
    assert reason.endswith(words)
    assert outcome_of([*views, _view("R FB", finding=True)]) == (Outcome.PARTIAL, reason)


def test_the_same_refusal_is_told_once() -> None:
    """Sixty frames refused alike make one clause."""
    _, reason = outcome_of([_view("R CC", _PROCESSING)] * 3 + _FOUR[1:])
    assert reason == "Not every image was analysed: R CC was refused (for-processing: because)."


def test_nothing_analysed_is_not_attempted() -> None:
    """The refusals say why; a study without images says that."""
    views = [_view("R CC", _PROCESSING), _view("R CC", _PROCESSING), _view("", _PIXELS)]
    outcome, reason = outcome_of(views)
    assert outcome is Outcome.NOT_ATTEMPTED
    assert reason == (
        "No image could be analysed: R CC was refused (for-processing: because);"
        " an image was refused (pixel-data: because)."
    )
    assert outcome_of([]) == (
        Outcome.NOT_ATTEMPTED,
        "The study has no image that can be analysed.",
    )


def test_a_failure_outranks_everything() -> None:
    """What was found before the failure does not make it an answer."""
    views = [*_THREE, _view("L MLO", finding=True)]
    assert outcome_of(views, failure="no answer within 600 s") == (
        Outcome.FAILED,
        "The analysis failed: no answer within 600 s.",
    )


def test_a_site_may_expect_other_views() -> None:
    """After a mastectomy, or at a site that takes one view, fewer views are a full study."""
    right = [view for view in STANDARD_VIEWS if view[0] is Laterality.RIGHT]
    views = [view for view in _FOUR if view.laterality is Laterality.RIGHT]
    assert outcome_of(views, expected=right) == (Outcome.NO_FINDINGS, None)


def test_the_result_holds_what_it_was_made_of() -> None:
    """Views, models, thresholds and configuration stand in the result as given."""
    result = study_result(
        "1.2.3",
        2,
        _THREE,
        [_MODEL],
        configuration_hash="abc",
        operating_points=[("mass", 0.5)],
    )
    assert (result.study_instance_uid, result.generation) == ("1.2.3", 2)
    assert result.outcome is Outcome.PARTIAL
    assert result.reason == "Not every image was analysed: L MLO is missing."
    assert result.views == tuple(_THREE)
    assert result.models == (_MODEL,)
    assert (result.configuration_hash, result.operating_points) == ("abc", (("mass", 0.5),))
