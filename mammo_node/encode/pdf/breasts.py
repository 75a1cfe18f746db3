"""Tables of what is said across a breast: assessments and density, views compared, image scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mammo_node.encode import sentences, statement
from mammo_node.encode.overview.light import legend_of
from mammo_node.encode.pdf import printable
from mammo_node.encode.pdf.table import Table, told
from mammo_node.vocabulary import Assessment, Density, Laterality, StudyResult

_ROWS: Final = (Laterality.RIGHT, Laterality.LEFT, None)
_NOT_BI_RADS: Final = "The AI suspicion category is that of a model's operating points, no BI-RADS"
_DENSITY: Final = (
    "Density: A almost entirely fat, B scattered fibroglandular densities, C heterogeneously dense,"
    " D extremely dense, with the model's probability."
)


def breasts(result: StudyResult) -> Table:
    """Return one row for each breast and the patient of which something is said."""
    assessed = {one.laterality: one for one in result.assessments}
    dense = {side: [d for d in result.densities if d.laterality is side] for side in _ROWS}
    rows = [
        (sentences.who(side), *_assessed(assessed.get(side)), _density(dense[side]))
        for side in _ROWS
        if side in assessed or dense[side]
    ]
    return Table(
        "Breasts",
        ("Breast", "Light", "AI score", "AI suspicion category", "Why", "Density"),
        (0.13, 0.08, 0.09, 0.13, 0.44, 0.13),
        tuple(rows),
        f"{legend_of(result)} {_NOT_BI_RADS} assessment. {_DENSITY}",
    )


def _assessed(assessment: Assessment | None) -> tuple[str, str, str, str]:
    """Return light, score, category and reasons."""
    if assessment is None:
        return ("", "", "", "")
    category = assessment.category
    return (
        assessment.light,
        f"{assessment.score:.2f}",
        printable.UNKNOWN if category is None else str(category),
        told(" ".join(assessment.reasons)),
    )


def _density(densities: Sequence[Density]) -> str:
    """Return what each density model says."""
    return ", ".join(f"{d.category} ({sentences.certainty_of(d):.2f})" for d in densities)


def compared(result: StudyResult) -> Table:
    """Return one row for each finding whose score another view was asked about."""
    rows = [
        (statement.finding_name(result, view, index), told(f"{words}."))
        for view in result.views
        for index, finding in enumerate(view.findings)
        if (words := sentences.agreement_words(result, finding))
    ]
    columns = ("Finding", "What the other view says")
    return Table("Views compared", columns, (0.13, 0.87), tuple(rows))


def image_scores(result: StudyResult) -> Table:
    """Return one row for each score of an image as a whole."""
    rows = [
        (
            statement.image_name(result, view),
            told(score.label),
            f"{score.score:.2f}",
            printable.UNKNOWN if score.category is None else str(score.category),
            told(f"{score.model.name} {score.model.version}"),
        )
        for view in result.views
        for score in view.scores
    ]
    return Table(
        "Scores of images",
        ("Image", "Of", "Score", "AI suspicion category", "Model"),
        (0.13, 0.30, 0.10, 0.20, 0.27),
        tuple(rows),
        f"{_NOT_BI_RADS} assessment.",
    )
