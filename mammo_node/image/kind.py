"""What kind of object an image is: the first questions of the suitability gate."""

from __future__ import annotations

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

from mammo_node.header import attributes
from mammo_node.image.policy import Policy
from mammo_node.vocabulary import Refusal, RefusalReason

_SECONDARY_CAPTURE = frozenset(
    {
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
_MAMMOGRAPHY = frozenset(
    {
        DigitalMammographyXRayImageStorageForPresentation,
        DigitalMammographyXRayImageStorageForProcessing,
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


def sop_class(ds: Dataset, policy: Policy) -> Refusal | None:
    """Refuse objects that are no mammograms, or of which nothing can be said."""
    uid = attributes.uid(ds, "SOPClassUID")
    if uid in _SECONDARY_CAPTURE and _is_hologic_sco(ds):
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
    if uid not in _SECONDARY_CAPTURE | _MAMMOGRAPHY:
        name = uid.name if uid is not None and uid.is_valid else "an unknown SOP class"
        return Refusal(RefusalReason.SOP_CLASS, f"{name} is not analysed")
    return None


def _is_hologic_sco(ds: Dataset) -> bool:
    groups = {tag.group for tag in ds.keys()}  # noqa: SIM118 (a Dataset iterates over elements)
    return _HOLOGIC_SCO_GROUP in groups


def for_processing(ds: Dataset, _policy: Policy) -> Refusal | None:
    """Refuse raw detector data (PS3.3 C.8.11.1 Presentation Intent Type)."""
    processing = DigitalMammographyXRayImageStorageForProcessing
    intent = attributes.text(ds, "PresentationIntentType")
    if attributes.uid(ds, "SOPClassUID") == processing or intent == "FOR PROCESSING":
        return Refusal(
            RefusalReason.FOR_PROCESSING, "raw detector data: the image for presentation is needed"
        )
    return None


def modality(ds: Dataset, _policy: Policy) -> Refusal | None:
    """Refuse other modalities; Secondary Capture keeps the modality of its source."""
    name = attributes.text(ds, "Modality")
    if name == "MG" or attributes.uid(ds, "SOPClassUID") in _SECONDARY_CAPTURE:
        return None
    return Refusal(RefusalReason.MODALITY, f"Modality is {shown(name)}, not MG")


def image_type(ds: Dataset, policy: Policy) -> Refusal | None:
    """Refuse by Image Type (PS3.3 C.8.11.7.1.4): biopsy, contrast, tomosynthesis, phantoms."""
    words = attributes.texts(ds, "ImageType")[2:]
    third = words[0] if words else ""
    if third.startswith(_BIOPSY_TYPES):
        return Refusal(RefusalReason.SPECIMEN, f"stereotactic or biopsy image ({third})")
    if set(words) & _CONTRAST_TYPES:
        return Refusal(RefusalReason.IMAGE_TYPE, "contrast-enhanced subtraction or high energy")
    generated = _GENERATED_2D in words
    if generated and not policy.generated_2d:
        return Refusal(
            RefusalReason.TOMOSYNTHESIS, "2D image calculated from tomosynthesis (GENERATED_2D)"
        )
    if third.startswith(_TOMOSYNTHESIS_TYPES) and not generated:
        return Refusal(RefusalReason.TOMOSYNTHESIS, f"tomosynthesis image ({third})")
    if attributes.text(ds, "QualityControlImage") == "YES":
        return Refusal(RefusalReason.IMAGE_TYPE, "quality control image")
    return None


def shown(value: str | None) -> str:
    """Quote a coded word; anything that is not one might hold what it should not."""
    if value is None:
        return "missing"
    plain = len(value) <= 16 and value.replace("_", "").replace(" ", "").isalnum()
    return repr(value) if plain else "not a known word"
