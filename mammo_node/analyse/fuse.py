"""From the views to the study: one outcome, and the sentence that explains it.

A study is answered in full when each standard view was analysed at least once and no image
that should have been was refused. What is refused by its nature (a magnification view, a
For Processing twin, a tomosynthesis stack) takes nothing away from a study whose standard
views were analysed.
"""

from __future__ import annotations

from collections.abc import Sequence

from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Laterality,
    ModelRef,
    Outcome,
    RefusalReason,
    StudyResult,
    View,
    ViewResult,
)

StandardView = tuple[Laterality, View]

#: Refusals of images that were never meant to be analysed.
_BY_NATURE = frozenset(
    {
        RefusalReason.SOP_CLASS,
        RefusalReason.FOR_PROCESSING,
        RefusalReason.TOMOSYNTHESIS,
        RefusalReason.VENDOR_PRIVATE,
        RefusalReason.SECONDARY_CAPTURE,
        RefusalReason.VIEW_NOT_ANALYSED,
        RefusalReason.PARTIAL_VIEW,
        RefusalReason.SPECIMEN,
        RefusalReason.IMPLANT,
        RefusalReason.MULTI_FRAME,
        RefusalReason.MODALITY,
    }
)


def study_result(
    study_instance_uid: str,
    generation: int,
    views: Sequence[ViewResult],
    models: Sequence[ModelRef],
    *,
    failure: str | None = None,
    configuration_hash: str = "",
    operating_points: Sequence[tuple[str, float]] = (),
    expected: Sequence[StandardView] = STANDARD_VIEWS,
) -> StudyResult:
    """Assemble the answer to one study; parameters as in :func:`outcome_of`."""
    outcome, reason = outcome_of(views, failure=failure, expected=expected)
    return StudyResult(
        study_instance_uid=study_instance_uid,
        generation=generation,
        outcome=outcome,
        views=tuple(views),
        models=tuple(models),
        reason=reason,
        configuration_hash=configuration_hash,
        operating_points=tuple(operating_points),
    )


def outcome_of(
    views: Sequence[ViewResult],
    *,
    failure: str | None = None,
    expected: Sequence[StandardView] = STANDARD_VIEWS,
) -> tuple[Outcome, str | None]:
    """Return the outcome and its reason; no reason for a plain findings / no findings.

    Parameters
    ----------
    views : sequence of ViewResult
        One for each image of the study, refused ones too.
    failure : str, optional
        Why the analysis itself did not come to an end; the outcome is then FAILED.
    expected : sequence of (Laterality, View)
        The views that a full study has.
    """
    if failure is not None:
        return Outcome.FAILED, _sentence(f"The analysis failed: {failure}")
    analysed = [view for view in views if view.refusal is None]
    if not analysed:
        return Outcome.NOT_ATTEMPTED, _nothing_analysed(views)
    gaps = [*_uncovered(views, expected), *_unexpected_refusals(views, expected)]
    if gaps:
        return Outcome.PARTIAL, _sentence(f"Not every image was analysed: {'; '.join(gaps)}")
    found = any(view.findings for view in analysed)
    return (Outcome.FINDINGS if found else Outcome.NO_FINDINGS), None


def _nothing_analysed(views: Sequence[ViewResult]) -> str:
    refused = dict.fromkeys(_refused(view) for view in views)
    if not refused:
        return "The study has no image that can be analysed."
    return _sentence(f"No image could be analysed: {'; '.join(refused)}")


def _uncovered(views: Sequence[ViewResult], expected: Sequence[StandardView]) -> list[str]:
    """Name the standard views without an analysed image, and why."""
    covered = {(view.laterality, view.view) for view in views if view.refusal is None}
    gaps: list[str] = []
    for laterality, name in expected:
        if (laterality, name) in covered:
            continue
        refused = [v for v in views if (v.laterality, v.view) == (laterality, name)]
        gaps += dict.fromkeys(_refused(view) for view in refused) or [
            f"{laterality} {name} is missing"
        ]
    return gaps


def _unexpected_refusals(
    views: Sequence[ViewResult], expected: Sequence[StandardView]
) -> list[str]:
    """Name images that should have been analysed beside others that were."""
    covered = {(view.laterality, view.view) for view in views if view.refusal is None}
    unknown = [view for view in views if view.laterality is None or view.view is None]
    twins = [
        view
        for view in views
        if (view.laterality, view.view) in covered and (view.laterality, view.view) in set(expected)
    ]
    return list(dict.fromkeys(_refused(view) for view in (*twins, *unknown) if _fault(view)))


def _fault(view: ViewResult) -> bool:
    return view.refusal is not None and view.refusal.reason not in _BY_NATURE


def _refused(view: ViewResult) -> str:
    name = " ".join(part for part in (view.laterality, view.view) if part) or "an image"
    if view.refusal is None:
        return name
    return f"{name} was refused ({view.refusal.reason}: {view.refusal.detail})"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
