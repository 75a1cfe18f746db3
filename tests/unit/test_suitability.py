"""The suitability gate: a reason for every image that is not analysed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForProcessing,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from mammo_node.image.suitability import Policy, Suitable, assess
from mammo_node.vocabulary import (
    Laterality,
    Refusal,
    RefusalReason,
    SpacingOrigin,
    View,
)
from tests.synthetic import code, header

R = RefusalReason
GE_MAGNIFICATION, SPOT, TANGENTIAL, CLEAVAGE = "399163009", "R-102D7", "399110001", "399161006"
IMPLANT_DISPLACED, NIPPLE, ROLLED = "399209000", "442581004", "399197002"


def left_breast() -> Dataset:
    return code("76752008", AnatomicRegionModifierSequence=[code("7771000")])


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"SOPClassUID": CTImageStorage}, R.SOP_CLASS, "CT Image Storage"),
        ({"SOPClassUID": None}, R.SOP_CLASS, "unknown"),
        ({"SOPClassUID": BreastTomosynthesisImageStorage}, R.TOMOSYNTHESIS, "tomosynthesis"),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, R.SECONDARY_CAPTURE, "configuration"),
        (
            {"SOPClassUID": MultiFrameGrayscaleWordSecondaryCaptureImageStorage},
            R.SECONDARY_CAPTURE,
            "configuration",
        ),
        (
            {"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing},
            R.FOR_PROCESSING,
            "raw",
        ),
        ({"PresentationIntentType": "FOR PROCESSING"}, R.FOR_PROCESSING, "raw"),
        ({"Modality": "CR"}, R.MODALITY, "'CR'"),
        ({"Modality": None}, R.MODALITY, "missing"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "STEREO_SCOUT"]}, R.SPECIMEN, "STEREO_SCOUT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POSTMARKER"]}, R.SPECIMEN, "POSTMARKER"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}, R.TOMOSYNTHESIS, "TOMO_PROJ"),
        (
            {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]},
            R.TOMOSYNTHESIS,
            "calculated",
        ),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, R.IMAGE_TYPE, "contrast"),
        ({"QualityControlImage": "YES"}, R.IMAGE_TYPE, "quality control"),
        ({"view": "127457009"}, R.SPECIMEN, "specimen"),
        ({"view": "G-8310"}, R.SPECIMEN, "specimen"),
        ({"modifiers": (GE_MAGNIFICATION,)}, R.PARTIAL_VIEW, "magnification"),
        ({"modifiers": (SPOT,)}, R.PARTIAL_VIEW, "spot compression"),
        ({"modifiers": (TANGENTIAL,)}, R.PARTIAL_VIEW, "tangential"),
        ({"modifiers": (CLEAVAGE,)}, R.PARTIAL_VIEW, "cleavage"),
        ({"modifiers": ("X-99",)}, R.PARTIAL_VIEW, "unknown"),
        ({"EstimatedRadiographicMagnificationFactor": 1.8}, R.PARTIAL_VIEW, "1.8"),
        ({"PartialView": "YES"}, R.PARTIAL_VIEW, "part of the breast"),
        ({"ViewPosition": "MLO"}, R.VIEW, "contradict"),
        ({"ViewCodeSequence": None}, R.VIEW, "neither"),
        ({"ViewCodeSequence": None, "ViewPosition": "AT"}, R.VIEW_NOT_ANALYSED, "AT"),
        ({"ImageLaterality": None}, R.LATERALITY, "no Image Laterality"),
        ({"ImageLaterality": "B"}, R.LATERALITY, "both"),
        (
            {"AnatomicRegionSequence": [left_breast()]},
            R.LATERALITY,
            "contradict",
        ),
        ({"BreastImplantPresent": "YES"}, R.IMPLANT, "not displaced"),
        ({"PhotometricInterpretation": "RGB"}, R.PHOTOMETRIC, "'RGB'"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, R.PHOTOMETRIC, "PALETTE COLOR"),
        ({"PhotometricInterpretation": None}, R.PHOTOMETRIC, "missing"),
        ({"SamplesPerPixel": 3}, R.PHOTOMETRIC, "3 samples"),
        ({"NumberOfFrames": 4}, R.MULTI_FRAME, "4 frames"),
        ({"PatientOrientation": ["F", "P"]}, R.ORIENTATION, "F/P"),
        ({"PatientOrientation": ["L", "A"]}, R.ORIENTATION, "90 degrees"),
        ({"ImagerPixelSpacing": None}, R.SPACING, "no Imager Pixel Spacing"),
        ({"ImagerPixelSpacing": [0, 0]}, R.SPACING, "sizes are unknown"),
        ({"ImagerPixelSpacing": [10, 10]}, R.SPACING, "sizes are unknown"),
    ],
)
def test_every_refusal_names_its_reason(
    changes: dict[str, Any], reason: RefusalReason, words: str
) -> None:
    """Each unsuitable image is refused for its own reason, in words that name the cause."""
    verdict = assess(header(**changes), Policy())
    assert isinstance(verdict, Refusal)
    assert verdict.reason is reason
    assert words in verdict.detail


def test_hologic_secondary_capture_objects_are_named() -> None:
    """A tomosynthesis volume in private elements is refused as such, whatever the policy."""
    ds = header(SOPClassUID=SecondaryCaptureImageStorage)
    block = ds.private_block(0x7E01, "HOLOGIC, Inc.", create=True)
    block.add_new(0x10, "OB", b"\0" * 16)
    for policy in (Policy(), Policy(secondary_capture=True)):
        verdict = assess(ds, policy)
        assert isinstance(verdict, Refusal)
        assert verdict.reason is R.VENDOR_PRIVATE


def test_private_elements_alone_make_no_volume() -> None:
    """A mammogram with elements of the same private group is still a mammogram."""
    ds = header()
    ds.private_block(0x7E01, "HOLOGIC, Inc.", create=True).add_new(0x10, "OB", b"\0" * 16)
    assert isinstance(assess(ds, Policy()), Suitable)


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({}, Policy()),
        ({"NumberOfFrames": 1}, Policy()),
        ({"view": "R-10226"}, Policy()),
        ({"view": "R-10224"}, Policy()),
        ({"modifiers": (NIPPLE,)}, Policy()),
        ({"modifiers": (ROLLED,)}, Policy()),
        ({"PhotometricInterpretation": "MONOCHROME1"}, Policy()),
        ({"BreastImplantPresent": "NO"}, Policy()),
        ({"BreastImplantPresent": "YES"}, Policy(implants=True)),
        ({"EstimatedRadiographicMagnificationFactor": 1.07}, Policy()),
        ({"PatientOrientation": None}, Policy()),
        (
            {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "RG"},
            Policy(secondary_capture=True),
        ),
        (
            {"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]},
            Policy(generated_2d=True),
        ),
    ],
)
def test_whole_breast_images_pass(changes: dict[str, Any], policy: Policy) -> None:
    """Plain mammograms pass, and what a policy allows besides."""
    assert isinstance(assess(header(**changes), policy), Suitable)


def test_implant_displaced_passes_and_is_said() -> None:
    """A view with the implant pushed back shows the breast; the image carries the fact."""
    verdict = assess(header(modifiers=(IMPLANT_DISPLACED,), BreastImplantPresent="YES"), Policy())
    assert isinstance(verdict, Suitable)
    assert verdict.implant_displaced
    assert (verdict.laterality, verdict.view) == (Laterality.RIGHT, View.CC)


def test_views_can_be_restricted() -> None:
    """A view outside the policy's views is refused by name."""
    verdict = assess(header("R-10224"), Policy(views=frozenset({View.CC, View.MLO})))
    assert isinstance(verdict, Refusal)
    assert verdict.reason is R.VIEW_NOT_ANALYSED


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_unknown_words_are_not_quoted() -> None:
    """A detail never quotes free text: somebody may have written a name there."""
    verdict = assess(header(PhotometricInterpretation="DOE^JANE"), Policy())
    assert isinstance(verdict, Refusal)
    assert "DOE" not in verdict.detail


@pytest.mark.parametrize(
    ("changes", "row_mm", "origin"),
    [
        ({}, 0.1, SpacingOrigin.IMAGER),
        (
            {"EstimatedRadiographicMagnificationFactor": 1.25},
            0.08,
            SpacingOrigin.IMAGER_CORRECTED,
        ),
        ({"EstimatedRadiographicMagnificationFactor": 0}, 0.1, SpacingOrigin.IMAGER),
        ({"EstimatedRadiographicMagnificationFactor": 660}, 0.1, SpacingOrigin.IMAGER),
        ({"PixelSpacing": [0.09, 0.09]}, 0.1, SpacingOrigin.IMAGER),
        (
            {"ImagerPixelSpacing": None, "PixelSpacing": [0.09, 0.09]},
            0.09,
            SpacingOrigin.PIXEL_SPACING,
        ),
        (
            {
                "ImagerPixelSpacing": [0, 0.1],
                "PixelSpacing": [0.09, 0.09],
                "PixelSpacingCalibrationType": "FIDUCIAL",
            },
            0.09,
            SpacingOrigin.PIXEL_SPACING_CALIBRATED,
        ),
        (
            {"ImagerPixelSpacing": [0.1], "NominalScannedPixelSpacing": [0.05, 0.05]},
            0.05,
            SpacingOrigin.NOMINAL_SCANNED,
        ),
    ],
)
def test_spacing_says_where_it_comes_from(
    changes: dict[str, Any], row_mm: float, origin: SpacingOrigin
) -> None:
    """The best source of a pixel's size wins, nonsense is passed over, the origin is kept."""
    verdict = assess(header(**changes), Policy())
    assert isinstance(verdict, Suitable)
    assert verdict.spacing.row_mm == pytest.approx(row_mm)
    assert verdict.spacing.origin is origin


def test_spacing_keeps_rows_and_columns_apart() -> None:
    """Anisotropic pixels keep DICOM's order: between rows first."""
    verdict = assess(header(ImagerPixelSpacing=[0.2, 0.1]), Policy())
    assert isinstance(verdict, Suitable)
    assert (verdict.spacing.row_mm, verdict.spacing.column_mm) == (0.2, 0.1)


_TAGS = [element.tag for element in header(PartialView="NO", NumberOfFrames=1)]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_TAGS),
        st.tuples(
            st.sampled_from(["CS", "SQ", "US", "UI", "DS", "IS", "UN", "OW", "ZZ"]),
            st.binary(max_size=24),
        ),
        max_size=4,
    )
)
@pytest.mark.filterwarnings("ignore")
def test_garbled_attributes_never_raise(elements: dict[int, tuple[str, bytes]]) -> None:
    """A suitable header with garbage in some attributes still gets a verdict."""
    ds: Dataset = header()
    for tag, (vr, raw) in elements.items():
        ds._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True)
    assert isinstance(assess(ds, Policy()), Refusal | Suitable)
