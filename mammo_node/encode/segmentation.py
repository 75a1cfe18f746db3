"""Segmentations (PS3.3 A.51): where the breast is, and what made the models score.

Rules:

* One object per map and image, on the image's own grid: frames of one object have one size,
  and mammograms have no Frame of Reference that would carry maps from one to another.
* The breast is BINARY, a bit a pixel. A relevance map is FRACTIONAL; of the two types that
  there are, PROBABILITY comes near, and the description says that it is none.
* highdicom builds the object; patient, study, series and UIDs are ours, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationFractionalTypeValues,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.dataset import Dataset
from pydicom.uid import UID, SegmentationStorage

from mammo_node.encode import codes, maps, modules, source, statement
from mammo_node.encode.identity import derived_uid
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.vocabulary import (
    CodedConcept,
    StudyResult,
    ViewPicture,
    ViewResult,
)

SERIES: Final = SeriesIdentity(
    role="seg",
    modality="SEG",
    number=9940,
    description="Mammography AI maps (research use only)",
)
#: Room for the objects of one generation in Instance Number (0020,0013).
_PER_GENERATION: Final = 1000
_CREATOR: Final = "MammoAI^"
#: PS3.3 C.8.20.2.3: a byte a pixel.
_FRACTIONS: Final = 255
_LO_LENGTH: Final = 64
_OUTLINER: Final = "mammo_node breast outline"


@dataclass(frozen=True, slots=True)
class _Map:
    """One map of one image, and how it is described."""

    role: str
    label: str
    content_label: str
    description: str
    category: CodedConcept
    kind: CodedConcept
    family: CodedConcept
    algorithm: tuple[str, str]
    """Name and version."""
    pixels: npt.NDArray[Any]
    """(rows, columns), bool or float32 in 0..1."""

    @property
    def is_binary(self) -> bool:
        return bool(self.pixels.dtype == np.bool_)


def segmentations(
    result: StudyResult, common: Common, _: Sequence[PriorResult] = ()
) -> list[Dataset]:
    """Return the maps of all analysed images, in the order of the views; none without any."""
    made = []
    number = max(common.generation, 0) * _PER_GENERATION
    for view in result.views:
        picture = common.pictures.get(view.ref.sop_instance_uid)
        for one in _maps(result, picture, common) if picture is not None else ():
            number += 1
            made.append(_segmentation(view, one, common, number))
    return made


def _maps(result: StudyResult, picture: ViewPicture, common: Common) -> Iterator[_Map]:
    if picture.breast is not None and picture.breast.any():
        yield _Map(
            role="breast",
            label="Breast",
            content_label="BREAST",
            description="Where the breast is, by grey level",
            category=codes.ANATOMICAL_STRUCTURE,
            kind=codes.BREAST,
            family=codes.HISTOGRAM_ANALYSIS,
            algorithm=(_OUTLINER, common.equipment.software_version),
            pixels=picture.breast,
        )
    if picture.relevance is not None:
        names = ", ".join(model.name for model in result.models)
        versions = ", ".join(model.version for model in result.models)
        yield _Map(
            role="relevance",
            label="Relevance",
            content_label="RELEVANCE",
            description="What made the AI models score; no probability of disease",
            category=codes.SPATIAL_CONCEPT,
            kind=codes.FINDINGS["suspicious-region"],
            family=codes.ARTIFICIAL_INTELLIGENCE,
            algorithm=(
                statement.plain(maps.maker(picture.map_kinds, names)) or "unknown",
                statement.plain(versions) or "unknown",
            ),
            pixels=np.clip(picture.relevance, 0.0, 1.0),
        )


def _segmentation(view: ViewResult, one: _Map, common: Common, number: int) -> Dataset:
    role = f"seg/{one.role}/{view.ref.sop_instance_uid}"
    ds = modules.base_dataset(common, SERIES, SegmentationStorage, role, number)
    source.copy_required(
        common.headers.get(view.ref.sop_instance_uid, Dataset()), ds, ["PatientOrientation"]
    )
    made = _built(view, one, ds)
    for element in made:
        # Its own Contributing Equipment names the library and the time of day.
        if element.tag not in ds and element.keyword != "ContributingEquipmentSequence":
            ds[element.tag] = element
    ds["PixelData"].VR = "OB"
    _put_dimension_uid(ds)
    _put_pixel_measures(ds, view)
    return modules.finish(ds, common)


def _put_pixel_measures(ds: Dataset, view: ViewResult) -> None:
    """Say how large a pixel is (PS3.3 C.7.6.16.2.1).

    The standard does not ask for it without a frame of reference, but viewers look for it
    before they look for anything else: OHIF's page does not survive its absence.
    """
    if view.spacing is None:
        return
    item = Dataset()
    item.PixelSpacing = [f"{view.spacing.row_mm:.8g}", f"{view.spacing.column_mm:.8g}"]
    ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = [item]


def _built(view: ViewResult, one: _Map, ds: Dataset) -> Segmentation:
    kind = SegmentationTypeValues.BINARY if one.is_binary else SegmentationTypeValues.FRACTIONAL
    return Segmentation(
        source_images=[_image(view)],
        pixel_array=one.pixels[None],
        segmentation_type=kind,
        segment_descriptions=[_segment(one)],
        series_instance_uid=ds.SeriesInstanceUID,
        series_number=ds.SeriesNumber,
        sop_instance_uid=ds.SOPInstanceUID,
        instance_number=ds.InstanceNumber,
        manufacturer=ds.Manufacturer,
        manufacturer_model_name=ds.ManufacturerModelName,
        software_versions=ds.SoftwareVersions,
        device_serial_number=ds.DeviceSerialNumber,
        fractional_type=SegmentationFractionalTypeValues.PROBABILITY,
        max_fractional_value=_FRACTIONS,
        content_label=one.content_label,
        content_description=statement.shortened(
            f"{statement.view_name(view)}: {one.description}", _LO_LENGTH
        ),
        content_creator_name=_CREATOR,
        # An empty relevance map is an answer too.
        omit_empty_frames=False,
    )


def _image(view: ViewResult) -> Dataset:
    """Return the image as highdicom needs it: who it is and its size, nothing of its header."""
    image = Dataset()
    image.SOPClassUID = UID(view.ref.sop_class_uid)
    image.SOPInstanceUID = UID(view.ref.sop_instance_uid)
    image.StudyInstanceUID = UID(view.ref.study_instance_uid)
    image.SeriesInstanceUID = UID(view.ref.series_instance_uid)
    image.Modality = "MG"
    image.Rows, image.Columns = view.rows, view.columns
    for keyword in modules.REQUIRED:
        setattr(image, keyword, None)
    return image


def _segment(one: _Map) -> SegmentDescription:
    name, version = (text[:_LO_LENGTH] for text in one.algorithm)
    return SegmentDescription(
        segment_number=1,
        segment_label=one.label,
        segmented_property_category=codes.sr_concept(one.category),
        segmented_property_type=codes.sr_concept(one.kind),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=name, family=codes.sr_concept(one.family), version=version
        ),
    )


def _put_dimension_uid(ds: Dataset) -> None:
    """Derive the Dimension Organization UID (0020,9164): highdicom draws it by lot."""
    uid = UID(derived_uid("dimensions", str(ds.SOPInstanceUID)))
    ds.DimensionOrganizationSequence[0].DimensionOrganizationUID = uid
    for index in ds.DimensionIndexSequence:
        index.DimensionOrganizationUID = uid
