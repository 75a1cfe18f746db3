"""Enumerated values of the attributes that our objects have (PS3.3, the module in brackets)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_YES_NO = frozenset({"YES", "NO"})

#: Keyword -> legal values, wherever the attribute stands.
ENUMERATIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "PatientSex": frozenset({"M", "F", "O"}),  # C.7.1.1
        "PatientIdentityRemoved": _YES_NO,
        "Laterality": frozenset({"L", "R"}),  # C.7.3.1
        "ImageLaterality": frozenset({"L", "R", "B", "U"}),  # C.8.11.2
        "FrameLaterality": frozenset({"L", "R", "B", "U"}),
        "BurnedInAnnotation": _YES_NO,
        "RecognizableVisualFeatures": _YES_NO,
        "LossyImageCompression": frozenset({"00", "01"}),  # C.7.6.1
        "PixelRepresentation": frozenset({"0", "1"}),  # C.7.6.3
        "PlanarConfiguration": frozenset({"0", "1"}),
        "PhotometricInterpretation": frozenset(
            {
                "MONOCHROME1",
                "MONOCHROME2",
                "PALETTE COLOR",
                "RGB",
                "YBR_FULL",
                "YBR_FULL_422",
                "YBR_ICT",
                "YBR_RCT",
                "YBR_PARTIAL_420",
                "XYB",
            }
        ),
        "SegmentationType": frozenset({"BINARY", "FRACTIONAL", "LABELMAP"}),  # C.8.20.2
        "SegmentationFractionalType": frozenset({"PROBABILITY", "OCCUPANCY"}),
        "SegmentAlgorithmType": frozenset({"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}),
        "SegmentsOverlap": frozenset({"YES", "NO", "UNDEFINED"}),
        "PresentationSizeMode": frozenset({"SCALE TO FIT", "TRUE SIZE", "MAGNIFY"}),  # C.10.4
        "GraphicAnnotationUnits": frozenset({"PIXEL", "DISPLAY", "MATRIX"}),  # C.10.5
        "BoundingBoxAnnotationUnits": frozenset({"PIXEL", "DISPLAY", "MATRIX"}),
        "AnchorPointAnnotationUnits": frozenset({"PIXEL", "DISPLAY", "MATRIX"}),
        "AnchorPointVisibility": frozenset({"Y", "N"}),
        "GraphicFilled": frozenset({"Y", "N"}),
        "BoundingBoxTextHorizontalJustification": frozenset({"LEFT", "RIGHT", "CENTER"}),
        "ImageHorizontalFlip": frozenset({"Y", "N"}),  # C.10.6
        "ImageRotation": frozenset({"0", "90", "180", "270"}),
        "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),  # C.11.6
        "VOILUTFunction": frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"}),  # C.11.2
        "PreliminaryFlag": frozenset({"PRELIMINARY", "FINAL"}),  # C.17.2
        "CompletionFlag": frozenset({"PARTIAL", "COMPLETE"}),
        "VerificationFlag": frozenset({"UNVERIFIED", "VERIFIED"}),
        "ContinuityOfContent": frozenset({"SEPARATE", "CONTINUOUS"}),  # C.17.3
        "RelationshipType": frozenset(
            {
                "CONTAINS",
                "HAS PROPERTIES",
                "HAS OBS CONTEXT",
                "HAS ACQ CONTEXT",
                "INFERRED FROM",
                "SELECTED FROM",
                "HAS CONCEPT MOD",
            }
        ),
        "PixelOriginInterpretation": frozenset({"FRAME", "VOLUME"}),
    }
)

#: Modality (0008,0060) by SOP Class UID, where the IOD leaves one (PS3.3 C.11.9, C.17.1, C.17.6).
MODALITIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.11.1": "PR",
        "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
        "1.2.840.10008.5.1.4.1.1.88.34": "SR",
        "1.2.840.10008.5.1.4.1.1.88.50": "SR",
        "1.2.840.10008.5.1.4.1.1.88.59": "KO",
    }
)
