"""The object that a probe stores: a Secondary Capture that says what it is, of no patient.

The study is the same for every probe of a destination, so that an archive gathers one test
study and not many; the instance is new each time, so that finding it proves something.
"""

from __future__ import annotations

import hashlib
import io
import uuid
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

PATIENT_NAME = "TEST^MAMMO_NODE PROBE"
PATIENT_ID = "MAMMO_NODE-PROBE"
_SHAPE = (192, 512)
_LINES = ("TEST OBJECT", "mammo_node probe: no patient, may be deleted", "for research use only")


@dataclass(frozen=True, slots=True)
class TestObject:
    """A PS3.10 file and the UIDs to find it by."""

    __test__ = False  # pytest takes the name for its own

    content: bytes
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


def make_test_object(address: str, software_version: str, at: datetime) -> TestObject:
    """Return the test object of a probe.

    Parameters
    ----------
    address : str
        The destination's; decides study and series.
    software_version : str
        Ours.
    at : datetime
        When; decides the instance.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.StudyInstanceUID = _uid("study", address)
    ds.SeriesInstanceUID = _uid("series", address)
    ds.SOPInstanceUID = _uid("instance", address, at.isoformat())
    _describe(ds, software_version, at)
    _draw(ds)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return TestObject(
        content=buffer.getvalue(),
        sop_class_uid=ds.SOPClassUID,
        study_instance_uid=ds.StudyInstanceUID,
        series_instance_uid=ds.SeriesInstanceUID,
        sop_instance_uid=ds.SOPInstanceUID,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )


def _uid(*parts: str) -> str:
    """Return a UID of a UUID that is derived from a hash (PS3.5 B.2)."""
    digest = hashlib.sha256("\0".join(("mammo_node probe", *parts)).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def _describe(ds: Dataset, software_version: str, at: datetime) -> None:
    """Add patient, study, series, equipment and general image (PS3.3 A.8.1)."""
    ds.PatientName, ds.PatientID = PATIENT_NAME, PATIENT_ID
    ds.PatientBirthDate = ds.PatientSex = ""
    ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ds.ReferringPhysicianName = ""
    ds.StudyID = "PROBE"
    ds.StudyDescription = "TEST of mammo_node, no patient"
    ds.SeriesDescription = "TEST objects of mammo_node probe"
    ds.Modality, ds.SeriesNumber = "OT", 1
    ds.InstanceNumber = 1
    ds.Laterality = ""
    ds.PatientOrientation = []
    ds.Manufacturer = ds.ManufacturerModelName = "mammo_node"
    ds.SoftwareVersions = software_version
    ds.ConversionType = "SYN"
    ds.ContentDate, ds.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S.%f")
    ds.ImageComments = "Test object of mammo_node probe. No patient. May be deleted."


def _draw(ds: Dataset) -> None:
    pixels = np.zeros(_SHAPE, np.uint8)
    for number, line in enumerate(_LINES):
        place, size = (16, 56 + 48 * number), 1.2 if number == 0 else 0.6
        cv2.putText(pixels, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    ds.Rows, ds.Columns = _SHAPE
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.PixelRepresentation = 0
    ds.BurnedInAnnotation = "NO"
    ds.PixelData = pixels.tobytes()
