"""The report: a Comprehensive 3D SR with the Measurement Report template (PS3.16 TID 1500).

::

    Imaging Measurement Report (126000, DCM)
    ├── Language, device observer (TID 1204, 1001), procedure reported (CID 100)
    ├── Image Library (TID 1600): every image of the study that the answer speaks of
    ├── Imaging Measurements: one group per lesion (TID 1410), or per image without (TID 1501)
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
    DeviceObserverIdentifyingAttributes,
    LanguageOfContentItemAndDescendants,
    ObservationContext,
    ObserverContext,
    RelationshipTypeValues,
)
from highdicom.sr.coding import CodedConcept as SrConcept
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, Comprehensive3DSRStorage

from mammo_node.encode import codes, content, groups, library, modules, statement
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import Equipment, PriorResult
from mammo_node.encode.references import series_references
from mammo_node.vocabulary import (
    InstanceRef,
    ModelRef,
    Outcome,
    StudyResult,
    ViewResult,
)

SERIES: Final = SeriesIdentity(
    role="sr",
    modality="SR",
    number=9901,
    description="Mammography AI findings (research use only)",
)
_CONTAINS = RelationshipTypeValues.CONTAINS
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
    _put_document(ds, result)
    _put_evidence(ds, common.references)
    _put_predecessors(ds, predecessors)
    for element in _root(result, common):
        ds[element.tag] = element
    ds.ContentTemplateSequence = DicomSequence([_template_item("1500")])
    return modules.finish(ds, common)


def _put_document(ds: Dataset, result: StudyResult) -> None:
    """Fill the SR Document Series and General modules (PS3.3 C.17.1, C.17.2)."""
    ds.ReferencedPerformedProcedureStepSequence = DicomSequence([])
    ds.PerformedProcedureCodeSequence = DicomSequence([])
    ds.VerificationFlag = "UNVERIFIED"
    complete = result.outcome in (Outcome.FINDINGS, Outcome.NO_FINDINGS)
    ds.CompletionFlag = "COMPLETE" if complete else "PARTIAL"
    if not complete:
        ds.CompletionFlagDescription = f"AI answer: {result.outcome.value}"


def _put_evidence(ds: Dataset, references: Sequence[InstanceRef]) -> None:
    if not references:
        return
    item = Dataset()
    item.StudyInstanceUID = ds.StudyInstanceUID
    item.ReferencedSeriesSequence = DicomSequence(series_references(references))
    ds.CurrentRequestedProcedureEvidenceSequence = DicomSequence([item])


def _put_predecessors(ds: Dataset, predecessors: Sequence[PriorResult]) -> None:
    """Name the reports that this one supersedes (PS3.3 C.17.2, Predecessor Documents)."""
    older = [p for p in predecessors if p.sop_instance_uid != ds.SOPInstanceUID]
    if not older:
        return
    items = []
    for study in dict.fromkeys(prior.study_instance_uid for prior in older):
        refs = [
            InstanceRef(p.sop_class_uid, p.sop_instance_uid, study, p.series_instance_uid, "")
            for p in older
            if p.study_instance_uid == study
        ]
        item = Dataset()
        item.StudyInstanceUID = UID(study)
        item.ReferencedSeriesSequence = DicomSequence(series_references(refs))
        items.append(item)
    ds.PredecessorDocumentsSequence = DicomSequence(items)


def _template_item(identifier: str) -> Dataset:
    item = Dataset()
    item.MappingResource = "DCMR"
    item.TemplateIdentifier = identifier
    return item


def _root(result: StudyResult, common: Common) -> ContainerContentItem:
    root = ContainerContentItem(
        name=codes.sr_concept(codes.IMAGING_MEASUREMENT_REPORT), template_id="1500"
    )
    views = {view.ref.sop_instance_uid: view for view in result.views}
    items = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(_ENGLISH),
            *_observer(common.equipment),
            _procedure_reported(),
            *library.image_library(common.references, views),
        ]
    )
    lesions = [
        g for view in result.views for g in groups.view_groups(result, view, common.identity)
    ]
    if lesions:
        items.append(content.container(codes.IMAGING_MEASUREMENTS, lesions))
    items.append(content.container(codes.QUALITATIVE_EVALUATIONS, _answer(result)))
    root.ContentSequence = items
    return root


def _observer(equipment: Equipment) -> ObservationContext:
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=SrConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
                uid=equipment.device_uid,
                name=statement.plain(equipment.ae_title or equipment.model_name),
                manufacturer_name=statement.plain(equipment.manufacturer),
                model_name=statement.plain(equipment.model_name),
                serial_number=statement.plain(equipment.device_serial_number),
            ),
        )
    )


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
    silent = [v for v in result.views if not statement.is_analysed(result, v)]
    items += [content.text_item(codes.COMMENT, _image_words(result, view)) for view in silent]
    return items


def _image_words(result: StudyResult, view: ViewResult) -> str:
    words = statement.view_statement(result, view)
    return f"{statement.view_name(view)}: {words} (image {view.ref.sop_instance_uid})"


def _model_words(model: ModelRef) -> str:
    return f"Model {model.name} {model.version}, SHA-256 {model.sha256}"
