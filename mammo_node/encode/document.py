"""What structured reports share: their modules (PS3.3 C.17.1 to C.17.3), and who observed."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
from highdicom.sr.coding import CodedConcept as SrConcept
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from mammo_node.encode import statement
from mammo_node.encode.objects import Equipment, PriorResult
from mammo_node.encode.references import series_references
from mammo_node.vocabulary import InstanceRef, Outcome, StudyResult


def put_document(ds: Dataset, result: StudyResult) -> None:
    """Fill the SR Document Series and General modules (PS3.3 C.17.1, C.17.2)."""
    ds.ReferencedPerformedProcedureStepSequence = DicomSequence([])
    ds.PerformedProcedureCodeSequence = DicomSequence([])
    ds.VerificationFlag = "UNVERIFIED"
    complete = result.outcome in (Outcome.FINDINGS, Outcome.NO_FINDINGS)
    ds.CompletionFlag = "COMPLETE" if complete else "PARTIAL"
    if not complete:
        ds.CompletionFlagDescription = f"AI answer: {result.outcome.value}"


def put_evidence(ds: Dataset, references: Sequence[InstanceRef]) -> None:
    """Name the images that the document refers to (PS3.3 C.17.2); nothing without any."""
    if not references:
        return
    item = Dataset()
    item.StudyInstanceUID = ds.StudyInstanceUID
    item.ReferencedSeriesSequence = DicomSequence(series_references(references))
    ds.CurrentRequestedProcedureEvidenceSequence = DicomSequence([item])


def put_predecessors(ds: Dataset, predecessors: Sequence[PriorResult]) -> None:
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


def put_content(ds: Dataset, root: Dataset, template: str) -> None:
    """Make the root container the document's content (PS3.3 C.17.3, C.18.8)."""
    for element in root:
        ds[element.tag] = element
    item = Dataset()
    item.MappingResource = "DCMR"
    item.TemplateIdentifier = template
    ds.ContentTemplateSequence = DicomSequence([item])


def device_observer(equipment: Equipment) -> ObserverContext:
    """Return the node as the observer (TID 1002, 1004)."""
    return ObserverContext(
        observer_type=SrConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=equipment.device_uid,
            name=statement.plain(equipment.ae_title or equipment.model_name),
            manufacturer_name=statement.plain(equipment.manufacturer),
            model_name=statement.plain(equipment.model_name),
            serial_number=statement.plain(equipment.device_serial_number),
        ),
    )
