"""The coded concepts that results use, each with where the standard lists it.

Manifests of model packages name findings by the keys of :data:`FINDINGS`, so that every
model of a finding says it with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from highdicom.sr.coding import CodedConcept as SrConcept

from mammo_node.vocabulary import CodedConcept, Laterality, Outcome, SpacingOrigin, View


def concept(value: str, scheme: str, meaning: str) -> CodedConcept:
    """Return a code triplet."""
    return CodedConcept(value, scheme, meaning)


def sr_concept(code: CodedConcept) -> SrConcept:
    """Return the triplet as highdicom's type."""
    return SrConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


# --- Findings: CID 6054 Breast Imaging Finding -------------------------------------------
# CID 6014 (Mammography Single Image Finding, of TID 4000) has no mass of its own and
# uses 'Mammography breast density' for it; TID 1500 leaves the choice open, so the
# plainer word of CID 6054 is used.
FINDINGS: Final[Mapping[str, CodedConcept]] = MappingProxyType(
    {
        "mass": concept("129788004", "SCT", "Mammographic breast mass"),
        "calcification-cluster": concept("129769006", "SCT", "Calcification Cluster"),
        "calcification": concept("129770007", "SCT", "Individual Calcification"),
        "architectural-distortion": concept(
            "129792006", "SCT", "Architectural distortion of breast"
        ),
        "asymmetry": concept("129790003", "SCT", "Asymmetric breast tissue"),
        "focal-asymmetry": concept("129789007", "SCT", "Focal asymmetric breast tissue"),
        "skin-thickening": concept("129797000", "SCT", "Skin thickening of breast"),
        "skin-retraction": concept("129796009", "SCT", "Skin retraction of breast"),
        # CID 6056 Breast Clinical Finding or Indicated Problem.
        "nipple-retraction": concept("271955004", "SCT", "Nipple retraction"),
        "suspicious-lymph-node": concept("127189005", "SCT", "Axillary adenopathy"),
        "axillary-lymph-node": concept("68171009", "SCT", "Axillary lymph node"),
        "suspicious-region": concept("111099", "DCM", "Selected region"),
    }
)

# --- Anatomy, side and view --------------------------------------------------------------
BREAST: Final = concept("76752008", "SCT", "Breast")
#: CID 244 Laterality.
LATERALITIES: Final[Mapping[Laterality, CodedConcept]] = MappingProxyType(
    {
        Laterality.LEFT: concept("7771000", "SCT", "Left"),
        Laterality.RIGHT: concept("24028007", "SCT", "Right"),
    }
)
#: CID 4014 View for Mammography; views that are modifiers there (CID 4015) are absent.
VIEWS: Final[Mapping[View, CodedConcept]] = MappingProxyType(
    {
        View.CC: concept("399162004", "SCT", "cranio-caudal"),
        View.MLO: concept("399368009", "SCT", "medio-lateral oblique"),
        View.ML: concept("399260004", "SCT", "medio-lateral"),
        View.LM: concept("399352003", "SCT", "latero-medial"),
        View.LMO: concept("399099002", "SCT", "latero-medial oblique"),
        View.XCCL: concept("399192008", "SCT", "cranio-caudal exaggerated laterally"),
        View.XCCM: concept("399101009", "SCT", "cranio-caudal exaggerated medially"),
        View.FB: concept("399196006", "SCT", "caudo-cranial (from below)"),
        View.SIO: concept("399188001", "SCT", "superolateral to inferomedial oblique"),
        View.ISO: concept("441555000", "SCT", "inferomedial to superolateral oblique"),
    }
)

# --- Maps: CID 7150 Segmentation Property Categories, CID 7162 Algorithm Families ------------
ANATOMICAL_STRUCTURE: Final = concept("91723000", "SCT", "Anatomical Structure")
SPATIAL_CONCEPT: Final = concept("309825002", "SCT", "Spatial and Relational Concept")
HISTOGRAM_ANALYSIS: Final = concept("123105", "DCM", "Histogram Analysis")
ARTIFICIAL_INTELLIGENCE: Final = concept("123110", "DCM", "Artificial Intelligence")

# --- Report structure: TID 1500, 1410, 1501, 1600, 1602 ----------------------------------
IMAGING_MEASUREMENT_REPORT: Final = concept("126000", "DCM", "Imaging Measurement Report")
PROCEDURE_REPORTED: Final = concept("121058", "DCM", "Procedure reported")
#: CID 100 Quantitative Diagnostic Imaging Procedures.
IMAGING_PROCEDURE: Final = concept("363679005", "SCT", "Imaging procedure")
IMAGE_LIBRARY: Final = concept("111028", "DCM", "Image Library")
IMAGE_LIBRARY_GROUP: Final = concept("126200", "DCM", "Image Library Group")
IMAGE_LATERALITY: Final = concept("111027", "DCM", "Image Laterality")
IMAGE_VIEW: Final = concept("111031", "DCM", "Image View")
IMAGING_MEASUREMENTS: Final = concept("126010", "DCM", "Imaging Measurements")
QUALITATIVE_EVALUATIONS: Final = concept("C0034375", "UMLS", "Qualitative Evaluations")
MEASUREMENT_GROUP: Final = concept("125007", "DCM", "Measurement Group")
TRACKING_IDENTIFIER: Final = concept("112039", "DCM", "Tracking Identifier")
TRACKING_UID: Final = concept("112040", "DCM", "Tracking Unique Identifier")
FINDING: Final = concept("121071", "DCM", "Finding")
FINDING_SITE: Final = concept("363698007", "SCT", "Finding Site")
LATERALITY: Final = concept("272741003", "SCT", "Laterality")
IMAGE_REGION: Final = concept("111030", "DCM", "Image Region")
CENTER: Final = concept("111010", "DCM", "Center")
SOURCE: Final = concept("260753009", "SCT", "Source")
ALGORITHM_NAME: Final = concept("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION: Final = concept("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS: Final = concept("111002", "DCM", "Algorithm Parameters")
CONCLUSION: Final = concept("121077", "DCM", "Conclusion")
COMMENT: Final = concept("121106", "DCM", "Comment")
#: CID 7202 Source Image Purpose of Reference.
SOURCE_FOR_PROCESSING: Final = concept(
    "121322", "DCM", "Source image for image processing operation"
)
#: Title of the report as a document.
CAD_REPORT: Final = concept("111036", "DCM", "Mammography CAD Report")
#: CID 7005 Contributing Equipment Purpose of Reference.
PROCESSING_EQUIPMENT: Final = concept("109102", "DCM", "Processing Equipment")

# --- Measurements ------------------------------------------------------------------------
#: Defined for CAD (PS3.16 Annex D, 111012): 0 to 100 %, of the finding as such.
CERTAINTY_OF_FINDING: Final = concept("111012", "DCM", "Certainty of Finding")
#: Defined for CAD too (111013): of what is said of an image, a breast or a patient as a whole.
CERTAINTY_OF_IMPRESSION: Final = concept("111013", "DCM", "Certainty of Impression")
#: CID 7470 Linear Measurements.
LONG_AXIS: Final = concept("103339001", "SCT", "Long axis")
PERCENT: Final = concept("%", "UCUM", "Percent")
MILLIMETER: Final = concept("mm", "UCUM", "millimeter")

_SPACING_WORDS = {
    SpacingOrigin.IMAGER_CORRECTED: "Imager Pixel Spacing / magnification factor",
    SpacingOrigin.IMAGER: "Imager Pixel Spacing (at the detector)",
    SpacingOrigin.PIXEL_SPACING: "Pixel Spacing",
}


def long_axis_method(origin: SpacingOrigin | None, *, outlined: bool) -> str:
    """Say how a long axis was measured: on what shape, with which pixel spacing.

    In words, as no public scheme has codes for it and readers do not know private ones.
    """
    shape = "outline" if outlined else "bounding box"
    spacing = _SPACING_WORDS[origin] if origin else "unknown spacing"
    return f"Long axis: extent of the {shape}, in mm by {spacing}"


# --- Outcome: CID 6047 CAD Processing and Findings Summary, CID 6042 Status of Results ----
PROCESSING_SUMMARY: Final = concept("111017", "DCM", "CAD Processing and Findings Summary")
ALL_SUCCEEDED_NO_FINDINGS: Final = concept(
    "111241", "DCM", "All algorithms succeeded; without findings"
)
ALL_SUCCEEDED_FINDINGS: Final = concept("111242", "DCM", "All algorithms succeeded; with findings")
NOT_ALL_SUCCEEDED_NO_FINDINGS: Final = concept(
    "111243", "DCM", "Not all algorithms succeeded; without findings"
)
NOT_ALL_SUCCEEDED_FINDINGS: Final = concept(
    "111244", "DCM", "Not all algorithms succeeded; with findings"
)
NONE_SUCCEEDED: Final = concept("111245", "DCM", "No algorithms succeeded; without findings")

SUMMARY_OF_DETECTIONS: Final = concept("111064", "DCM", "Summary of Detections")
SUCCEEDED: Final = concept("111222", "DCM", "Succeeded")
PARTIALLY_SUCCEEDED: Final = concept("111223", "DCM", "Partially Succeeded")
FAILED: Final = concept("111224", "DCM", "Failed")
NOT_ATTEMPTED: Final = concept("111225", "DCM", "Not Attempted")

#: Status of the detections of a whole study, by outcome.
STATUS: Final[Mapping[Outcome, CodedConcept]] = MappingProxyType(
    {
        Outcome.FINDINGS: SUCCEEDED,
        Outcome.NO_FINDINGS: SUCCEEDED,
        Outcome.PARTIAL: PARTIALLY_SUCCEEDED,
        Outcome.FAILED: FAILED,
        Outcome.NOT_ATTEMPTED: NOT_ATTEMPTED,
    }
)


def processing_summary(outcome: Outcome, *, with_findings: bool) -> CodedConcept:
    """Return the concept of CID 6047 that says how the study was processed."""
    if outcome in (Outcome.FINDINGS, Outcome.NO_FINDINGS):
        return ALL_SUCCEEDED_FINDINGS if with_findings else ALL_SUCCEEDED_NO_FINDINGS
    if with_findings:
        return NOT_ALL_SUCCEEDED_FINDINGS
    return NOT_ALL_SUCCEEDED_NO_FINDINGS if outcome is Outcome.PARTIAL else NONE_SUCCEEDED
