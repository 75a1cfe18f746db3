"""The traffic light: the answer to a study as one lamp, and as words that say the same.

Rules:

* Green only when every image that should have been analysed was, and nothing was found.
* A study that was not analysed, or not wholly and without findings, has no lamp lit: the
  absence of a result is not a result.
* Lamps have places (red above, green below), and words stand beside them: no colour is
  needed to read it.
"""

from __future__ import annotations

from mammo_node.encode import statement
from mammo_node.vocabulary import Light, Outcome, StudyResult

#: What the lamps mean, for the foot of pictures and pages.
LEGEND = (
    "Light: green, no findings; amber, findings; red, a score in the upper half between its"
    " operating point and 1; unlit, not (or not wholly) analysed."
)


def light_of(result: StudyResult) -> Light:
    """Return the lamp for a study's answer."""
    if statement.finding_count(result):
        return Light.RED if _has_high_score(result) else Light.AMBER
    return Light.GREEN if result.outcome is Outcome.NO_FINDINGS else Light.UNLIT


def _has_high_score(result: StudyResult) -> bool:
    points = dict(result.operating_points)
    return any(
        finding.score >= (1.0 + points.get(finding.label, 0.0)) / 2.0
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
