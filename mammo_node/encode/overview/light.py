"""The traffic light: the answer to a study as one lamp, and as words that say the same.

Rules:

* The assessment of the patient decides, where there is one; else the findings do.
* Green only when every image that should have been analysed was, and nothing was found.
* A study that was not analysed, or not wholly and without findings, has no lamp lit: the
  absence of a result is not a result.
* Lamps have places (red above, green below), and words stand beside them: no colour is
  needed to read it.
"""

from __future__ import annotations

from typing import Final

from mammo_node.encode import statement
from mammo_node.vocabulary import Assessment, Light, Outcome, StudyResult, reaches

#: What the lamps mean by findings alone, for the foot of pictures and pages.
LEGEND: Final = (
    "Light: green, no findings; amber, findings; red, a score in the upper half between its"
    " operating point and 1; unlit, not (or not wholly) analysed."
)
#: What they mean by assessments.
LEGEND_OF_ASSESSMENTS: Final = (
    "Light: green, every expected view analysed and no score at its amber point; amber, a score"
    " from its amber point on; red, a score from its red point on; unlit, none of these can be"
    " said."
)


def legend_of(result: StudyResult) -> str:
    """Return what the lamp of this answer means."""
    return LEGEND if _assessment(result) is None else LEGEND_OF_ASSESSMENTS


def light_of(result: StudyResult) -> Light:
    """Return the lamp for a study's answer."""
    assessment = _assessment(result)
    whole = result.outcome in (Outcome.FINDINGS, Outcome.NO_FINDINGS)
    if assessment is not None:
        green_in_part = assessment.light is Light.GREEN and not whole
        return Light.UNLIT if green_in_part else assessment.light
    if statement.finding_count(result):
        return Light.RED if _has_high_score(result) else Light.AMBER
    return Light.GREEN if result.outcome is Outcome.NO_FINDINGS else Light.UNLIT


def _assessment(result: StudyResult) -> Assessment | None:
    return next((one for one in result.assessments if one.laterality is None), None)


def _has_high_score(result: StudyResult) -> bool:
    return any(
        reaches(finding.score, (1.0 + (result.threshold_of(finding) or 0.0)) / 2.0)
        for view in result.views
        for finding in view.findings
    )


def headline(result: StudyResult) -> str:
    """Return the answer in a few words, to be read from afar."""
    found = statement.count(statement.finding_count(result), "finding").capitalize()
    match result.outcome:
        case Outcome.FINDINGS | Outcome.NO_FINDINGS:
            return found
        case Outcome.PARTIAL:
            analysed = sum(statement.is_analysed(result, view) for view in result.views)
            return f"Incomplete: {found.lower()} in {statement.count(analysed, 'image')}"
        case Outcome.FAILED:
            return "Analysis failed: no result"
        case Outcome.NOT_ATTEMPTED:
            return "Not analysed: no result"
