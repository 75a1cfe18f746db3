"""The report: what was found can be read back, and nothing is passed over in silence."""

from __future__ import annotations

import copy
import functools
import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from mammo_node.encode import codes
from mammo_node.encode.parse import Report, parse_report
from mammo_node.encode.statement import RESEARCH_USE
from mammo_node.encode.study import encode_study
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import Box, Location, Outcome, OutputKind, StudyResult
from tests.golden import samples

ANSWERS = samples.answers()


@functools.cache
def dataset(result: StudyResult) -> pydicom.Dataset:
    (made,) = encode_study(
        result,
        samples.headers(result),
        [OutputKind.SR],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    return pydicom.dcmread(io.BytesIO(made.to_bytes()))


def report(result: StudyResult) -> Report:
    return parse_report(dataset(result))


def test_findings_come_back_as_they_went_in() -> None:
    """Label, concept, score, region, centre, size, side, model and image survive the report."""
    result = ANSWERS["findings"]
    expected = [(view, finding) for view in result.views for finding in view.findings]
    found = report(result).findings
    assert len(found) == len(expected) == 3
    for (view, finding), reported in zip(expected, found, strict=True):
        assert reported.label == finding.label
        assert reported.concept == finding.concept
        assert reported.score == pytest.approx(finding.score, abs=1e-6)
        assert reported.laterality == view.laterality
        assert reported.sop_instance_uid == view.ref.sop_instance_uid
        assert reported.long_axis_mm == pytest.approx(finding.long_axis_mm, abs=0.005)
        model = (reported.model_name, reported.model_version, reported.model_sha256)
        assert model == (samples.MODEL.name, samples.MODEL.version, samples.MODEL.sha256)
        if finding.box_px.x_min >= 0:
            assert reported.box_px == finding.box_px
            assert reported.centre_px == finding.box_px.centre
        if finding.outline_px is not None:
            np.testing.assert_allclose(reported.region_px, finding.outline_px, atol=1e-3)


def test_region_stays_inside_the_image() -> None:
    """A box that leaves the image is cut at its edge: viewers refuse such regions."""
    edge = report(ANSWERS["findings"]).findings[2]
    assert edge.box_px == Box(0.0, 0.0, 180.0, 150.5)
    box = Box(samples.COLUMNS - 9.5, samples.ROWS - 20.0, samples.COLUMNS + 5, samples.ROWS + 5)
    view = replace(samples.positive_views()[0], findings=(samples.finding("mass", 0.5, box),))
    far = report(samples.study_result(Outcome.FINDINGS, (view,))).findings[0]
    assert (far.box_px.x_max, far.box_px.y_max) == (samples.COLUMNS, samples.ROWS)


def test_each_lesion_has_a_tracking_uid_of_its_own() -> None:
    """Tracking UIDs differ between lesions and are the same in a second run."""
    result = ANSWERS["findings"]
    first = [finding.tracking_uid for finding in report(result).findings]
    assert len(set(first)) == 3
    again = parse_report(dataset.__wrapped__(result))
    assert first == [finding.tracking_uid for finding in again.findings]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_image_is_named(name: str) -> None:
    """Every image is in the library and evidence, with lesions, a negative or a reason."""
    result = ANSWERS[name]
    made = dataset(result)
    parsed = parse_report(made)
    expected = set(samples.headers(result))
    assert set(parsed.images) == expected
    evidence = {
        item.ReferencedSOPInstanceUID
        for study in made.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert evidence == expected
    if result.views:
        with_findings = {finding.sop_instance_uid for finding in parsed.findings}
        assert with_findings | set(parsed.without_findings) | set(parsed.not_analysed) == expected


EXPECTED = {
    "findings": (codes.ALL_SUCCEEDED_FINDINGS, codes.SUCCEEDED, "3 findings above"),
    "no-findings": (codes.ALL_SUCCEEDED_NO_FINDINGS, codes.SUCCEEDED, "no findings above"),
    "partial": (codes.NOT_ALL_SUCCEEDED_FINDINGS, codes.PARTIALLY_SUCCEEDED, "PARTIAL: 3 of 5"),
    "failed": (codes.NONE_SUCCEEDED, codes.FAILED, "FAILED: there is no result"),
    "failed-unread": (codes.NONE_SUCCEEDED, codes.FAILED, "FAILED: there is no result"),
    "not-attempted": (codes.NONE_SUCCEEDED, codes.NOT_ATTEMPTED, "NOT ATTEMPTED: there is no"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_is_coded_and_in_words(name: str) -> None:
    """The answer to the study stands as CID 6047 and 6042 codes and as a sentence."""
    parsed = report(ANSWERS[name])
    summary, status, words = EXPECTED[name]
    assert (parsed.processing_summary, parsed.status) == (summary, status)
    assert words in parsed.conclusion


@pytest.mark.parametrize("name", ["failed", "failed-unread", "not-attempted"])
def test_no_result_never_reads_as_a_negative(name: str) -> None:
    """Where nothing was analysed, no image counts as negative and no text says 'no findings'."""
    made = dataset(ANSWERS[name])
    assert not parse_report(made).without_findings
    texts = [str(e.value) for e in made.iterall() if e.keyword in ("TextValue", "CodeMeaning")]
    assert not [t for t in texts if "no findings" in t.lower()]
    assert any("Nothing is said about images that were not analysed" in t for t in texts)


def test_partial_without_findings_is_not_a_clean_negative() -> None:
    """A partial answer without findings is coded as such and says what it does not cover."""
    views = tuple(replace(view, findings=()) for view in samples.partial_views())
    parsed = report(samples.study_result(Outcome.PARTIAL, views, reason="a broken view"))
    assert parsed.processing_summary == codes.NOT_ALL_SUCCEEDED_NO_FINDINGS
    assert "Reason: a broken view." in parsed.conclusion
    assert "Nothing is said about images that were not analysed." in parsed.conclusion
    assert len(parsed.not_analysed) == 2


def test_refused_images_are_listed_with_the_reason() -> None:
    """Each refused image has a line with its reason, detail and UID."""
    result = ANSWERS["partial"]
    refused = [view for view in result.views if view.refusal]
    assert len(refused) == 2
    for view in refused:
        (line,) = [
            c for c in report(result).comments if c.endswith(f"{view.ref.sop_instance_uid})")
        ]
        assert f"Not analysed ({view.refusal.reason.value}): {view.refusal.detail}" in line


@pytest.mark.parametrize("name", ANSWERS)
def test_research_use_is_said(name: str) -> None:
    """Every report says that it is for research use and no medical device, and is listed so."""
    made = dataset(ANSWERS[name])
    assert RESEARCH_USE in parse_report(made).comments
    assert "research use only" in made.SeriesDescription


def test_completeness_is_flagged() -> None:
    """Only a full answer is COMPLETE; the others are PARTIAL and say which answer it is."""
    flags = {name: dataset(result).CompletionFlag for name, result in ANSWERS.items()}
    complete = {name for name, flag in flags.items() if flag == "COMPLETE"}
    assert complete == {"findings", "no-findings"}
    assert dataset(ANSWERS["failed"]).CompletionFlagDescription == "AI answer: failed"


def test_foreign_letters_in_words_do_not_cost_the_report() -> None:
    """Reasons with letters outside ASCII, control characters or line breaks are written plainly."""
    view = samples.refused(
        samples.negative_views()[0], samples.RefusalReason.HEADER, "größer\n\x00als erlaubt"
    )
    result = samples.study_result(Outcome.NOT_ATTEMPTED, (view,), reason="Ω\r\nunklar")
    parsed = report(result)
    assert "gr??er" in parsed.comments[-1]
    assert "\n" not in parsed.conclusion + parsed.comments[-1]


def test_unknown_side_and_view_still_make_a_report() -> None:
    """A finding in an image of unknown side has a breast as site and no laterality."""
    view = replace(samples.positive_views()[0], laterality=None, view=None, spacing=None)
    parsed = report(samples.study_result(Outcome.FINDINGS, (view,)))
    assert [finding.laterality for finding in parsed.findings] == [None, None]


def test_long_outlines_are_thinned() -> None:
    """An outline of many points keeps its shape in as many as a report can carry."""
    angles = np.linspace(0, 2 * np.pi, 30000, endpoint=False)
    circle = np.column_stack([1300 + 200 * np.cos(angles), 1500 + 200 * np.sin(angles)])
    found = replace(samples.positive_views()[0].findings[0], outline_px=tuple(map(tuple, circle)))
    view = replace(samples.positive_views()[0], findings=(found,))
    (lesion,) = report(samples.study_result(Outcome.FINDINGS, (view,))).findings
    assert len(lesion.region_px) == 1000
    distances = np.hypot(*(np.array(lesion.region_px) - (1300, 1500)).T)
    np.testing.assert_allclose(distances, 200, atol=0.01)
    assert lesion.box_px.width == pytest.approx(400, abs=0.1)


def test_foreign_documents_are_refused() -> None:
    """Parsing another SR is an EncodingError, also when its template matches and content not."""
    with pytest.raises(EncodingError, match="TID 1500"):
        parse_report(pydicom.Dataset())
    made = copy.deepcopy(dataset(ANSWERS["findings"]))
    made.ContentSequence = [made.ContentSequence[0]]
    with pytest.raises(EncodingError, match="Qualitative Evaluations"):
        parse_report(made)


def test_impossible_results_are_encoding_errors() -> None:
    """A score or box that cannot be reported is an error that names the finding."""
    view = samples.positive_views()[0]
    nowhere = Box(float("nan"), 0.0, 1.0, 1.0)
    for change in ({"score": float("nan")}, {"score": 1.5}, {"box_px": nowhere}):
        broken = replace(view, findings=(view.findings[0], replace(view.findings[1], **change)))
        with pytest.raises(EncodingError, match="finding R-CC-2"):
            dataset(samples.study_result(Outcome.FINDINGS, (broken,)))


def test_impossible_places_and_scores_are_encoding_errors() -> None:
    """So is a distance or a probability that is no number, and a score beyond 1."""
    rich = samples.rich()
    first = rich.views[0]
    nowhere = replace(first.findings[0], location=Location(nipple_mm=float("inf")))
    lost = replace(rich, views=(replace(first, findings=(nowhere,)), *rich.views[1:]))
    with pytest.raises(EncodingError, match="finding R-CC-1"):
        dataset(lost)
    dense = replace(rich.densities[0], probabilities=(float("nan"), 0.0, 0.0, 1.0))
    assessed = replace(rich.assessments[0], score=1.5)
    for change in ({"densities": (dense,)}, {"assessments": (assessed,)}):
        with pytest.raises(EncodingError, match="scores of images and breasts"):
            dataset(replace(rich, **change))


def test_errors_do_not_quote_the_patient() -> None:
    """What a library says about a value stays in the cause: the message can be logged."""
    result = ANSWERS["findings"]
    made = encode_study(
        result,
        samples.headers(result),
        [OutputKind.SR],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )[0]
    made.dataset["PatientName"]._value = object()
    with pytest.raises(EncodingError, match=r"sr 2\.25\.\d+: cannot be written \(\w+\)$"):
        made.to_bytes()


def test_two_images_of_a_view_have_names_of_their_own() -> None:
    """The second R CC of a study is R-CC.2, so that every finding has one name."""
    first = samples.positive_views()[0]
    second = replace(first, ref=samples.ref(9))
    found = report(samples.study_result(Outcome.FINDINGS, (first, second))).findings
    assert [f.name for f in found] == ["R-CC-1", "R-CC-2", "R-CC.2-1", "R-CC.2-2"]
