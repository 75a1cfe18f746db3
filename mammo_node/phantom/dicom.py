"""Write a phantom study as Digital Mammography X-Ray Images (PS3.3 A.26).

For Presentation, or For Processing where the recipe says so. Everything is derived from the pixels
and the seed, UIDs included, so that the same study gives the same files. Patient, place and
equipment are plainly invented.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
)

from mammo_node.phantom.header import describe_pixels, describe_view
from mammo_node.phantom.stored import store
from mammo_node.phantom.view import PhantomStudy, PhantomView

#: Implementation class UID of the phantom writer (a fixed 2.25 UID).
IMPLEMENTATION_CLASS_UID = UID("2.25.250116894273150437281934466127716340113")

#: PS3.3 C.7.6.1.1.1: direction of rows and of columns, by laterality and view.
ORIENTATION = {
    ("L", "CC"): ["A", "R"],
    ("R", "CC"): ["P", "L"],
    ("L", "MLO"): ["A", "FR"],
    ("R", "MLO"): ["P", "FL"],
}
DEFAULT_TIME = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001 - DICOM's DA and TM are local time


def write_study(
    study: PhantomStudy, folder: Path, *, acquired: datetime = DEFAULT_TIME
) -> list[Path]:
    """Write one file per view into `folder` (made if absent), in the study's order.

    Parameters
    ----------
    study
        What `generate_study` returned.
    folder
        Where to; files are named like ``R-CC.dcm``.
    acquired
        Date and time written as study, series and acquisition time.

    Returns
    -------
    list of Path
        The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, ds in enumerate(datasets(study, acquired=acquired)):
        view = study.views[number]
        path = folder / f"{view.laterality}-{view.view}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def datasets(study: PhantomStudy, *, acquired: datetime = DEFAULT_TIME) -> list[Dataset]:
    """Build the study's views as complete datasets with file meta information."""
    digests = [hashlib.sha256(v.pixels.tobytes()).hexdigest() for v in study.views]
    study_key = f"phantom {study.seed} {' '.join(digests)}"
    made = []
    for number, (view, digest) in enumerate(zip(study.views, digests, strict=True), start=1):
        ds = Dataset()
        _patient_and_study(ds, study, study_key, acquired)
        _series_and_equipment(ds, study, study_key, acquired)
        _image(ds, view, number, acquired)
        describe_view(ds, view, study.recipe)
        describe_pixels(ds, store(view, study.recipe))
        ds.SOPInstanceUID = derived_uid(f"{study_key} instance {number} {digest}")
        ds.file_meta = _file_meta(ds)
        made.append(ds)
    return made


def derived_uid(key: str) -> UID:
    """UUID-derived UID (PS3.5 B.2) from a hash of `key`."""
    return UID(f"2.25.{int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], 'big')}")


def _file_meta(ds: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = "MAMMO_PHANTOM"
    return meta


def _patient_and_study(ds: Dataset, study: PhantomStudy, key: str, acquired: datetime) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = f"PHANTOM^SEED {study.seed}"
    ds.PatientID = f"PHANTOM-{study.seed}"
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "F"
    ds.PatientAge = "056Y"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = "Synthetic phantom: no patient"
    ds.StudyInstanceUID = derived_uid(f"{key} study")
    ds.StudyID = f"P{study.seed}"[:16]
    ds.StudyDate = acquired.strftime("%Y%m%d")
    ds.StudyTime = acquired.strftime("%H%M%S")
    ds.AccessionNumber = f"PH{study.seed}"[:16]
    ds.ReferringPhysicianName = None
    ds.StudyDescription = "Synthetic mammography phantom"


def _series_and_equipment(ds: Dataset, study: PhantomStudy, key: str, acquired: datetime) -> None:
    ds.Modality = "MG"
    raw = study.recipe.for_processing
    ds.SOPClassUID = (
        DigitalMammographyXRayImageStorageForProcessing
        if raw
        else DigitalMammographyXRayImageStorageForPresentation
    )
    ds.PresentationIntentType = "FOR PROCESSING" if raw else "FOR PRESENTATION"
    ds.SeriesInstanceUID = derived_uid(f"{key} series")
    ds.SeriesNumber = 1
    ds.SeriesDate = acquired.strftime("%Y%m%d")
    ds.SeriesTime = acquired.strftime("%H%M%S")
    ds.SeriesDescription = f"Phantom, {study.look} look"
    ds.BodyPartExamined = "BREAST"
    ds.Manufacturer = study.recipe.maker.manufacturer
    ds.ManufacturerModelName = study.recipe.maker.model
    ds.InstitutionName = "Synthetic"
    ds.StationName = "PHANTOM"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"


def _image(ds: Dataset, view: PhantomView, number: int, acquired: datetime) -> None:
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.InstanceNumber = number
    ds.ContentDate = ds.AcquisitionDate = acquired.strftime("%Y%m%d")
    ds.ContentTime = ds.AcquisitionTime = acquired.strftime("%H%M%S")
    ds.AcquisitionNumber = number
    ds.PatientOrientation = ORIENTATION[view.laterality, view.view]
    ds.ImageLaterality = view.laterality
    ds.BurnedInAnnotation = "NO"
    ds.AcquisitionContextSequence = Sequence()
