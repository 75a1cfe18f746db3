"""The answer to the study (PS3.16 TID 4001, 4002, 4003)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.encode import codes, items, sentences, statement
from mammo_node.encode.cad import algorithm, concepts
from mammo_node.encode.cad.composite import composite_feature
from mammo_node.encode.cad.composition import composition_impressions
from mammo_node.encode.cad.finding import single_image_finding
from mammo_node.encode.cad.intent import ORDER, rendering_intent, strongest
from mammo_node.encode.cad.tree import Cad, Seen
from mammo_node.vocabulary import CodedConcept, StudyResult

_PERCENT_DECIMALS: Final = 4


def overall_impression(cad: Cad) -> Dataset:
    """Return TID 4001: the answer as a code and in words, and the lesions it rests on."""
    found = statement.finding_count(cad.result) > 0
    return items.code(
        items.CONTAINS,
        codes.PROCESSING_SUMMARY,
        codes.processing_summary(cad.result.outcome, with_findings=found),
        [*_body(cad), *_individual(cad), *composition_impressions(cad)],
    )


def _body(cad: Cad) -> list[Dataset]:
    """Return TID 4002: the answer in words, how sure it is, and that the node gives it."""
    description = concepts.IMPRESSION_DESCRIPTION
    return [
        items.text(items.HAS_PROPERTIES, description, " ".join(_sentences(cad))),
        *_certainty(cad),
        *algorithm.node(cad),
    ]


def _certainty(cad: Cad) -> list[Dataset]:
    """Return the score of the patient, where one was made of everything."""
    percents = [
        round(100 * one.score, _PERCENT_DECIMALS)
        for one in cad.result.assessments
        if one.laterality is None
    ]
    name = codes.CERTAINTY_OF_IMPRESSION
    return [items.number(items.HAS_PROPERTIES, name, n, codes.PERCENT) for n in percents[:1]]


def _sentences(cad: Cad) -> list[str]:
    result = cad.result
    silent = [view for view in result.views if not statement.is_analysed(result, view)]
    words = [statement.study_statement(result), statement.RESEARCH_USE]
    if result.operating_points:
        words.append(f"Operating point (score): {statement.operating_point(result)}.")
    words += [*_across(result), *map(statement.plain, result.remarks)]
    return words + [
        f"{statement.image_name(result, view)}: {statement.view_statement(result, view)}."
        for view in silent
    ]


def _across(result: StudyResult) -> Iterator[str]:
    """Yield what is said of breasts, images and places: the templates have words alone for it.

    TID 4006 has no row for quadrant, clock face, depth or distances, and is not extensible.
    """
    for assessment in result.assessments:
        yield f"{sentences.assessment_words(assessment)}."
        yield from (f"{statement.plain(reason).rstrip('.')}." for reason in assessment.reasons)
    for density in result.densities:
        yield f"{sentences.density_words(density)}; {sentences.probability_words(density)}."
    for view in result.views:
        for score in view.scores:
            yield f"{statement.image_name(result, view)}: {sentences.score_words(score)}."
        for index, finding in enumerate(view.findings):
            said = sentences.finding_words(result, finding)
            if said:
                yield f"{statement.finding_name(result, view, index)}: {said}."


def _individual(cad: Cad) -> list[Dataset]:
    """Return TID 4003 for each lesion, those that must be shown first."""
    impressions = [(_intent(cad, lesion), lesion) for lesion in cad.lesions()]
    impressions.sort(key=lambda impression: ORDER.index(impression[0]))
    return [_individual_impression(cad, *impression) for impression in impressions]


def _individual_impression(cad: Cad, intent: CodedConcept, lesion: tuple[Seen, ...]) -> Dataset:
    """Return TID 4003 for one lesion, whether in one image or in several."""
    rendering = items.code(items.HAS_CONCEPT_MOD, concepts.RENDERING_INTENT, intent)
    found = (
        composite_feature(cad, lesion)
        if len(lesion) > 1
        else single_image_finding(cad, lesion[0], items.CONTAINS)
    )
    return items.container(items.INFERRED_FROM, concepts.INDIVIDUAL_IMPRESSION, [rendering, found])


def _intent(cad: Cad, lesion: tuple[Seen, ...]) -> CodedConcept:
    return strongest(rendering_intent(cad.result, seen.finding) for seen in lesion)
