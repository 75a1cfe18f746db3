"""One Grayscale Softcopy Presentation State (PS3.3 A.33.1) per image of the answer.

What a reader sees who turns the state on:

* each lesion with its outline, number, label, score and size;
* at the bottom edge what the answer says of this image (also that there are no findings,
  or that and why it was not analysed) and that it is for research use only;
* otherwise exactly the image as the modality meant it: window, VOI LUT and polarity of the
  source, the whole image, no rotation and no flip.

An image without findings has a state too: an image without one could as well be an image
that nobody analysed. Images that no mammography viewer shows as they are (For Processing,
tomosynthesis, colour, unknown size) have their answer in the report alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    GrayscaleSoftcopyPresentationStateStorage,
)

from mammo_node.encode import annotation, greyscale, modules, references, statement
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.header import attributes
from mammo_node.vocabulary import Laterality, StudyResult, ViewResult

_SERIES = SeriesIdentity(
    role="gsps",
    modality="PR",
    number=9910,
    description="Mammography AI marks (research use only)",
)
#: Laterality (0020,0060) is one per series, so each side has a series of its own.
_SIDES: Final[tuple[Laterality | None, ...]] = (None, Laterality.RIGHT, Laterality.LEFT)
_SIDE_NAMES = {Laterality.RIGHT: "right", Laterality.LEFT: "left"}
#: PS3.3 C.11.10: VR CS.
_CONTENT_LABEL = "MAMMO_AI"
_LO_LENGTH = 64
_CREATOR = "MammoAI^"
#: Room for the states of one generation in Instance Number (0020,0013).
_PER_GENERATION = 1000


def presentation_states(result: StudyResult, common: Common) -> list[Dataset]:
    """Return the presentation states of a study, in the order of its views."""
    states = []
    for number, view in enumerate(result.views, start=1):
        header = common.headers.get(view.ref.sop_instance_uid)
        if header is not None and _can_have_state(result, view, header):
            states.append(_state(result, view, number, common, header))
    return states


def _can_have_state(result: StudyResult, view: ViewResult, header: Dataset) -> bool:
    shown = (
        statement.is_analysed(result, view)
        or view.ref.sop_class_uid == DigitalMammographyXRayImageStorageForPresentation
    )
    photometric = attributes.text(header, "PhotometricInterpretation")
    sized = view.rows > 0 and view.columns > 0
    return shown and sized and photometric in greyscale.MONOCHROME


def _state(
    result: StudyResult, view: ViewResult, number: int, common: Common, header: Dataset
) -> Dataset:
    instance_number = max(common.generation, 0) * _PER_GENERATION + number
    ds = modules.base_dataset(
        common,
        _series(view.laterality),
        GrayscaleSoftcopyPresentationStateStorage,
        f"gsps/{view.ref.sop_instance_uid}",
        instance_number,
    )
    ds.Laterality = view.laterality.value if view.laterality else ""
    _put_identification(ds, result, view)
    image = references.reference_item(view.ref.sop_class_uid, view.ref.sop_instance_uid)
    ds.ReferencedSeriesSequence = _relationship(view, image)
    ds.DisplayedAreaSelectionSequence = Sequence([_displayed_area(view, image)])
    annotation.put_annotations(ds, result, view, image, common.identity)
    greyscale.put_greyscale(header, ds)
    return modules.finish(ds, common)


def _series(side: Laterality | None) -> SeriesIdentity:
    if side is None:
        return _SERIES
    return replace(
        _SERIES,
        role=f"gsps/{side.value}",
        number=_SERIES.number + _SIDES.index(side),
        description=f"Mammography AI marks, {_SIDE_NAMES[side]} (research use only)",
    )


def _put_identification(ds: Dataset, result: StudyResult, view: ViewResult) -> None:
    """Fill Presentation State Identification (PS3.3 C.11.10)."""
    ds.ContentLabel = _CONTENT_LABEL
    words = statement.view_statement(result, view)
    ds.ContentDescription = statement.shortened(f"{statement.view_name(view)}: {words}", _LO_LENGTH)
    ds.ContentCreatorName = _CREATOR
    ds.PresentationCreationDate = ds.pop("ContentDate").value
    ds.PresentationCreationTime = ds.pop("ContentTime").value


def _relationship(view: ViewResult, image: Dataset) -> Sequence:
    """Return the Presentation State Relationship (PS3.3 C.11.11): this one image."""
    item = Dataset()
    item.SeriesInstanceUID = UID(view.ref.series_instance_uid)
    item.ReferencedImageSequence = Sequence([image])
    return Sequence([item])


def _displayed_area(view: ViewResult, image: Dataset) -> Dataset:
    """Return the whole image, scaled to fit (PS3.3 C.10.4)."""
    item = Dataset()
    item.ReferencedImageSequence = Sequence([image])
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = [view.columns, view.rows]
    item.PresentationSizeMode = "SCALE TO FIT"
    if view.spacing is not None:
        item.PresentationPixelSpacing = [
            f"{view.spacing.row_mm:.8g}",
            f"{view.spacing.column_mm:.8g}",
        ]
    else:
        item.PresentationPixelAspectRatio = [1, 1]
    return item
