"""Measurement groups on images and breasts as a whole (PS3.16 TID 1501).

* A score of an image: certainty of impression, its category in words.
* The density of a breast, and of the patient: breast composition, coded.
* What everything together says of a breast, and of the patient.

None of these is a finding: a score and an assessment have no Finding, and the reader of a
report does not take them for a lesion.
"""

from __future__ import annotations

from typing import Final

from highdicom.sr import (
    ContainerContentItem,
    ContentItem,
    Measurement,
    TrackingIdentifier,
)

from mammo_node.encode import anatomy, codes, content, sentences, statement
from mammo_node.encode.groups import algorithm
from mammo_node.encode.identity import ResultIdentity
from mammo_node.encode.site import finding_site
from mammo_node.vocabulary import (
    Assessment,
    CodedConcept,
    Density,
    ImageScore,
    Laterality,
    StudyResult,
    ViewResult,
)

_PERCENT_DECIMALS: Final = 4
#: How a group says why: the text of a comment begins with it.
REASON: Final = "Reason: "


def evaluation_groups(result: StudyResult, identity: ResultIdentity) -> list[ContainerContentItem]:
    """Return what is said of images, then of breasts and the patient."""
    scores = [
        _score_group(result, view, place, identity)
        for view in result.views
        for place in range(len(view.scores))
    ]
    densities = [_density_group(result, density, identity) for density in result.densities]
    return scores + densities + [_assessment_group(a, identity) for a in result.assessments]


def _score_group(
    result: StudyResult, view: ViewResult, place: int, identity: ResultIdentity
) -> ContainerContentItem:
    score: ImageScore = view.scores[place]
    uid = identity.evaluation_uid("score", view.ref.sop_instance_uid, place)
    name = f"{statement.image_name(result, view)}: {statement.plain(score.label)}"
    items: list[ContentItem] = [
        *TrackingIdentifier(uid=uid, identifier=name),
        finding_site(view.laterality),
        *algorithm(score.model),
        *_percent(codes.CERTAINTY_OF_IMPRESSION, score.score),
    ]
    if score.category is not None:
        items.append(content.text_item(codes.COMMENT, sentences.category_words(score.category)))
    return content.measurement_group([*items, content.source_image(view.ref)])


def _density_group(
    result: StudyResult, density: Density, identity: ResultIdentity
) -> ContainerContentItem:
    views = {view.ref.sop_instance_uid: view for view in result.views}
    seen = [views[uid] for uid in density.sop_instance_uids if uid in views]
    composition = anatomy.COMPOSITIONS[density.category]
    return content.measurement_group(
        [
            *_tracking("density", density.laterality, identity),
            content.code_content(codes.FINDING, anatomy.BREAST_COMPOSITION),
            finding_site(density.laterality),
            *algorithm(density.model),
            *_percent(codes.CERTAINTY_OF_FINDING, sentences.certainty_of(density)),
            content.code_content(anatomy.BREAST_COMPOSITION, composition),
            content.text_item(codes.COMMENT, sentences.density_words(density)),
            content.text_item(codes.COMMENT, sentences.probability_words(density)),
            *(content.source_image(view.ref) for view in seen),
        ]
    )


def _assessment_group(assessment: Assessment, identity: ResultIdentity) -> ContainerContentItem:
    said = [sentences.assessment_words(assessment)]
    said += [REASON + statement.plain(reason) for reason in assessment.reasons]
    return content.measurement_group(
        [
            *_tracking("assessment", assessment.laterality, identity),
            finding_site(assessment.laterality),
            *_percent(codes.CERTAINTY_OF_IMPRESSION, assessment.score),
            *(content.text_item(codes.COMMENT, words) for words in said),
        ]
    )


def _tracking(
    what: str, laterality: Laterality | None, identity: ResultIdentity
) -> TrackingIdentifier:
    uid = identity.evaluation_uid(what, laterality or "")
    return TrackingIdentifier(uid=uid, identifier=f"{sentences.who(laterality)}: {what}")


def _percent(name: CodedConcept, part: float) -> Measurement:
    return Measurement(
        name=codes.sr_concept(name),
        value=round(100 * part, _PERCENT_DECIMALS),
        unit=codes.sr_concept(codes.PERCENT),
    )
