"""The header's summary: laterality, view, and whether it counts towards completeness."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from mammo_node.header import (
    ViewModifier,
    attributes,
    laterality_evidence,
    summarise,
    view_evidence,
)
from mammo_node.header.views import parse_view_position
from mammo_node.vocabulary import Laterality, View


def coded(value: str, scheme: str = "SCT", **more: Any) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "x"
    for keyword, content in more.items():
        setattr(item, keyword, content)
    return item


def header(view: str = "399162004", modifiers: tuple[str, ...] = (), **more: Any) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality = "R"
    ds.ViewCodeSequence = [coded(view, ViewModifierCodeSequence=[coded(m) for m in modifiers])]
    for keyword, content in more.items():
        setattr(ds, keyword, content)
    return ds


@pytest.mark.parametrize(
    ("code", "view"),
    [
        ("399162004", View.CC),
        ("R-10242", View.CC),
        ("399368009", View.MLO),
        ("R-10226", View.MLO),
        ("399260004", View.ML),
        ("R-10224", View.ML),
        ("R-10228", View.LM),
        ("R-10230", View.LMO),
        ("R-1024A", View.XCCL),
        ("R-1024B", View.XCCM),
        ("R-10244", View.FB),
        ("R-102D0", View.SIO),
        ("441555000", View.ISO),
        ("127457009", None),
        ("12345", None),
    ],
)
def test_view_codes_of_both_snomed_editions_are_read(code: str, view: View | None) -> None:
    """SNOMED CT and SNOMED-RT view codes name the same view; an unknown code names none."""
    assert summarise(header(code)).view is view


@pytest.mark.parametrize(
    ("position", "view", "modifiers"),
    [
        ("ML", View.ML, set()),
        ("MLO", View.MLO, set()),
        ("LM", View.LM, set()),
        ("LMO", View.LMO, set()),
        ("RML", View.ML, set()),
        ("L MLO", View.MLO, set()),
        ("rcc", View.CC, set()),
        ("XCCM", View.XCCM, set()),
        ("XCCL", View.XCCL, set()),
        ("CCM", View.CC, {ViewModifier.MAGNIFICATION}),
        ("MLOID", View.MLO, {ViewModifier.IMPLANT_DISPLACED}),
        ("R-MLO-ID", View.MLO, {ViewModifier.IMPLANT_DISPLACED}),
        ("MLS", View.ML, {ViewModifier.SPOT_COMPRESSION}),
        ("AT", View.AT, set()),
        ("CV", View.CV, set()),
        ("AP", None, set()),
        ("", None, set()),
        ("MLOX", None, set()),
    ],
)
def test_view_position_is_read_whole(
    position: str, view: View | None, modifiers: set[ViewModifier]
) -> None:
    """'ML' is never taken for 'MLO', and sides and modifiers around a view are understood."""
    assert parse_view_position(position) == (view, modifiers)


def test_view_position_stands_in_for_a_missing_code() -> None:
    """Without View Code Sequence the view comes from View Position."""
    ds = header(ViewPosition="MLO")
    del ds.ViewCodeSequence
    assert summarise(ds).view is View.MLO
    assert summarise(ds).standard


def test_code_wins_over_view_position_and_the_conflict_shows() -> None:
    """The mandatory code decides; an image whose two views differ does not count."""
    ds = header("R-10224", ViewPosition="MLO")
    assert view_evidence(ds).conflict
    assert summarise(ds).view is View.ML
    assert not summarise(header("R-10226", ViewPosition="CC")).standard
    assert not view_evidence(header("R-1024A", ViewPosition="CC")).conflict


@pytest.mark.parametrize(
    "modifier",
    ["399163009", "R-102D6", "399055006", "R-102C2", "399161006", "R-102D1", "442581004", "X-1"],
)
def test_modified_views_do_not_count(modifier: str) -> None:
    """Magnified, spot, tangential, cleavage, axillary and unknown views leave a study open."""
    assert not summarise(header(modifiers=(modifier,))).standard


@pytest.mark.parametrize("modifier", ["399209000", "R-102D5"])
def test_implant_displaced_counts(modifier: str) -> None:
    """An implant-displaced CC is the CC of a breast with an implant."""
    assert summarise(header(modifiers=(modifier,))).standard


@pytest.mark.parametrize(
    ("more", "standard"),
    [
        ({}, True),
        ({"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing}, False),
        ({"SOPClassUID": BreastTomosynthesisImageStorage}, False),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY"]}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POST_PROCESSED"]}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "STEREO_SCOUT"]}, False),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}, False),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "", "LOW_ENERGY"]}, True),
        ({"PartialView": "YES"}, False),
        ({"PartialView": "NO"}, True),
        ({"QualityControlImage": "YES"}, False),
        ({"ImageLaterality": "B"}, False),
        ({"ImageLaterality": ""}, False),
    ],
)
def test_only_plain_full_views_count(more: dict[str, Any], standard: bool) -> None:
    """Biopsy, tomosynthesis, partial and quality control images do not complete a study."""
    assert summarise(header(**more)).standard is standard


def frame_laterality(side: str) -> list[Dataset]:
    anatomy, group = Dataset(), Dataset()
    anatomy.FrameLaterality = side
    group.FrameAnatomySequence = [anatomy]
    return [group]


def region(side_code: str) -> list[Dataset]:
    return [coded("76752008", AnatomicRegionModifierSequence=[coded(side_code)])]


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("attributes", "side", "conflict"),
    [
        ({"ImageLaterality": "R"}, Laterality.RIGHT, False),
        ({"ImageLaterality": "l "}, Laterality.LEFT, False),
        ({"Laterality": "L"}, Laterality.LEFT, False),
        ({"ImageLaterality": "R", "Laterality": "L"}, Laterality.RIGHT, False),
        ({"SharedFunctionalGroupsSequence": frame_laterality("L")}, Laterality.LEFT, False),
        ({"PerFrameFunctionalGroupsSequence": frame_laterality("R")}, Laterality.RIGHT, False),
        ({"AnatomicRegionSequence": region("7771000")}, Laterality.LEFT, False),
        ({"AnatomicRegionSequence": region("G-A100")}, Laterality.RIGHT, False),
        ({"ImageLaterality": "R", "AnatomicRegionSequence": region("7771000")}, None, True),
        (
            {"ImageLaterality": "R", "SharedFunctionalGroupsSequence": frame_laterality("L")},
            None,
            True,
        ),
        ({"ImageLaterality": "B"}, None, False),
        ({"ImageLaterality": "U"}, None, False),
        ({"ImageLaterality": "X", "Laterality": "R"}, Laterality.RIGHT, False),
        ({}, None, False),
    ],
)
def test_laterality_sources(
    attributes: dict[str, Any], side: Laterality | None, conflict: bool
) -> None:
    """Image-level sources must agree; the series-level one is heard when they are silent."""
    ds = Dataset()
    for keyword, content in attributes.items():
        setattr(ds, keyword, content)
    assert laterality_evidence(ds).laterality is side
    assert laterality_evidence(ds).conflict is conflict


def test_a_sequence_in_place_of_a_word_is_no_word() -> None:
    """A dataset under a garbled value representation never becomes text."""
    item = Dataset()
    item.PatientName = "DOE^JANE"
    ds = Dataset()
    ds.add_new(0x00080070, "SQ", [item])
    assert attributes.words(ds, "Manufacturer") == ("",)
    assert attributes.text(ds, "Manufacturer") is None


_TAGS = [
    0x00080008, 0x00080016, 0x00082218, 0x00185101, 0x00200060, 0x00200062,
    0x00281350, 0x00280300, 0x00540220, 0x52009229, 0x52009230,
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(_TAGS),
        st.tuples(
            st.sampled_from(["CS", "SQ", "US", "UI", "DS", "UN", "FD", "AT", "ZZ"]),
            st.binary(max_size=24),
        ),
    )
)
@example({0x00185101: ("SQ", b"\0" * 7 + b"\x01" + b"\0" * 4 + b"AU\0\0")})
@pytest.mark.filterwarnings("ignore")
def test_garbled_headers_never_raise(elements: dict[int, tuple[str, bytes]]) -> None:
    """Whatever bytes stand in whatever value representation, a summary comes back."""
    ds = Dataset()
    for tag, (vr, raw) in elements.items():
        ds._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(raw), raw, 0, False, True)
    summary = summarise(ds)
    assert summary.standard in (True, False)
