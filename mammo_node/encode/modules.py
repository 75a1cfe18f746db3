"""The modules that all results share: patient, study, equipment, SOP common, file meta."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID
from mammo_node.encode import codes, references, source
from mammo_node.encode.charset import declare_character_set
from mammo_node.encode.identity import ResultIdentity
from mammo_node.encode.objects import Equipment
from mammo_node.header import attributes
from mammo_node.vocabulary import InstanceRef, ModelRef, ViewPicture

_IMPLEMENTATION_VERSION_NAME_LENGTH = 16

#: PS3.3 C.7.1.1 Patient, C.7.2.1 General Study: Type 2.
REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
#: Type 3 of the same, and of C.7.2.2 Patient Study, that archives file and show studies by.
OPTIONAL = (
    "IssuerOfPatientID",
    "PatientBirthTime",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
)


@dataclass(frozen=True, slots=True)
class Common:
    """What all objects of one result are made from."""

    header: Dataset
    """The source image header that patient and study are taken from."""
    raw_texts: Mapping[str, bytes]
    """Its text attributes as they came, where they have not been decoded yet."""
    headers: Mapping[str, Dataset]
    """Source image headers by SOP Instance UID."""
    references: tuple[InstanceRef, ...]
    """Every image that the answer speaks of."""
    identity: ResultIdentity
    equipment: Equipment
    models: tuple[ModelRef, ...]
    content_datetime: datetime
    generation: int
    pictures: Mapping[str, ViewPicture]
    """Pictures of analysed images by SOP Instance UID; empty where nobody made them."""


@dataclass(frozen=True, slots=True)
class SeriesIdentity:
    """One of our series: what tells it apart, and how it is listed."""

    role: str
    modality: str
    number: int
    description: str


def base_dataset(
    common: Common, series: SeriesIdentity, sop_class_uid: str, role: str, instance_number: int
) -> Dataset:
    """Return a dataset with every module that does not depend on the kind of object.

    Parameters
    ----------
    common : Common
        Source, identity and equipment.
    series : SeriesIdentity
        The series that the object belongs to.
    sop_class_uid : str
        SOP Class UID.
    role : str
        What tells this object from the others of the same result.
    instance_number : int
        Instance Number (0020,0013).
    """
    ds = Dataset()
    ds.SOPClassUID = UID(sop_class_uid)
    ds.SOPInstanceUID = UID(common.identity.instance_uid(role))
    _put_patient_and_study(ds, common)
    _put_series(ds, common, series, instance_number)
    _put_equipment(ds, common.equipment)
    _put_contributing_equipment(ds, common)
    _put_content_time(ds, common)
    ds.file_meta = _file_meta(ds, common.equipment)
    return ds


def finish(ds: Dataset, common: Common) -> Dataset:
    """Declare the character set, once everything that is text has been put in."""
    declare_character_set(common.header, ds, common.raw_texts)
    return ds


def _put_patient_and_study(ds: Dataset, common: Common) -> None:
    ds.StudyInstanceUID = UID(common.identity.study_instance_uid)
    source.copy_required(common.header, ds, REQUIRED)
    source.copy_optional(common.header, ds, OPTIONAL)
    _copy_deidentification(common.header, ds)


def _copy_deidentification(header: Dataset, ds: Dataset) -> None:
    """Say that the patient's identity was removed, where the source says so and how.

    PS3.3 C.7.1.1: 'YES' requires a method, so both are taken over or none.
    """
    method = source.source_value(header, "DeidentificationMethod")
    if source.source_value(header, "PatientIdentityRemoved") == "YES" and method is not None:
        ds.PatientIdentityRemoved = "YES"
        source.put(ds, "DeidentificationMethod", method)


def _put_series(ds: Dataset, common: Common, series: SeriesIdentity, instance_number: int) -> None:
    ds.Modality = series.modality
    ds.SeriesInstanceUID = UID(common.identity.series_uid(series.role))
    ds.SeriesNumber = series.number
    ds.SeriesDescription = series.description
    ds.InstanceNumber = instance_number


def _put_equipment(ds: Dataset, equipment: Equipment) -> None:
    ds.Manufacturer = equipment.manufacturer
    ds.ManufacturerModelName = equipment.model_name
    ds.DeviceSerialNumber = equipment.device_serial_number
    ds.SoftwareVersions = equipment.software_version
    if equipment.institution_name:
        ds.InstitutionName = equipment.institution_name
    if equipment.station_name:
        ds.StationName = equipment.station_name


def _put_contributing_equipment(ds: Dataset, common: Common) -> None:
    """Name every model (PS3.3 C.12.1, one item per algorithm)."""
    items = [_algorithm_item(model, common.equipment) for model in common.models]
    if items:
        ds.ContributingEquipmentSequence = Sequence(items)


def _algorithm_item(model: ModelRef, equipment: Equipment) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = references.code_sequence(codes.PROCESSING_EQUIPMENT)
    item.Manufacturer = equipment.manufacturer
    item.ManufacturerModelName = model.name[:64]
    item.SoftwareVersions = model.version[:64]
    item.ContributionDescription = f"Model file SHA-256 {model.sha256}"
    return item


def _put_content_time(ds: Dataset, common: Common) -> None:
    """Date and time of the content, in the zone in which the study's own times are.

    Timezone Offset From UTC (0008,0201) speaks for every time in the object. Where the
    source says its zone, ours are converted to it; where not, the caller's zone stands
    and, like the source, the object does not name one.
    """
    when = common.content_datetime
    offset = _source_offset(common.header)
    if offset is not None and when.tzinfo is not None:
        when = when.astimezone(timezone(offset))
        ds.TimezoneOffsetFromUTC = when.strftime("%z")
    ds.ContentDate = ds.InstanceCreationDate = when.strftime("%Y%m%d")
    ds.ContentTime = ds.InstanceCreationTime = when.strftime("%H%M%S")


def _source_offset(header: Dataset) -> timedelta | None:
    text = attributes.text(header, "TimezoneOffsetFromUTC") or ""
    try:
        parsed = datetime.strptime(text, "%z")
    except ValueError:
        return None
    return parsed.utcoffset()


def _file_meta(ds: Dataset, equipment: Equipment) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    name = f"MAMMONODE_{equipment.software_version}"
    meta.ImplementationVersionName = name[:_IMPLEMENTATION_VERSION_NAME_LENGTH]
    if equipment.ae_title:
        meta.SourceApplicationEntityTitle = equipment.ae_title
    return meta
