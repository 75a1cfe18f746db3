"""The coded concepts of the Mammography CAD SR that no other result uses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mammo_node.encode import codes
from mammo_node.encode.codes import concept
from mammo_node.vocabulary import CodedConcept, Finding, Laterality

# --- TID 4000, 4001, 4002, 4003 ----------------------------------------------------------
REPORT: Final = concept("111036", "DCM", "Mammography CAD Report")
LANGUAGE: Final = concept("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH: Final = concept("en-US", "RFC5646", "English (United States)")
IMPRESSION_DESCRIPTION: Final = concept("111033", "DCM", "Impression Description")
INDIVIDUAL_IMPRESSION: Final = concept("111034", "DCM", "Individual Impression/Recommendation")

# --- CID 6034 Intended Use of CAD Output -------------------------------------------------
RENDERING_INTENT: Final = concept("111056", "DCM", "Rendering Intent")
PRESENTATION_REQUIRED: Final = concept(
    "111150", "DCM", "Presentation Required: Rendering device is expected to present"
)
PRESENTATION_OPTIONAL: Final = concept(
    "111151", "DCM", "Presentation Optional: Rendering device may present"
)
NOT_FOR_PRESENTATION: Final = concept(
    "111152", "DCM", "Not for Presentation: Rendering device expected not to present"
)

# --- TID 4004, 4005 ----------------------------------------------------------------------
COMPOSITE_FEATURE: Final = concept("111015", "DCM", "Composite Feature")
COMPOSITE_TYPE: Final = concept("111016", "DCM", "Composite Type")
RELATED_SPATIALLY: Final = concept("111154", "DCM", "Target content items are related spatially")
SCOPE_OF_FEATURE: Final = concept("111057", "DCM", "Scope of Feature")
ON_MULTIPLE_IMAGES: Final = concept("111158", "DCM", "Feature detected on multiple images")

# --- TID 4006, 4010, 4013, 4021 ----------------------------------------------------------
SINGLE_IMAGE_FINDING: Final = concept("111059", "DCM", "Single Image Finding")
NUMBER_OF_CALCIFICATIONS: Final = concept("111038", "DCM", "Number of calcifications")
SELECTED_REGION_DESCRIPTION: Final = concept("111058", "DCM", "Selected Region Description")
OUTLINE: Final = concept("111041", "DCM", "Outline")
PATH: Final = concept("121055", "DCM", "Path")
#: CID 7470 Linear Measurements, spelt as there.
LONG_AXIS: Final = concept("103339001", "SCT", "Long Axis")
NO_UNITS: Final = concept("1", "UCUM", "no units")

# --- TID 4015 to 4018 --------------------------------------------------------------------
SUMMARY_OF_ANALYSES: Final = concept("111065", "DCM", "Summary of Analyses")
SUCCESSFUL_DETECTIONS: Final = concept("111063", "DCM", "Successful Detections")
FAILED_DETECTIONS: Final = concept("111025", "DCM", "Failed Detections")
DETECTION_PERFORMED: Final = concept("111022", "DCM", "Detection Performed")
SUCCESSFUL_ANALYSES: Final = concept("111062", "DCM", "Successful Analyses")
FAILED_ANALYSES: Final = concept("111024", "DCM", "Failed Analyses")
ANALYSIS_PERFORMED: Final = concept("111004", "DCM", "Analysis Performed")
#: CID 6043 Types of Mammography CAD Analysis.
COMPOSITION_ANALYSIS: Final = concept("133890006", "SCT", "Breast composition analysis")
SPATIAL_COLLOCATION: Final = concept("133884007", "SCT", "Spatial collocation analysis")

# --- TID 4020 ----------------------------------------------------------------------------
ROW_ORIENTATION: Final = concept("111044", "DCM", "Patient Orientation Row")
COLUMN_ORIENTATION: Final = concept("111043", "DCM", "Patient Orientation Column")
STUDY_DATE: Final = concept("111060", "DCM", "Study Date")
STUDY_TIME: Final = concept("111061", "DCM", "Study Time")
CONTENT_DATE: Final = concept("111018", "DCM", "Content Date")
CONTENT_TIME: Final = concept("111019", "DCM", "Content Time")
HORIZONTAL_SPACING: Final = concept("111026", "DCM", "Horizontal Pixel Spacing")
VERTICAL_SPACING: Final = concept("111066", "DCM", "Vertical Pixel Spacing")
MICROMETER: Final = concept("um", "UCUM", "micrometer")
#: CID 6022 Side.
SIDES: Final[Mapping[Laterality, CodedConcept]] = MappingProxyType(
    {
        Laterality.LEFT: concept("80248007", "SCT", "Left breast"),
        Laterality.RIGHT: concept("73056007", "SCT", "Right breast"),
    }
)

# --- Findings ----------------------------------------------------------------------------
MASS_IN_ONE_IMAGE: Final = concept("129793001", "SCT", "Mammography breast density")
SELECTED_REGION: Final = codes.FINDINGS["suspicious-region"]
INDIVIDUAL_CALCIFICATION: Final = codes.FINDINGS["calcification"]
CALCIFICATION_CLUSTER: Final = codes.FINDINGS["calcification-cluster"]
_MASS: Final = codes.FINDINGS["mass"]
#: CID 6014 Mammography Single Image Finding, those of it that mean a lesion.
_SINGLE_IMAGE: Final = (
    MASS_IN_ONE_IMAGE,
    SELECTED_REGION,
    INDIVIDUAL_CALCIFICATION,
    CALCIFICATION_CLUSTER,
    codes.FINDINGS["architectural-distortion"],
    codes.FINDINGS["skin-thickening"],
    codes.FINDINGS["skin-retraction"],
    codes.FINDINGS["axillary-lymph-node"],
    concept("129794007", "SCT", "Tubular density"),
    concept("443808008", "SCT", "Intramammary lymph node"),
    concept("129795008", "SCT", "Trabecular thickening of breast"),
    concept("127189005", "SCT", "Axillary adenopathy"),
    concept("95324001", "SCT", "Skin lesion"),
    concept("79654002", "SCT", "Edema"),
)
_BY_CODE: Final = MappingProxyType({(code.value, code.scheme): code for code in _SINGLE_IMAGE})


def single_image_concept(concept_of_finding: CodedConcept) -> CodedConcept:
    """Return the concept of CID 6014 for a finding in one image.

    CID 6014 calls a mass in one view a density (a mass is what two views show, CID 6016).
    What it has no word for, asymmetries among them, is a selected region, whose description
    (TID 4013) says what it is.
    """
    if concept_of_finding == _MASS:
        return MASS_IN_ONE_IMAGE
    code = (concept_of_finding.value, concept_of_finding.scheme)
    return _BY_CODE.get(code, SELECTED_REGION)


def composite_concept(findings: tuple[Finding, ...]) -> CodedConcept:
    """Return the concept of CID 6016 for one lesion in several images.

    Only where all images say the same: TID 4005 has asymmetries for contralateral features
    alone, and a mixture has no common word.
    """
    found = {single_image_concept(finding.concept) for finding in findings}
    if len(found) > 1:
        return SELECTED_REGION
    (only,) = found
    return _MASS if only == MASS_IN_ONE_IMAGE else only
