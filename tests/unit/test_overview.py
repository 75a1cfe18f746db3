"""The overview of a study: what hangs where, what the light says, what is drawn."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.pdfbase.ttfonts import TTFontFile

from mammo_node.encode import sentences, typeface
from mammo_node.encode.overview import light, sheet, words
from mammo_node.encode.overview.board import others_words
from mammo_node.encode.overview.canvas import MARK
from mammo_node.encode.overview.hanging import MOST_ROWS, hang
from mammo_node.encode.study import encode_study
from mammo_node.encode.typeface import REPERTOIRE, Typeface, can_write, written
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Box,
    Landmarks,
    Laterality,
    Light,
    Location,
    Outcome,
    OutputKind,
    Quadrant,
    Refusal,
    RefusalReason,
    StudyResult,
    View,
    ViewPicture,
)
from tests.golden import samples
from tests.pictures import pictures

ANSWERS = samples.answers()
IMPRINT = sheet.Imprint("2026-11-21", 1, "mammo_node 0.1.0", "2026-11-21 12:34")
NOT_IN_STUDY = None


def overview(result: StudyResult, **options: bool) -> np.ndarray:
    return sheet.draw_sheet(result, pictures(result, relevant=True), IMPRINT, **options)


def yellow(rgb: np.ndarray) -> np.ndarray:
    return (np.abs(rgb.astype(int) - MARK) < 40).all(axis=2)


def hung(result: StudyResult) -> list[tuple[str | None, str | None]]:
    """The SOP Instance UIDs of each row, right breast first."""
    return [
        tuple(p.shown and p.shown.ref.sop_instance_uid for p in row) for row in hang(result).rows
    ]


def test_right_breasts_hang_at_the_left_and_cc_above_mlo():
    """The four views hang as mammographers hang them, in whatever order they are given."""
    result = ANSWERS["findings"]
    uids = [view.ref.sop_instance_uid for view in result.views]
    assert hung(result) == [tuple(uids[:2]), tuple(uids[2:])]
    assert hung(replace(result, views=result.views[::-1])) == hung(result)


def test_a_refused_view_keeps_its_place_and_a_missing_one_too():
    """A refused standard view and one that the study lacks leave a place that says so."""
    result = ANSWERS["partial"]
    rows = hang(replace(result, views=result.views[1:4])).rows
    assert rows[0][0].shown is NOT_IN_STUDY
    assert rows[0][0].side is Laterality.RIGHT
    assert rows[1][1].shown.refusal.reason is RefusalReason.PIXEL_DATA


def test_what_is_refused_beside_an_analysed_twin_is_named_below():
    """Tomosynthesis of a view that hangs takes no place; alike refusals are said once."""
    result = ANSWERS["findings"]
    tomo = tuple(
        samples.refused(samples.view_result(10 + n, side, view), RefusalReason.TOMOSYNTHESIS, "no")
        for n, (side, view) in enumerate(STANDARD_VIEWS)
    )
    both = replace(result, views=(*tomo, *result.views))
    assert hung(both) == hung(result)
    (said,) = others_words(both, hang(both))
    assert said == "R CC, L CC, R MLO, L MLO: Not analysed (tomosynthesis): no"


def test_more_views_make_more_rows_and_findings_are_not_left_out():
    """Six views are three rows; where there are too many, rows with findings stay."""
    sides = (Laterality.RIGHT, Laterality.LEFT)
    names = (View.CC, View.MLO, View.ML)
    views = [
        samples.view_result(n, s, v)
        for n, (s, v) in enumerate((s, v) for v in names for s in sides)
    ]
    six = replace(ANSWERS["no-findings"], views=tuple(views))
    assert [row[0].view for row in hang(six).rows] == [View.CC, View.MLO, View.ML]
    many = [samples.view_result(n, Laterality.LEFT, View.CC) for n in range(20)]
    found = replace(many[-1], findings=ANSWERS["findings"].views[0].findings)
    crowded = hang(replace(six, views=(*many[:-1], found)))
    assert len(crowded.rows) == MOST_ROWS
    assert crowded.rows[-1][1].shown is found
    assert len(crowded.others) == 20 - MOST_ROWS


@pytest.mark.parametrize(
    ("answer", "lamp"),
    [
        ("findings", Light.RED),
        ("no-findings", Light.GREEN),
        ("partial", Light.RED),
        ("failed", Light.UNLIT),
        ("failed-unread", Light.UNLIT),
        ("not-attempted", Light.UNLIT),
    ],
)
def test_the_light_of_each_answer(answer: str, lamp: Light):
    """Green is for a whole study without findings alone."""
    assert light.light_of(ANSWERS[answer]) is lamp


def test_amber_turns_red_half_way_from_the_operating_point():
    """A score in the upper half between its operating point and 1 is red, a lower one amber."""
    view = ANSWERS["no-findings"].views[0]
    for score, lamp in ((0.36, Light.AMBER), (0.67, Light.AMBER), (0.68, Light.RED)):
        found = samples.finding("mass", score, Box(10.0, 10.0, 20.0, 20.0))
        result = samples.study_result(Outcome.FINDINGS, (replace(view, findings=(found,)),))
        assert light.light_of(result) is lamp


def test_partial_without_findings_is_not_green():
    """What was not looked at is not free of findings, and the headline does not begin with it."""
    result = replace(ANSWERS["no-findings"], outcome=Outcome.PARTIAL, reason="x")
    assert light.light_of(result) is Light.UNLIT
    assert light.headline(result).startswith("Incomplete")


@pytest.mark.parametrize("lamp", Light)
def test_the_assessment_of_the_patient_decides_the_light(lamp: Light):
    """Whatever the findings: the patient's assessment is the lamp, and the legend says how."""
    result = samples.rich()
    breast, patient = result.assessments[0], replace(result.assessments[2], light=lamp)
    assessed = replace(result, assessments=(breast, patient))
    assert light.light_of(assessed) is lamp
    assert light.legend_of(assessed) == light.LEGEND_OF_ASSESSMENTS
    without = replace(result, assessments=(breast,))
    assert light.light_of(without) is Light.RED
    assert light.legend_of(without) == light.LEGEND


def test_no_assessment_makes_a_part_of_a_study_green():
    """Green is for a whole study, whoever says it."""
    green = replace(samples.rich().assessments[2], light=Light.GREEN)
    result = replace(ANSWERS["no-findings"], outcome=Outcome.PARTIAL, assessments=(green,))
    assert light.light_of(result) is Light.UNLIT


def test_the_nipple_is_a_thin_ring_where_it_was_found():
    """A ring on the image shows where distances are from; it is no mark of a finding."""
    result = ANSWERS["no-findings"]
    seen = Landmarks((1900.0, 1660.0), 0.9, 0.8, (), (), samples.MODEL)
    views = (replace(result.views[0], landmarks=seen), *result.views[1:])
    plain, ringed = overview(result), overview(replace(result, views=views))
    rows, columns = np.nonzero((plain != ringed).any(axis=2))
    assert 8 < np.ptp(rows) < 24
    assert 8 < np.ptp(columns) < 24
    assert columns.max() < sheet.WIDTH // 2
    assert not yellow(ringed[rows.min() : rows.max(), columns.min() : columns.max()]).any()


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_has_a_sheet(answer: str):
    """Each kind of answer, with and without pictures, is a full sheet with words on it."""
    result = ANSWERS[answer]
    for shown in (pictures(result), {}):
        rgb = sheet.draw_sheet(result, shown, IMPRINT)
        assert rgb.shape == (sheet.HEIGHT, sheet.WIDTH, 3)
        assert rgb[:250].max() > 200
        assert yellow(rgb[:250]).sum() > 500, "the research-use statement"


def test_marks_are_where_the_findings_are():
    """The box of a finding is drawn around its place on the image, right breast at the left."""
    view = ANSWERS["no-findings"].views[0]
    found = samples.finding("mass", 0.4, Box(1400.0, 1500.0, 2000.0, 2100.0))
    views = (replace(view, findings=(found,)), *ANSWERS["no-findings"].views[1:])
    rgb = overview(replace(ANSWERS["findings"], views=views))
    board = yellow(rgb[260:1000])
    _, columns = np.nonzero(board[:, : sheet.WIDTH // 2])
    assert not board[:, sheet.WIDTH // 2 :].any()
    # The image stands against the middle: 560 stored pixels from there to the box.
    scale = (columns.max() - columns.min() - 1) / 600
    assert sheet.WIDTH // 2 - columns.max() == pytest.approx(560 * scale, abs=3)


def test_relevance_is_laid_over_in_colour():
    """With heat the relevant part of the image is coloured, and nothing else of it."""
    plain, heated = overview(ANSWERS["no-findings"]), overview(ANSWERS["no-findings"], heat=True)
    board = slice(260, 1700)
    changed = (plain[board] != heated[board]).any(axis=2)
    assert 0 < changed.mean() < 0.05
    assert (np.ptp(heated[board][changed].astype(int), axis=1) > 50).any()


def test_the_same_arguments_give_the_same_pixels():
    """The sheet is deterministic."""
    assert np.array_equal(overview(ANSWERS["partial"]), overview(ANSWERS["partial"]))


def test_the_site_is_written_where_it_is_known():
    """A finding's words have its site if it has one, and no gap if not."""
    found = samples.finding("mass", 0.87, Box(0.0, 0.0, 200.0, 200.0))
    assert words.finding_words(1, found) == "1 mass 0.87, 13\u00a0mm"
    sited = replace(found, site="upper outer quadrant", long_axis_mm=None)
    assert words.finding_words(2, sited) == "2 mass 0.87, upper outer quadrant"
    placed = replace(sited, location=Location(Quadrant.UPPER_OUTER, 10, nipple_mm=43.0))
    assert words.finding_words(3, placed) == "3 mass 0.87, upper outer quadrant, 10 o'clock"


def test_the_breasts_stand_below_the_headline():
    """Score, category and density of each breast are one line; nothing is there without them."""
    assert sentences.breasts_words(samples.rich()) == (
        "Right: score 0.71, AI suspicion category 4, density C."
        " Left: score 0.41, AI suspicion category 1, density B."
    )
    assert sentences.breasts_words(ANSWERS["findings"]) == ""


_finding = st.builds(
    lambda label, score, corner, site: replace(
        samples.finding("mass", score, Box(*corner, corner[0] + 50.0, corner[1] + 9.0)),
        label=label,
        site=site,
    ),
    st.text(max_size=40),
    st.floats(0.0, 1.0),
    st.tuples(st.floats(-9000.0, 9000.0), st.floats(-9000.0, 9000.0)),
    st.none() | st.text(max_size=60),
)
_view = st.builds(
    lambda number, side, view, findings, refusal: samples.view_result(
        number, side, view, () if refusal else tuple(findings), refusal
    ),
    st.integers(1, 99),
    st.none() | st.sampled_from(Laterality),
    st.none() | st.sampled_from(View),
    st.lists(_finding, max_size=12),
    st.none() | st.builds(Refusal, st.sampled_from(RefusalReason), st.text(max_size=300)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    views=st.lists(_view, max_size=16),
    outcome=st.sampled_from(Outcome),
    reason=st.none() | st.text(max_size=900),
    shown=st.booleans(),
    small=st.sampled_from([(1, 1), (1, 700), (700, 1), (40, 30)]),
)
def test_whatever_the_result_is_there_is_a_sheet(views, outcome, reason, shown, small):
    """Any views, words and sizes are laid out: an odd study does not cost its overview."""
    result = replace(ANSWERS["findings"], views=tuple(views), outcome=outcome, reason=reason)
    grey = np.full(small, 90, dtype=np.uint8)
    picture = ViewPicture(grey, (small[1] / 2560, 0.0, 0.0, 0.0, small[0] / 3328, 0.0))
    pictured = {v.ref.sop_instance_uid: picture for v in views} if shown else {}
    rgb = sheet.draw_sheet(result, pictured, IMPRINT)
    assert rgb.shape == (sheet.HEIGHT, sheet.WIDTH, 3)


@pytest.mark.parametrize("bold", [False, True])
def test_the_fonts_have_every_letter_that_they_are_said_to_have(bold: bool):
    """No letter of the repertoire comes out as a box."""
    font = TTFontFile(io.BytesIO(typeface.font_bytes(bold=bold)))
    letters = [code for first, last in REPERTOIRE for code in range(first, last + 1)]
    assert [hex(code) for code in letters if code not in font.charToGlyph] == []
    assert all(last < first for (_, last), (first, _) in pairwise(REPERTOIRE))


def test_letters_that_are_not_there_are_question_marks():
    """Greek and Cyrillic are written, what the fonts lack is not drawn as a box."""
    assert written("Größe Ωμέγα Ж") == "Größe Ωμέγα Ж"
    assert written("山田\nx") == "?? x"
    assert not can_write("שלום")


def test_long_words_are_broken_into_lines_that_fit():
    """Every line fits its width, and no letter is lost."""
    face = Typeface()
    text = "calcification-cluster Donaudampfschifffahrtsgesellschaft 12\u00a0mm"
    lines = face.wrapped(text, 27, 120)
    assert all(face.width(line, 27) <= 120 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert "12\u00a0mm" in lines


def test_long_words_are_written_smaller_before_they_are_broken():
    """The largest size in which the words fit is taken, lines ending at hyphens; or the least."""
    face = Typeface()
    sizes = (27, 25, 23, 21)
    for text, wide_enough, expected in (
        ("1 mass 0.87", "1 mass 0.87", 27),
        ("1 calcification-cluster", "calcification-", 27),
        ("1 microcalcifications 0.99,", "mass", 21),
    ):
        assert face.whole_words_size(text, sizes, face.width(wide_enough, 27)) == expected
    room = face.width("microcalcifications", 23)
    assert face.whole_words_size("1 microcalcifications", sizes, room) == 23


def encoded(result: StudyResult, **options: object):
    made = encode_study(
        result,
        samples.headers(result),
        [OutputKind.OVERVIEW],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, **options),
    )
    return [one.dataset for one in made]


def test_the_object_is_one_rgb_picture_without_the_patient():
    """One Secondary Capture of the sheet, which refers to the images that it shows."""
    result = ANSWERS["partial"]
    (ds,) = encoded(result)
    assert (ds.SamplesPerPixel, ds.Rows, ds.Columns) == (3, sheet.HEIGHT, sheet.WIDTH)
    assert len(ds.PixelData) == 3 * sheet.HEIGHT * sheet.WIDTH
    shown = [item.ReferencedSOPInstanceUID for item in ds.SourceImageSequence]
    assert shown == [v.ref.sop_instance_uid for v in result.views if v.refusal is None]
    assert "PixelSpacing" not in ds
    assert ds.Modality == "OT"


def test_nothing_on_the_sheet_tells_who_the_patient_is():
    """Another patient with the same images has the same picture."""
    result = ANSWERS["findings"]
    headers = samples.headers(result)
    for header in headers.values():
        header.PatientName, header.PatientID = "Somebody^Else", "ELSE"
        header.AccessionNumber, header.PatientBirthDate = "E1", "19991231"
        header.ReferringPhysicianName = header.StudyDescription = header.StudyID = "Else"
    (other,) = encode_study(
        result,
        headers,
        [OutputKind.OVERVIEW],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result),
    )
    assert other.dataset.PatientID == "ELSE"
    assert other.dataset.PixelData == encoded(result)[0].PixelData


def test_relevance_maps_make_a_second_picture():
    """Where models say what made them score there are two pictures, in one series."""
    plain, heated = encoded(ANSWERS["findings"], relevant=True)
    assert plain.SeriesInstanceUID == heated.SeriesInstanceUID
    assert plain.SOPInstanceUID != heated.SOPInstanceUID
    assert plain.InstanceNumber != heated.InstanceNumber


@pytest.mark.parametrize(("said", "expected"), [("NO", "NO"), ("YES", "YES"), (None, None)])
def test_burned_in_annotation_follows_the_images(said: str | None, expected: str | None):
    """What stands on the images stands on the sheet: film with a name on it is said to have one."""
    result = ANSWERS["findings"]
    headers = samples.headers(result)
    for header in list(headers.values())[: 1 if said == "YES" else None]:
        if said is not None:
            header.BurnedInAnnotation = said
    made = encode_study(
        result,
        headers,
        [OutputKind.OVERVIEW],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result),
    )
    assert made[0].dataset.get("BurnedInAnnotation") == expected


def test_lossy_images_make_a_lossy_picture():
    """Once lossy, always lossy, with method and ratio."""
    result = ANSWERS["findings"]
    headers = samples.headers(result)
    first = next(iter(headers.values()))
    first.LossyImageCompression = "01"
    first.LossyImageCompressionRatio = "12.5"
    first.LossyImageCompressionMethod = "ISO_15444_1"
    (made,) = encode_study(
        result,
        headers,
        [OutputKind.OVERVIEW],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result),
    )
    assert made.dataset.LossyImageCompression == "01"
    assert float(made.dataset.LossyImageCompressionRatio) == 12.5
