"""Small result objects for delivery tests: valid enough to be stored, without a patient."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mammo_node.dimse.outcome import StoredObject

COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def write_report(
    folder: Path,
    number: int,
    *,
    sop_class_uid: str = COMPREHENSIVE_3D_SR,
    padding_bytes: int = 0,
) -> StoredObject:
    """Write an SR with nothing but its title; ``padding_bytes`` makes it as large as wanted."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = f"2.25.{number}"
    dataset.StudyInstanceUID = "2.25.900"
    dataset.SeriesInstanceUID = "2.25.901"
    dataset.PatientID = "PHANTOM"
    dataset.PatientName = "PHANTOM^"
    dataset.Modality = "SR"
    dataset.InstanceNumber = number
    title = Dataset()
    title.CodeValue = "126000"
    title.CodingSchemeDesignator = "DCM"
    title.CodeMeaning = "Imaging Measurement Report"
    dataset.ValueType = "CONTAINER"
    dataset.ConceptNameCodeSequence = [title]
    if padding_bytes:
        dataset.add_new((0x0009, 0x0010), "LO", "PADDING")
        dataset.add_new((0x0009, 0x1001), "OB", bytes(padding_bytes))
    path = folder / f"{number}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return StoredObject(path, sop_class_uid, dataset.SOPInstanceUID, str(ExplicitVRLittleEndian))
