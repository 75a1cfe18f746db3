"""Presentation states: the source's own greys, lesions in place, and no image without a word."""

from __future__ import annotations

import functools
import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalMammographyXRayImageStorageForProcessing

from mammo_node.encode.parse import parse_report
from mammo_node.encode.statement import RESEARCH_USE
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import Laterality, Outcome, OutputKind, StudyResult
from tests.golden import samples

ANSWERS = samples.answers()


@functools.cache
def _unchanged(result: StudyResult) -> list[Dataset]:
    return _states(result)


def states(result: StudyResult, **changes: object) -> list[Dataset]:
    """Return the states of a result; the changes go into every source header."""
    return _states(result, **changes) if changes else _unchanged(result)


def _states(result: StudyResult, **changes: object) -> list[Dataset]:
    headers = samples.headers(result)
    for header in headers.values():
        for keyword, value in changes.items():
            if value is None:
                del header[keyword]
            else:
                setattr(header, keyword, value)
    made = encode_study(
        result,
        headers,
        [OutputKind.GSPS],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    return [pydicom.dcmread(io.BytesIO(one.to_bytes())) for one in made]


def lut(entries: int, first: int = 0, bits: int = 12) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [entries % 65536, first, bits])
    item.LUTExplanation = "NORMAL"
    item.add_new("LUTData", "US", list(range(entries)))
    return item


def texts(state: Dataset) -> list[str]:
    return [
        text.UnformattedTextValue
        for annotation in state.GraphicAnnotationSequence
        for text in annotation.TextObjectSequence
    ]


@pytest.mark.parametrize("name", ["findings", "no-findings", "partial", "failed", "not-attempted"])
def test_every_mammogram_has_one_state(name: str) -> None:
    """Each For Presentation mammogram has one state, on it alone, that says what came of it."""
    result = ANSWERS[name]
    made = states(result)
    images = [
        image.ReferencedSOPInstanceUID
        for state in made
        for series in state.ReferencedSeriesSequence
        for image in series.ReferencedImageSequence
    ]
    assert images == [view.ref.sop_instance_uid for view in result.views[:4]]
    for state in made:
        assert RESEARCH_USE in texts(state)
        assert any(line.startswith("AI: ") for line in texts(state))


def test_image_without_findings_says_so() -> None:
    """No findings, a refusal and a failure are three different sentences on the image."""
    assert "AI: No findings above the operating point" in texts(states(ANSWERS["no-findings"])[0])
    assert "AI: Analysis failed, no result" in texts(states(ANSWERS["failed"])[0])
    words = "AI: Not analysed (pixel-data): the JPEG stream ends early"
    assert words in texts(states(ANSWERS["partial"])[3])


def test_outline_caption_and_tracking_agree_with_the_report() -> None:
    """A lesion has the same outline, name and Tracking UID in report and presentation state."""
    result = ANSWERS["findings"]
    (report,) = encode_study(
        result,
        samples.headers(result),
        [OutputKind.SR],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    reported = {finding.tracking_uid: finding for finding in parse_report(report.dataset).findings}
    drawn = [
        (graphic, annotation.TextObjectSequence[0].UnformattedTextValue)
        for state in states(result)
        for annotation in state.GraphicAnnotationSequence
        for graphic in annotation.get("GraphicObjectSequence", [])
    ]
    assert len(drawn) == len(reported) == 3
    for graphic, caption in drawn:
        finding = reported[graphic.TrackingUID]
        points = np.reshape(graphic.GraphicData, (-1, 2))
        assert len(points) == graphic.NumberOfGraphicPoints
        assert tuple(points[0]) == tuple(points[-1])
        np.testing.assert_allclose(points[:-1], finding.region_px, atol=1e-3)
        assert graphic.TrackingID == finding.name
        assert f"{finding.label} {finding.score:.2f}" in caption


def test_captions_are_inside_the_image_and_apart() -> None:
    """Captions of neighbouring lesions do not cover each other, nor leave the image."""
    state = states(ANSWERS["findings"])[0]
    boxes = [
        (*text.BoundingBoxTopLeftHandCorner, *text.BoundingBoxBottomRightHandCorner)
        for annotation in state.GraphicAnnotationSequence[:2]
        for text in annotation.TextObjectSequence
    ]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= samples.COLUMNS
        assert 0 <= top < bottom <= samples.ROWS
    (l0, t0, r0, b0), (l1, t1, r1, b1) = boxes
    assert r0 <= l1 or r1 <= l0 or b0 <= t1 or b1 <= t0


def test_default_window_is_kept_with_its_function() -> None:
    """The image's first window stands in the state, with its function and name, unchanged."""
    (voi,) = states(ANSWERS["no-findings"])[0].SoftcopyVOILUTSequence
    assert (voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction) == (2048, 4096, "SIGMOID")
    assert voi.WindowCenterWidthExplanation == "NORMAL"
    assert "VOILUTSequence" not in voi


@pytest.mark.parametrize("entries", [1, 4096, 40000, 65536])
def test_voi_lut_is_kept_where_there_is_no_window(entries: int) -> None:
    """Without a window the image's first VOI LUT is carried over, widened to 16 bits."""
    made = states(
        ANSWERS["no-findings"],
        WindowCenter=None,
        WindowWidth=None,
        WindowCenterWidthExplanation=None,
        VOILUTSequence=Sequence([lut(entries), lut(7)]),
    )
    (voi,) = made[0].SoftcopyVOILUTSequence
    (table,) = voi.VOILUTSequence
    assert list(table.LUTDescriptor) == [entries % 65536, 0, 16]
    relative = np.minimum(np.arange(entries), 4095) / 4095
    np.testing.assert_allclose(np.frombuffer(table.LUTData, "<u2") / 65535, relative, atol=1e-5)


def test_voi_lut_of_bytes_is_kept() -> None:
    """A LUT of 8-bit entries, padded to even length, is read entry by entry."""
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [3, 10, 8])
    table.add_new("LUTData", "OW", bytes([0, 51, 255, 0]))
    made = states(
        ANSWERS["no-findings"], WindowCenter=None, WindowWidth=None, VOILUTSequence=[table]
    )
    (kept,) = made[0].SoftcopyVOILUTSequence[0].VOILUTSequence
    assert list(kept.LUTDescriptor) == [3, 10, 16]
    assert list(np.frombuffer(kept.LUTData, "<u2")) == [0, 13107, 65535]


@pytest.mark.parametrize(
    "descriptor", [[5, 0, 12], [4, 0, 7], [4, 0, 17], [4, 0]], ids=lambda d: "-".join(map(str, d))
)
def test_contradictory_voi_lut_is_left_out(descriptor: list[int]) -> None:
    """A LUT whose data are not as its descriptor says is not carried over."""
    table = Dataset()
    table.add_new("LUTDescriptor", "US", descriptor)
    table.add_new("LUTData", "US", [1, 2, 3, 4])
    made = states(
        ANSWERS["no-findings"], WindowCenter=None, WindowWidth=None, VOILUTSequence=[table]
    )
    assert "SoftcopyVOILUTSequence" not in made[0]


@pytest.mark.parametrize("width", ["0", "-5", "nan", None])
def test_unusable_window_is_left_out(width: str | None) -> None:
    """A window without a positive width is not carried over, and the state is made."""
    made = states(ANSWERS["no-findings"], WindowWidth=None)
    assert len(made) == 4
    header = samples.headers(ANSWERS["no-findings"])
    first = header[min(header)]
    first["WindowWidth"]._value = width
    result = samples.study_result(Outcome.NO_FINDINGS, samples.negative_views()[:1])
    (state,) = encode_study(
        result,
        {min(header): first},
        [OutputKind.GSPS],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    assert "SoftcopyVOILUTSequence" not in state.dataset


@pytest.mark.parametrize(
    ("photometric", "shape", "expected"),
    [
        ("MONOCHROME2", "IDENTITY", "IDENTITY"),
        ("MONOCHROME1", "INVERSE", "INVERSE"),
        ("MONOCHROME1", "IDENTITY", "INVERSE"),
        ("MONOCHROME2", "INVERSE", "IDENTITY"),
    ],
)
def test_polarity_is_inverted_once(photometric: str, shape: str, expected: str) -> None:
    """INVERSE exactly for MONOCHROME1; Presentation LUT Shape does not invert a second time."""
    made = states(
        ANSWERS["no-findings"], PhotometricInterpretation=photometric, PresentationLUTShape=shape
    )
    assert {state.PresentationLUTShape for state in made} == {expected}


def test_modality_lut_is_kept() -> None:
    """Rescale slope and intercept are carried over; a Modality LUT goes before them."""
    made = states(ANSWERS["no-findings"], RescaleSlope="2.5", RescaleIntercept="-1024")
    assert (made[0].RescaleSlope, made[0].RescaleIntercept) == (2.5, -1024)
    table = lut(16)
    table.ModalityLUTType = "OD"
    made = states(ANSWERS["no-findings"], ModalityLUTSequence=Sequence([table]))
    (kept,) = made[0].ModalityLUTSequence
    assert kept.ModalityLUTType == "OD"
    assert list(np.frombuffer(kept.LUTData, "<u2")) == list(range(16))
    assert "RescaleSlope" not in made[0]


def test_sides_are_series_of_their_own() -> None:
    """Laterality (0020,0060) is that of the image, and one per series."""
    made = states(ANSWERS["no-findings"])
    assert [state.Laterality for state in made] == ["R", "L", "R", "L"]
    series = {(state.Laterality, state.SeriesInstanceUID, state.SeriesNumber) for state in made}
    assert len(series) == 2


def test_whole_image_is_shown() -> None:
    """The displayed area is the whole image, scaled to fit, with the image's own spacing."""
    (area,) = states(ANSWERS["no-findings"])[0].DisplayedAreaSelectionSequence
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [samples.COLUMNS, samples.ROWS]
    assert area.PresentationSizeMode == "SCALE TO FIT"
    assert list(area.PresentationPixelSpacing) == [0.065, 0.065]


def test_images_that_no_state_fits_have_none() -> None:
    """Colour, unknown size, For Processing and unanalysed tomosynthesis have the report alone."""
    result = ANSWERS["not-attempted"]
    assert states(result, PhotometricInterpretation="RGB") == []
    unsized = tuple(replace(view, rows=0, columns=0) for view in result.views)
    assert states(replace(result, views=unsized)) == []
    processing = DigitalMammographyXRayImageStorageForProcessing
    raw = tuple(
        replace(view, ref=samples.ref(n, processing)) for n, view in enumerate(result.views, 1)
    )
    assert states(replace(result, views=raw)) == []


def test_long_reasons_fit_the_display() -> None:
    """A long reason is cut on the image, and whole in the report."""
    view = samples.refused(
        samples.negative_views()[0], samples.RefusalReason.HEADER, "very long " * 200
    )
    (state,) = states(samples.study_result(Outcome.NOT_ATTEMPTED, (view,)))
    (line,) = [text for text in texts(state) if text.startswith("AI: ")]
    assert len(line) <= 110
    assert line.endswith("...")
    assert len(state.ContentDescription) <= 64


def test_unknown_side_has_a_state_too() -> None:
    """An image of unknown side has a state with an empty Laterality in a series of its own."""
    views = tuple(
        replace(view, laterality=None if view.laterality is Laterality.LEFT else view.laterality)
        for view in samples.negative_views()
    )
    made = states(samples.study_result(Outcome.PARTIAL, views))
    assert [state.Laterality or None for state in made] == ["R", None, "R", None]
    assert len({state.SeriesInstanceUID for state in made}) == 2
