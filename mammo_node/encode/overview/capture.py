"""The overview as a Secondary Capture image (PS3.3 A.8.1): the picture that every viewer shows.

Rules:

* Nothing on it says who the patient is: name, ID and accession number stand in the header,
  where the archive files by them. Burned In Annotation (0028,0301) follows the images that
  are shown: film has labels of its own.
* Modality is OT: no hanging protocol takes the sheet for a mammogram.
* There is no pixel spacing: nobody measures on it by mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import SecondaryCaptureImageStorage

from mammo_node.encode import codes, modules, references, source, statement
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.encode.overview.canvas import Picture
from mammo_node.encode.overview.sheet import Imprint, draw_sheet
from mammo_node.encode.typeface import Typeface
from mammo_node.header import attributes
from mammo_node.vocabulary import StudyResult

SERIES: Final = SeriesIdentity(
    role="overview",
    modality="OT",
    number=9930,
    description="Mammography AI overview (research use only)",
)
#: Room for the sheets of one generation in Instance Number (0020,0013).
_PER_GENERATION: Final = 10
_LOSSY: Final = "01"


def overviews(result: StudyResult, common: Common, _: Sequence[PriorResult] = ()) -> list[Dataset]:
    """Return the overview of a study, and a second one with relevance maps if there are any.

    Secondary Capture has no place for predecessors: the sheet itself says which result
    of the study it is.
    """
    heated = any(picture.heat is not None for picture in common.pictures.values())
    typeface = Typeface()
    return [
        _overview(result, common, typeface, heat=heat)
        for heat in ((False, True) if heated else (False,))
    ]


def shows_relevance(ds: Dataset) -> bool:
    """Whether one of these objects is the one with relevance maps."""
    return bool(int(ds.InstanceNumber) % _PER_GENERATION)


def imprint(common: Common) -> Imprint:
    """Return what a sheet says of study and maker."""
    date = source.source_value(common.header, "StudyDate") or ""
    return Imprint(
        study_date=printed_date(date),
        generation=max(common.generation, 1),
        made_by=f"{common.equipment.model_name} {common.equipment.software_version}",
        made_at=common.content_datetime.strftime("%Y-%m-%d %H:%M"),
    )


def printed_date(date: str) -> str:
    """Return a DICOM date as people write it down: 2026-11-21."""
    return "-".join((date[:4], date[4:6], date[6:8])) if date else ""


def _overview(result: StudyResult, common: Common, typeface: Typeface, *, heat: bool) -> Dataset:
    number = max(common.generation, 1) * _PER_GENERATION + int(heat)
    role = "overview/relevance" if heat else "overview"
    ds = modules.base_dataset(common, SERIES, SecondaryCaptureImageStorage, role, number)
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.ConversionType = "WSD"
    ds.DateOfSecondaryCapture, ds.TimeOfSecondaryCapture = ds.ContentDate, ds.ContentTime
    # Both sides in one picture (PS3.3 C.8.11.3); so Laterality (0020,0060) is not needed.
    ds.ImageLaterality = "B"
    ds.PatientOrientation = ""
    ds.ImageComments = statement.study_statement(result)
    ds.DerivationDescription = f"AI overview. {statement.RESEARCH_USE}"
    _put_sources(ds, common)
    drawn = draw_sheet(result, common.pictures, imprint(common), heat=heat, typeface=typeface)
    _put_pixels(ds, drawn)
    return modules.finish(ds, common)


def _put_pixels(ds: Dataset, rgb: Picture) -> None:
    """Fill the Image Pixel module (PS3.3 C.7.6.3)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.Rows, ds.Columns = rgb.shape[:2]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = rgb.tobytes()
    ds["PixelData"].VR = "OB"


def _put_sources(ds: Dataset, common: Common) -> None:
    """Name the images that are shown, and say what they bring with them."""
    shown = [ref for ref in common.references if ref.sop_instance_uid in common.pictures]
    headers = [common.headers.get(ref.sop_instance_uid, Dataset()) for ref in shown]
    if shown:
        items = [references.reference_item(r.sop_class_uid, r.sop_instance_uid) for r in shown]
        for item in items:
            item.PurposeOfReferenceCodeSequence = references.code_sequence(
                codes.SOURCE_FOR_PROCESSING
            )
        ds.SourceImageSequence = DicomSequence(items)
    _put_burned_in(ds, headers)
    _put_lossy(ds, headers)


def _put_burned_in(ds: Dataset, headers: Sequence[Dataset]) -> None:
    """Say whether pixels tell who the patient is; nothing where an image does not say (Type 3)."""
    said = {attributes.text(header, "BurnedInAnnotation") for header in headers}
    if "YES" in said:
        ds.BurnedInAnnotation = "YES"
    elif said <= {"NO"}:
        ds.BurnedInAnnotation = "NO"


def _put_lossy(ds: Dataset, headers: Sequence[Dataset]) -> None:
    """Once lossy, always lossy (PS3.3 C.7.6.1.1.5): method and ratio of the images that were."""
    for header in headers:
        ratio = source.source_value(header, "LossyImageCompressionRatio")
        method = source.source_value(header, "LossyImageCompressionMethod")
        if attributes.text(header, "LossyImageCompression") == _LOSSY and ratio and method:
            ds.LossyImageCompression = _LOSSY
            source.put(ds, "LossyImageCompressionRatio", ratio)
            source.put(ds, "LossyImageCompressionMethod", method)
            return
    if not any(attributes.text(h, "LossyImageCompression") == _LOSSY for h in headers):
        ds.LossyImageCompression = "00"
