"""When a Type 1C or 2C attribute is needed, where the object itself tells (PS3.3).

A condition sees the dataset or item that the attribute belongs to. What only the outside world
can decide ("required if the patient is an animal", "if the image has frames that ...") is not
here: such an attribute is only held to have a value when it is there (1C).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mammo_node.encode.validity.item import Item

Condition = Callable[[Item], bool]

#: Coordinates of a closed polyline begin and end with the same pair.
_PAIR = 2


def present(*keywords: str) -> Condition:
    """Hold when one of these is there."""
    return lambda ds: any(keyword in ds for keyword in keywords)


def absent(*keywords: str) -> Condition:
    """Hold when none of these is there."""
    return lambda ds: not any(keyword in ds for keyword in keywords)


def equal(keyword: str, *values: Any) -> Condition:
    """Hold when the attribute is there and has one of these values."""
    return lambda ds: ds.value(keyword) in values


def _both(*conditions: Condition) -> Condition:
    return lambda ds: all(condition(ds) for condition in conditions)


def _either(*conditions: Condition) -> Condition:
    return lambda ds: any(condition(ds) for condition in conditions)


def _closed(ds: Item) -> bool:
    """Tell whether a graphic object encloses an area (PS3.3 C.10.5.1.2)."""
    if ds.value("GraphicType") in ("CIRCLE", "ELLIPSE"):
        return True
    points = list(ds.value("GraphicData") or ())
    return len(points) > _PAIR and points[:_PAIR] == points[-_PAIR:]


def _grey_lut_needed(ds: Item) -> bool:
    """Tell whether Presentation LUT Shape is needed (PS3.3 C.8.6.3, C.11.6)."""
    if "PhotometricInterpretation" in ds:
        bits = ds.value("BitsStored") or 1
        return bool(ds.value("PhotometricInterpretation") == "MONOCHROME2" and bits > 1)
    return "PresentationLUTSequence" not in ds


def _coloured(ds: Item) -> bool:
    samples = ds.value("SamplesPerPixel")
    return isinstance(samples, int) and samples > 1


#: Keyword -> the condition under which it is needed wherever a module lists it as 1C or 2C.
CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        # Code Sequence Macro, Table 8.8-1.
        "CodeValue": absent("LongCodeValue", "URNCodeValue"),
        "CodingSchemeDesignator": present("CodeValue", "LongCodeValue"),
        "MappingResource": present("ContextIdentifier"),
        "ContextGroupVersion": present("ContextIdentifier"),
        # C.7.1.1 Patient.
        "DeidentificationMethod": _both(
            equal("PatientIdentityRemoved", "YES"), absent("DeidentificationMethodCodeSequence")
        ),
        # C.7.3.1 General Series, for the presentation states of paired organs.
        "Laterality": equal("Modality", "PR"),
        # C.7.6.1 General Image.
        "PatientOrientation": present("PixelData"),
        # C.7.6.17 Multi-frame Dimension, C.7.6.16.2.6 Derivation Image.
        "DimensionIndexSequence": present("DimensionOrganizationSequence"),
        "FunctionalGroupPointer": present("DimensionIndexPointer"),
        "DerivationCodeSequence": present("SourceImageSequence"),
        # C.12.2 Common Instance Reference, for what is drawn on images.
        "ReferencedSeriesSequence": present("SegmentSequence"),
        # C.7.6.3 Image Pixel.
        "PixelData": present("Rows"),
        "PlanarConfiguration": _coloured,
        "RedPaletteColorLookupTableDescriptor": equal("PhotometricInterpretation", "PALETTE COLOR"),
        "GreenPaletteColorLookupTableDescriptor": equal(
            "PhotometricInterpretation", "PALETTE COLOR"
        ),
        "BluePaletteColorLookupTableDescriptor": equal(
            "PhotometricInterpretation", "PALETTE COLOR"
        ),
        # C.8.20.2 Segmentation Image.
        "SegmentationFractionalType": equal("SegmentationType", "FRACTIONAL"),
        "MaximumFractionalValue": equal("SegmentationType", "FRACTIONAL"),
        "SegmentAlgorithmName": equal("SegmentAlgorithmType", "AUTOMATIC", "SEMIAUTOMATIC"),
        "LossyImageCompressionRatio": equal("LossyImageCompression", "01"),
        "LossyImageCompressionMethod": equal("LossyImageCompression", "01"),
        # C.10.4 Displayed Area.
        "PresentationPixelSpacing": equal("PresentationSizeMode", "TRUE SIZE"),
        "PresentationPixelAspectRatio": absent("PresentationPixelSpacing"),
        "PresentationPixelMagnificationRatio": equal("PresentationSizeMode", "MAGNIFY"),
        # C.10.5 Graphic Annotation.
        "TextObjectSequence": absent("GraphicObjectSequence", "CompoundGraphicSequence"),
        "GraphicObjectSequence": absent("TextObjectSequence", "CompoundGraphicSequence"),
        "GraphicFilled": _closed,
        "AnchorPoint": _either(
            present("AnchorPointAnnotationUnits", "AnchorPointVisibility"),
            absent("BoundingBoxTopLeftHandCorner"),
        ),
        "AnchorPointAnnotationUnits": present("AnchorPoint"),
        "AnchorPointVisibility": present("AnchorPoint"),
        "BoundingBoxTopLeftHandCorner": _either(
            present("BoundingBoxAnnotationUnits", "BoundingBoxBottomRightHandCorner"),
            absent("AnchorPoint"),
        ),
        "BoundingBoxAnnotationUnits": present("BoundingBoxTopLeftHandCorner"),
        "BoundingBoxBottomRightHandCorner": present("BoundingBoxTopLeftHandCorner"),
        "BoundingBoxTextHorizontalJustification": present("BoundingBoxTopLeftHandCorner"),
        "TrackingID": present("TrackingUID"),
        "TrackingUID": present("TrackingID"),
        # C.11.1 Modality LUT, C.11.8 Softcopy VOI LUT, C.11.6 Softcopy Presentation LUT.
        "RescaleIntercept": present("RescaleSlope", "RescaleType"),
        "RescaleSlope": present("RescaleIntercept"),
        "RescaleType": _both(present("RescaleIntercept"), equal("Modality", "PR")),
        "WindowCenter": absent("VOILUTSequence"),
        "WindowWidth": present("WindowCenter"),
        "PresentationLUTShape": _grey_lut_needed,
        # C.17.2 SR Document General.
        "VerifyingObserverSequence": equal("VerificationFlag", "VERIFIED"),
    }
)
