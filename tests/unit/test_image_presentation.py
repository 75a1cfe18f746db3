"""Greys: the pipeline of PS3.4 N.2 agrees with pydicom's and with the standard's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import ExplicitVRLittleEndian

from mammo_node.image import presentation
from mammo_node.vocabulary import (
    Laterality,
    LookupTable,
    MammoImage,
    Orientation,
    Presentation,
    Spacing,
    SpacingOrigin,
    View,
    VoiFunction,
    VoiKind,
    Window,
)
from tests.synthetic import REF, header

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def image(ds: Dataset, stored: np.ndarray = RAMP, padding: np.ndarray | None = None) -> MammoImage:
    return MammoImage(
        ref=REF,
        stored=stored,
        padding=padding,
        laterality=Laterality.RIGHT,
        view=View.CC,
        orientation=Orientation(chest_wall_right=True),
        spacing=Spacing(0.1, 0.1, SpacingOrigin.IMAGER),
        presentation=presentation.from_dataset(ds),
        manufacturer="ACME",
    )


def lut(first: int, bits: int, data: list[int], vr: str = "US", keyword: str = "VOI") -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(data) % 65536, first, bits]
    item["LUTDescriptor"].VR = "US"
    item.add_new(0x00283006, vr, data if vr == "US" else np.array(data, "<u2").tobytes())
    if keyword == "Modality":
        item.ModalityLUTType = "US"
    return item


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1000.5, 333.25), (3000, 2), (50, 80)])
@pytest.mark.parametrize("rescale", [(1, 0), (0.5, -100), (-1, 4095)])
@pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # pydicom's own
def test_windows_agree_with_pydicom(
    function: str, centre: float, width: float, rescale: tuple[float, float]
) -> None:
    """Every VOI LUT Function after every rescale gives what pydicom's formula gives."""
    ds = header(WindowCenter=centre, WindowWidth=width, VOILUTFunction=function)
    ds.RescaleSlope, ds.RescaleIntercept = rescale
    theirs = apply_windowing(apply_modality_lut(RAMP, ds), ds)
    ours = presentation.render(image(ds), VoiKind.WINDOW)
    low = min(rescale[1], rescale[1] + rescale[0] * 4095)
    high = max(rescale[1], rescale[1] + rescale[0] * 4095)
    assert ours.dtype == np.float32
    if rescale[0] > 0:
        np.testing.assert_allclose(ours, (theirs - low) / (high - low), atol=5e-4)
    # pydicom computes the output range of a falling rescale backwards: compare the order only.
    assert 0.0 <= ours.min() <= ours.max() <= 1.0
    assert (np.diff(ours.ravel()) * np.sign(rescale[0]) >= 0).all()


@pytest.mark.parametrize("vr", ["US", "OW"])
def test_voi_lut_agrees_with_pydicom(vr: str) -> None:
    """Without a window the first VOI LUT is applied, as pydicom applies it, in words or bytes."""
    data = [int(v) for v in np.linspace(0, 1023, 1500)]
    ds = header(VOILUTSequence=[lut(1200, 10, data, vr), lut(0, 10, data)])
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    theirs = apply_voi(RAMP, ds)
    np.testing.assert_allclose(presentation.render(image(ds), VoiKind.WINDOW), theirs / 1023)


def test_first_window_wins_over_voi_lut() -> None:
    """With both, and with several windows, the first window is what is shown."""
    ds = header(
        WindowCenter=[2000, 3000], WindowWidth=[1000, 10], VOILUTSequence=[lut(0, 8, [255, 0])]
    )
    greys = presentation.render(image(ds), VoiKind.WINDOW)
    expected = presentation.render(
        image(header(WindowCenter=2000, WindowWidth=1000)), VoiKind.WINDOW
    )
    np.testing.assert_array_equal(greys, expected)
    assert [w.centre for w in presentation.from_dataset(ds).windows] == [2000, 3000]


def test_modality_lut_agrees_with_pydicom() -> None:
    """A Modality LUT takes the place of the rescale; values outside take its ends."""
    data = [int(v) for v in np.linspace(4000, 100, 3000)]
    ds = header(
        ModalityLUTSequence=[lut(500, 16, data, keyword="Modality")],
        WindowCenter=2000,
        WindowWidth=3000,
    )
    modality = apply_modality_lut(RAMP, ds).astype(float)
    expected = np.clip((modality - 1999.5) / 2999 + 0.5, 0, 1)
    greys = presentation.render(image(ds), VoiKind.WINDOW)
    np.testing.assert_allclose(greys, expected, atol=1e-6)


def test_signed_values_with_a_signed_first_entry() -> None:
    """LUT Descriptor's first value is negative for signed data though its VR says unsigned."""
    stored = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    data = [int(v) for v in np.linspace(0, 255, 4096)]
    ds = header(PixelRepresentation=1, VOILUTSequence=[lut(65536 - 2048, 8, data)])
    greys = presentation.render(image(ds, stored), VoiKind.WINDOW)
    np.testing.assert_allclose(greys.ravel(), np.array(data) / 255, atol=1e-6)


def test_none_scales_the_full_stored_range() -> None:
    """Without VOI a model sees stored values over Bits Stored, whatever the windows are."""
    ds = header(WindowCenter=10, WindowWidth=2, RescaleSlope=3, RescaleIntercept=-7)
    np.testing.assert_allclose(presentation.render(image(ds), VoiKind.NONE), RAMP / 4095, atol=1e-6)
    stored = np.array([[-2048, 0, 2047]], dtype=np.int16)
    greys = presentation.render(image(header(PixelRepresentation=1), stored), VoiKind.NONE)
    np.testing.assert_allclose(greys, [[0.0, 2048 / 4095, 1.0]], atol=1e-6)


def test_without_window_and_lut_the_range_is_scaled() -> None:
    """WINDOW falls back to the full range when the image brings nothing to apply."""
    bare = image(header())
    np.testing.assert_array_equal(
        presentation.render(bare, VoiKind.WINDOW), presentation.render(bare, VoiKind.NONE)
    )


@pytest.mark.parametrize("voi", list(VoiKind))
@pytest.mark.parametrize("shape", [None, "INVERSE"])
def test_monochrome1_is_inverted_once(voi: VoiKind, shape: str | None) -> None:
    """MONOCHROME1, with its INVERSE shape or without, comes out as its MONOCHROME2 negative."""
    window = {"WindowCenter": 2000, "WindowWidth": 2000, "VOILUTFunction": "SIGMOID"}
    plain = presentation.render(image(header(**window)), voi)
    ds = header(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape=shape, **window)
    np.testing.assert_allclose(presentation.render(image(ds), voi), 1 - plain, atol=1e-6)
    assert not presentation.polarity_contradicted(ds)


@pytest.mark.parametrize(
    ("photometric", "shape", "contradicted"),
    [
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "nonsense", False),
    ],
)
def test_contradicting_polarity_is_noticed(
    photometric: str, shape: str, contradicted: bool
) -> None:
    """A Presentation LUT Shape that is not the photometric interpretation's own is seen."""
    ds = header(PhotometricInterpretation=photometric)
    ds.add_new(0x20500020, "CS", shape.upper())
    assert presentation.polarity_contradicted(ds) is contradicted


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_dark(photometric: str) -> None:
    """Padding is 0 in either polarity."""
    padding = RAMP < 100
    ds = header(PhotometricInterpretation=photometric)
    greys = presentation.render(image(ds, padding=padding), VoiKind.NONE)
    assert (greys[padding] == 0).all()
    assert greys[~padding].max() > 0.9


@pytest.mark.parametrize(
    "changes",
    [
        {"WindowCenter": 5},
        {"WindowCenter": [5, 6], "WindowWidth": [0, -3]},
        {"VOILUTFunction": "CUBIC"},
        {"RescaleSlope": 0},
        {"VOILUTSequence": [Dataset()]},
        {"ModalityLUTSequence": []},
    ],
)
def test_unusable_parts_count_as_absent(changes: dict[str, Any]) -> None:
    """Half a window, a width of nothing, an empty LUT: the image is shown without them."""
    assert presentation.from_dataset(header(**changes)) == Presentation(bits_stored=12)


def test_short_lut_data_counts_as_absent() -> None:
    """A LUT with fewer entries than its descriptor promises is not used."""
    item = lut(0, 12, [1, 2, 3])
    item.LUTDescriptor = [4000, 0, 12]
    assert presentation.from_dataset(header(VOILUTSequence=[item])).voi_luts == ()


@pytest.mark.parametrize("data", ["words", 7.5, [None, "x", 1, 2]])
def test_garbled_lut_data_counts_as_absent(data: Any) -> None:
    """LUT Data that is not numbers is not used."""
    assert presentation._entries(data, 4) is None


def test_a_lut_deeper_than_its_input_counts_as_absent() -> None:
    """A LUT of more than 16 bits is not used: nothing like it exists."""
    item = lut(0, 32, [1, 2, 3])
    assert presentation.from_dataset(header(VOILUTSequence=[item])).voi_luts == ()


def test_lut_of_packed_bytes() -> None:
    """8-bit LUT data packed two to a word is read entry by entry."""
    item = Dataset()
    item.LUTDescriptor = [4, 0, 8]
    item.add_new(0x00283006, "OW", bytes([0, 10, 200, 255]))
    found = presentation.from_dataset(header(VOILUTSequence=[item])).voi_luts
    assert found == (LookupTable(0, 8, (0, 10, 200, 255)),)


def test_a_window_one_wide_is_a_step() -> None:
    """PS3.3 C.11.2.1.2.1: a LINEAR window of width 1 cuts at centre - 0.5."""
    values = np.array([9.0, 9.5, 9.6, 10.0])
    greys = presentation.apply_window(values, Window(10, 1), VoiFunction.LINEAR)
    np.testing.assert_array_equal(greys, [0, 0, 1, 1])


def test_sigmoid_far_out_does_not_overflow() -> None:
    """The flanks of a narrow sigmoid are 0 and 1, without a floating-point warning."""
    with np.errstate(all="raise", under="ignore"):
        greys = presentation.apply_window(
            np.array([-1e9, 0.0, 1e9]), Window(0, 1e-3), VoiFunction.SIGMOID
        )
    np.testing.assert_allclose(greys, [0, 0.5, 1], atol=1e-12)


def test_presentation_is_a_plain_value() -> None:
    """A presentation can be compared, hashed and varied: encoders and caches rely on it."""
    told = presentation.from_dataset(header(WindowCenter=1, WindowWidth=2))
    assert replace(told, inverse=True) != told
    assert hash(told) == hash(replace(told))
