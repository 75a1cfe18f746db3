"""Which images are analysed, and why the others are not: a pure gate on the header.

The checks stand in the order of a reader's questions (what is it, is it a whole breast,
which one, can its greys and sizes be understood) and the first that fails is the answer.
Details name attributes and what they say, never anything about the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from mammo_node.header import ViewModifier, attributes, laterality_evidence, view_evidence
from mammo_node.image.orientation import directions, rotated
from mammo_node.image.spacing import MAGNIFIED, magnification, spacing_from
from mammo_node.vocabulary import Laterality, Refusal, RefusalReason, Spacing, View

_SECONDARY_CAPTURE = frozenset(
    {
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
#: Projections of the whole breast; axillary tail and cleavage views are not among them.
FULL_VIEWS = frozenset(set(View) - {View.AT, View.CV})
#: Modifiers of images that show the whole breast all the same.
_WHOLE_BREAST = frozenset(
    {
        ViewModifier.IMPLANT_DISPLACED,
        ViewModifier.NIPPLE_IN_PROFILE,
        ViewModifier.ROLLED_INFERIOR,
        ViewModifier.ROLLED_LATERAL,
        ViewModifier.ROLLED_MEDIAL,
        ViewModifier.ROLLED_SUPERIOR,
    }
)
#: Image Type value 3 of stereotactic and biopsy images (PS3.3 Tables C.8-74a and C.8-74b).
_BIOPSY_TYPES = ("STEREO_", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER")
#: Image Type value 3 of tomosynthesis projections and slices (PS3.3 Table C.8-74b).
_TOMOSYNTHESIS_TYPES = ("TOMO",)
#: Image Type value 4 of an image calculated from a tomosynthesis volume (Table C.8-74d).
_GENERATED_2D = "GENERATED_2D"
#: Contrast-enhanced images that do not look like mammograms (Tables C.8-74d and C.8-74e);
#: the low-energy image does and is analysed.
_CONTRAST_TYPES = frozenset({"ADDITION", "SUBTRACTION", "HIGH_ENERGY"})
#: Hologic's tomosynthesis volumes in Secondary Capture objects keep them in this group.
_HOLOGIC_SCO_GROUP = 0x7E01


@dataclass(frozen=True, slots=True)
class Policy:
    """What is analysed beyond plain mammograms for presentation."""

    secondary_capture: bool = False
    """Secondary Capture that says laterality and view, for example digitised film."""
    implants: bool = False
    """Views with an implant that is not displaced."""
    generated_2d: bool = False
    """2D images calculated from tomosynthesis."""
    views: frozenset[View] = FULL_VIEWS
    max_pixels: int = 100_000_000
    """Largest Rows x Columns that is decoded."""


@dataclass(frozen=True, slots=True)
class Suitable:
    """What the gate read on the way, for an image that may be analysed."""

    laterality: Laterality
    view: View
    spacing: Spacing
    implant_displaced: bool


_Check = Callable[[Dataset, Policy], Refusal | None]


def assess(ds: Dataset, policy: Policy) -> Refusal | Suitable:
    """Say whether an image is analysed, by its header alone.

    Never raises: garbled attributes count as absent.
    """
    for check in _CHECKS:
        refusal = check(ds, policy)
        if refusal is not None:
            return refusal
    return _suitable(ds)


def _suitable(ds: Dataset) -> Refusal | Suitable:
    side, view, spacing = laterality_evidence(ds), view_evidence(ds), spacing_from(ds)
    if side.laterality is None:
        return _no_laterality(conflict=side.conflict, both=side.both)
    if view.view is None:
        return Refusal(RefusalReason.VIEW, "neither View Code Sequence nor View Position is known")
    if spacing is None:
        return Refusal(
            RefusalReason.SPACING,
            "no Imager Pixel Spacing or Pixel Spacing between 0.005 and 1 mm: sizes are unknown",
        )
    displaced = ViewModifier.IMPLANT_DISPLACED in view.modifiers
    return Suitable(side.laterality, view.view, spacing, displaced)


def _sop_class(ds: Dataset, policy: Policy) -> Refusal | None:
    uid = attributes.uid(ds, "SOPClassUID")
    if _is_hologic_sco(ds):
        return Refusal(
            RefusalReason.VENDOR_PRIVATE,
            "tomosynthesis in a vendor's private format (Hologic Secondary Capture Object)",
        )
    if uid == BreastTomosynthesisImageStorage:
        return Refusal(RefusalReason.TOMOSYNTHESIS, "breast tomosynthesis is not analysed")
    if uid in _SECONDARY_CAPTURE and not policy.secondary_capture:
        return Refusal(
            RefusalReason.SECONDARY_CAPTURE, "Secondary Capture is not analysed by configuration"
        )
    if uid not in _SECONDARY_CAPTURE | {
        DigitalMammographyXRayImageStorageForPresentation,
        DigitalMammographyXRayImageStorageForProcessing,
    }:
        name = uid.name if uid is not None and uid.is_valid else "an unknown SOP class"
        return Refusal(RefusalReason.SOP_CLASS, f"{name} is not analysed")
    return None


def _is_hologic_sco(ds: Dataset) -> bool:
    if attributes.uid(ds, "SOPClassUID") == BreastTomosynthesisImageStorage:
        return False
    groups = {tag.group for tag in ds.keys()}  # noqa: SIM118 (a Dataset iterates over elements)
    return _HOLOGIC_SCO_GROUP in groups


def _intent(ds: Dataset, _policy: Policy) -> Refusal | None:
    processing = DigitalMammographyXRayImageStorageForProcessing
    intent = attributes.text(ds, "PresentationIntentType")
    if attributes.uid(ds, "SOPClassUID") == processing or intent == "FOR PROCESSING":
        return Refusal(
            RefusalReason.FOR_PROCESSING, "raw detector data: the image for presentation is needed"
        )
    return None


def _modality(ds: Dataset, _policy: Policy) -> Refusal | None:
    modality = attributes.text(ds, "Modality")
    if modality == "MG" or attributes.uid(ds, "SOPClassUID") in _SECONDARY_CAPTURE:
        return None
    return Refusal(RefusalReason.MODALITY, f"Modality is {_shown(modality)}, not MG")


def _image_type(ds: Dataset, policy: Policy) -> Refusal | None:
    words = attributes.texts(ds, "ImageType")[2:]
    third = words[0] if words else ""
    if third.startswith(_BIOPSY_TYPES):
        return Refusal(RefusalReason.SPECIMEN, f"stereotactic or biopsy image ({third})")
    if set(words) & _CONTRAST_TYPES:
        return Refusal(RefusalReason.IMAGE_TYPE, "contrast-enhanced subtraction or high energy")
    if _GENERATED_2D in words:
        return (
            None
            if policy.generated_2d
            else Refusal(
                RefusalReason.TOMOSYNTHESIS, "2D image calculated from tomosynthesis (GENERATED_2D)"
            )
        )
    if third.startswith(_TOMOSYNTHESIS_TYPES):
        return Refusal(RefusalReason.TOMOSYNTHESIS, f"tomosynthesis image ({third})")
    if attributes.text(ds, "QualityControlImage") == "YES":
        return Refusal(RefusalReason.IMAGE_TYPE, "quality control image")
    return None


def _whole_breast(ds: Dataset, _policy: Policy) -> Refusal | None:
    view = view_evidence(ds)
    if view.specimen:
        return Refusal(RefusalReason.SPECIMEN, "the view is a tissue specimen")
    special = sorted(m.name.lower().replace("_", " ") for m in view.modifiers - _WHOLE_BREAST)
    if special:
        return Refusal(RefusalReason.PARTIAL_VIEW, f"view modifier: {', '.join(special)}")
    factor = magnification(ds)
    if factor is not None and factor >= MAGNIFIED:
        return Refusal(RefusalReason.PARTIAL_VIEW, f"magnified by {factor:g}")
    if attributes.text(ds, "PartialView") == "YES":
        return Refusal(RefusalReason.PARTIAL_VIEW, "Partial View: a part of the breast")
    return None


def _view(ds: Dataset, policy: Policy) -> Refusal | None:
    view = view_evidence(ds)
    if view.conflict:
        return Refusal(RefusalReason.VIEW, "View Code Sequence and View Position contradict")
    if view.view is not None and view.view not in policy.views:
        return Refusal(RefusalReason.VIEW_NOT_ANALYSED, f"{view.view} views are not analysed")
    return None


def _no_laterality(*, conflict: bool, both: bool) -> Refusal:
    detail = "no Image Laterality or Laterality"
    if conflict:
        detail = "laterality attributes contradict each other"
    if both:
        detail = "both breasts in one image"
    return Refusal(RefusalReason.LATERALITY, detail)


def _implant(ds: Dataset, policy: Policy) -> Refusal | None:
    present = attributes.text(ds, "BreastImplantPresent") == "YES"
    displaced = ViewModifier.IMPLANT_DISPLACED in view_evidence(ds).modifiers
    if present and not displaced and not policy.implants:
        return Refusal(
            RefusalReason.IMPLANT, "an implant is present and not displaced in this view"
        )
    return None


def _grey(ds: Dataset, _policy: Policy) -> Refusal | None:
    photometric = attributes.text(ds, "PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        return Refusal(
            RefusalReason.PHOTOMETRIC,
            f"Photometric Interpretation is {_shown(photometric)}, not MONOCHROME1 or 2",
        )
    samples = attributes.integer(ds, "SamplesPerPixel")
    if samples not in (None, 1):
        return Refusal(RefusalReason.PHOTOMETRIC, f"{samples} samples per pixel")
    return None


def _frames(ds: Dataset, _policy: Policy) -> Refusal | None:
    frames = attributes.integer(ds, "NumberOfFrames")
    if frames in (None, 1):
        return None
    return Refusal(RefusalReason.MULTI_FRAME, f"{frames} frames")


def _upright(ds: Dataset, _policy: Policy) -> Refusal | None:
    if not rotated(ds):
        return None
    return Refusal(
        RefusalReason.ORIENTATION,
        f"turned by 90 degrees: Patient Orientation is {'/'.join(directions(ds) or ())}",
    )


def _shown(value: str | None) -> str:
    """Quote a coded word; anything that is not one might hold what it should not."""
    if value is None:
        return "missing"
    plain = len(value) <= 16 and value.replace("_", "").replace(" ", "").isalnum()
    return repr(value) if plain else "not a known word"


_CHECKS: tuple[_Check, ...] = (
    _sop_class,
    _intent,
    _modality,
    _image_type,
    _whole_breast,
    _view,
    _implant,
    _grey,
    _frames,
    _upright,
)
