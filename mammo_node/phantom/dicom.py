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

from mammo_node.phantom.look import Look
from mammo_node.phantom.stored import Stored, store
from mammo_node.phantom.vendors import MONOCHROME1
from mammo_node.phantom.view import PhantomStudy, PhantomView

#: Implementation class UID of the phantom writer (a fixed 2.25 UID).
IMPLEMENTATION_CLASS_UID = UID("2.25.250116894273150437281934466127716340113")

#: PS3.16 CID 4014.
VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}
#: PS3.16 CID 4015.
IMPLANT_DISPLACED = ("399209000", "Implant Displaced")
SPOT_COMPRESSION = ("399055006", "Spot Compression")
MAGNIFICATION = ("399163009", "Magnification")
#: Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) of JPEG 2000.
JPEG_2000 = "ISO_15444_1"
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
        _derivation(ds, study.recipe)
        _mammography(ds, view, study.recipe)
        _pixels(ds, store(view, study.recipe))
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


def _derivation(ds: Dataset, look: Look) -> None:
    ds.DerivationDescription = "Rendered from a procedural model of a breast"
    ds.LossyImageCompression = "00" if look.lossy_ratio is None else "01"
    if look.lossy_ratio is not None:
        ds.LossyImageCompressionRatio = f"{look.lossy_ratio:.1f}"
        ds.LossyImageCompressionMethod = JPEG_2000


def _view_modifiers(view: PhantomView, look: Look) -> list[Dataset]:
    found = [IMPLANT_DISPLACED] if view.implant and view.implant_displaced else []
    if look.spot is not None:
        found += [SPOT_COMPRESSION] + [MAGNIFICATION] * (look.spot.magnification > 1.0)
    return [_code(value, "SCT", meaning) for value, meaning in found]


def _mammography(ds: Dataset, view: PhantomView, look: Look) -> None:
    magnification = look.spot.magnification if look.spot else 1.0
    spacing = f"{view.pixel_spacing_mm * magnification:.6g}"
    value, meaning = VIEW_CODES[view.view]
    view_code = _code(value, "SCT", meaning)
    view_code.ViewModifierCodeSequence = Sequence(_view_modifiers(view, look))
    ds.ViewCodeSequence = Sequence([view_code])
    ds.ViewPosition = view.view
    ds.AnatomicRegionSequence = Sequence([_code("76752008", "SCT", "Breast")])
    ds.ImagerPixelSpacing = [spacing, spacing]
    ds.EstimatedRadiographicMagnificationFactor = f"{magnification:g}"
    ds.PositionerType = "MAMMOGRAPHIC"
    ds.PositionerPrimaryAngle = "45" if view.view == "MLO" else "0"
    ds.OrganExposed = "BREAST"
    ds.BreastImplantPresent = "YES" if view.implant else "NO"
    ds.PartialView = "YES" if magnification > 1.0 else "NO"
    ds.DetectorType = look.maker.detector
    ds.DetectorID = "PHANTOM"
    ds.KVP = "28"
    ds.AnodeTargetMaterial, ds.FilterMaterial = look.beam
    ds.BodyPartThickness = f"{view.compressed_mm:.1f}"
    ds.CompressionForce = "100"
    ds.DistanceSourceToDetector = "660"
    ds.DistanceSourceToPatient = f"{660 / magnification:.0f}"


def _pixels(ds: Dataset, stored: Stored) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = stored.photometric
    ds.Rows, ds.Columns = stored.values.shape
    ds.BitsAllocated = 8 * stored.values.itemsize
    ds.BitsStored, ds.HighBit = stored.bits_stored, stored.bits_stored - 1
    ds.PixelRepresentation = 0
    inverse = stored.photometric == MONOCHROME1
    raw = ds.PresentationIntentType == "FOR PROCESSING"
    ds.PixelIntensityRelationship = "LIN" if raw else "LOG"
    # PS3.3 C.8.11.3.1.2: -1 where a higher value means that less got through.
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    _showing(ds, stored)
    if stored.padding is not None:
        ds.PixelPaddingValue, ds.PixelPaddingRangeLimit = stored.padding
    little_endian = stored.values.astype(stored.values.dtype.newbyteorder("<"))
    ds.PixelData = little_endian.tobytes()
    ds["PixelData"].VR = "OW"


def _showing(ds: Dataset, stored: Stored) -> None:
    """Windows or tables (PS3.3 C.11.2); detector values have neither."""
    if stored.windows:
        ds.WindowCenter = [f"{window.centre:.0f}" for window in stored.windows]
        ds.WindowWidth = [f"{window.width:.0f}" for window in stored.windows]
        ds.WindowCenterWidthExplanation = [window.explanation for window in stored.windows]
        ds.VOILUTFunction = "SIGMOID" if stored.sigmoid else "LINEAR"
    items = []
    for table in stored.tables:
        item = Dataset()
        # 2^16 entries are written as 0.
        item.add_new("LUTDescriptor", "US", [len(table.data) % 2**16, 0, 12])
        item.LUTExplanation = table.explanation
        item.add_new("LUTData", "OW", table.data.astype("<u2").tobytes())
        items.append(item)
    if items:
        ds.VOILUTSequence = Sequence(items)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
