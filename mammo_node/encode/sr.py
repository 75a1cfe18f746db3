"""The report: a Comprehensive 3D SR with the Measurement Report template (PS3.16 TID 1500).

::

    Imaging Measurement Report (126000, DCM)
    ├── Language, device observer (TID 1204, 1001), procedure reported (CID 100)
    ├── Image Library (TID 1600): every image of the study that the answer speaks of
    ├── Imaging Measurements: one group per lesion (TID 1410), or per image without (TID 1501);
    │   then scores of images, density and assessment of each breast and the patient (TID 1501)
    └── Qualitative Evaluations: the answer to the study, coded (CID 6047, 6042) and in words
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    LanguageOfContentItemAndDescendants,
    ObservationContext,
    RelationshipTypeValues,
)
from highdicom.sr.coding import CodedConcept as SrConcept
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from mammo_node.encode import (
    codes,
    content,
    document,
    evaluations,
    groups,
    library,
    modules,
    statement,
)
from mammo_node.encode.document import device_observer
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.vocabulary import ModelRef, StudyResult, ViewResult

SERIES: Final = SeriesIdentity(
    role="sr",
    modality="SR",
    number=9901,
    description="Mammography AI findings (research use only)",
)
_ENGLISH = SrConcept(value="en-US", scheme_designator="RFC5646", meaning="English (United States)")


def report(
    result: StudyResult,
    common: Common,
    predecessors: Sequence[PriorResult] = (),
) -> Dataset:
    """Return the report of a study result.

    Parameters
    ----------
    result : StudyResult
        The answer, of any outcome; views may be empty.
    common : Common
        Source headers, the images that the answer speaks of, identity and equipment.
    predecessors : sequence of PriorResult
        Earlier reports of the study that this one supersedes.
    """
    ds = modules.base_dataset(
        common, SERIES, Comprehensive3DSRStorage, "sr", max(common.generation, 1)
    )
    document.put_document(ds, result)
    document.put_evidence(ds, common.references)
    document.put_predecessors(ds, predecessors)
    document.put_content(ds, _root(result, common), "1500")
    return modules.finish(ds, common)


def _root(result: StudyResult, common: Common) -> ContainerContentItem:
    root = ContainerContentItem(
        name=codes.sr_concept(codes.IMAGING_MEASUREMENT_REPORT), template_id="1500"
    )
    views = {view.ref.sop_instance_uid: view for view in result.views}
    items = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(_ENGLISH),
            *ObservationContext(observer_device_context=device_observer(common.equipment)),
            _procedure_reported(),
            *library.image_library(common.references, views),
        ]
    )
    lesions = [
        g for view in result.views for g in groups.view_groups(result, view, common.identity)
    ]
    wholes = evaluations.evaluation_groups(result, common.identity)
    if lesions or wholes:
        items.append(content.container(codes.IMAGING_MEASUREMENTS, [*lesions, *wholes]))
    items.append(content.container(codes.QUALITATIVE_EVALUATIONS, _answer(result)))
    root.ContentSequence = items
    return root


def _procedure_reported() -> CodeContentItem:
    return CodeContentItem(
        codes.sr_concept(codes.PROCEDURE_REPORTED),
        codes.sr_concept(codes.IMAGING_PROCEDURE),
        RelationshipTypeValues.HAS_CONCEPT_MOD,
    )


def _answer(result: StudyResult) -> list[ContentItem]:
    """Return the answer to the study: coded, in words, and what it is worth."""
    with_findings = statement.finding_count(result) > 0
    summary = codes.processing_summary(result.outcome, with_findings=with_findings)
    items: list[ContentItem] = [
        content.code_content(codes.PROCESSING_SUMMARY, summary),
        content.code_content(codes.SUMMARY_OF_DETECTIONS, codes.STATUS[result.outcome]),
        content.text_item(codes.CONCLUSION, statement.study_statement(result)),
        content.text_item(codes.COMMENT, statement.RESEARCH_USE),
    ]
    if result.operating_points:
        words = f"Operating point (score): {statement.operating_point(result)}"
        items.append(content.text_item(codes.COMMENT, words))
    items += [content.text_item(codes.COMMENT, _model_words(model)) for model in result.models]
    items += [content.text_item(codes.COMMENT, remark) for remark in result.remarks]
    silent = [v for v in result.views if not statement.is_analysed(result, v)]
    items += [content.text_item(codes.COMMENT, _image_words(result, view)) for view in silent]
    return items


def _image_words(result: StudyResult, view: ViewResult) -> str:
    words = statement.view_statement(result, view)
    return f"{statement.view_name(view)}: {words} (image {view.ref.sop_instance_uid})"


def _model_words(model: ModelRef) -> str:
    return f"Model {model.name} {model.version}, SHA-256 {model.sha256}"
