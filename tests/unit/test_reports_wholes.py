"""Places, densities, scores and assessments: what goes into both reports comes out again."""

from __future__ import annotations

import io
from dataclasses import replace

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sr.codedict import codes as standard

from mammo_node.encode import anatomy, sentences
from mammo_node.encode.codes import sr_concept
from mammo_node.encode.study import encode_study
from mammo_node.encode.summary import study_json
from mammo_node.reports.document import read_report
from mammo_node.reports.found import ReadReport
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Assessment,
    CodedConcept,
    Density,
    DensityCategory,
    Depth,
    ImageScore,
    Laterality,
    Light,
    Location,
    Outcome,
    OutputKind,
    Quadrant,
    StudyResult,
)
from tests import foreign_reports as foreign
from tests.golden import samples

BOTH = (OutputKind.SR, OutputKind.CAD_SR)
#: The CAD SR has these in words: scores to two decimals, distances to one.
_SCORE = {OutputKind.SR: 1e-6, OutputKind.CAD_SR: 0.0051}
_DISTANCE = {OutputKind.SR: 0.0051, OutputKind.CAD_SR: 0.051}
_SIDES: tuple[Laterality | None, ...] = (Laterality.RIGHT, Laterality.LEFT, None)


def read(result: StudyResult, kind: OutputKind) -> ReadReport:
    (made,) = encode_study(
        result,
        samples.headers(result),
        [kind],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    return read_report(pydicom.dcmread(io.BytesIO(made.to_bytes())))


@pytest.mark.parametrize(
    ("table", "group"),
    [
        (anatomy.CLOCK, standard.cid6018),
        (anatomy.DEPTHS, standard.cid6024),
        (anatomy.COMPOSITIONS, standard.cid6000),
    ],
)
def test_codes_are_those_of_the_context_group(table: dict[object, CodedConcept], group) -> None:
    """Every hour, depth and category has the code that its context group lists."""
    listed = {(code.value, code.scheme_designator) for code in group.concepts.values()}
    used = {(code.value, code.scheme) for code in table.values()}
    assert used <= listed
    assert len(used) == len(table)


def test_hours_have_the_code_of_their_hour() -> None:
    """The table of hours does not slip: each code is that of the position of its name."""
    for hour, code in anatomy.CLOCK.items():
        assert sr_concept(code) == getattr(standard.cid6018, f"_{hour}OClockPosition")


def test_quadrants_have_the_code_of_their_name() -> None:
    """Quadrants are of CID 6020, regions of CID 6018, halves directions of CID 2."""
    table = anatomy.QUADRANTS
    cid6020, cid6018, cid2 = standard.cid6020, standard.cid6018, standard.cid2
    expected = {
        Quadrant.UPPER_OUTER: cid6020.UpperOuterQuadrantOfBreast,
        Quadrant.UPPER_INNER: cid6020.UpperInnerQuadrantOfBreast,
        Quadrant.LOWER_OUTER: cid6020.LowerOuterQuadrantOfBreast,
        Quadrant.LOWER_INNER: cid6020.LowerInnerQuadrantOfBreast,
        Quadrant.CENTRAL: cid6018.CentralRegionOfBreast,
        Quadrant.AXILLARY_TAIL: cid6018.AxillaryTailRegion,
        Quadrant.UPPER: cid2.Superior,
        Quadrant.LOWER: cid2.Inferior,
        Quadrant.OUTER: cid2.Lateral,
        Quadrant.INNER: cid2.Medial,
    }
    assert {key: sr_concept(code) for key, code in table.items()} == expected


_MM = st.none() | st.floats(0, 300)
_LOCATIONS = st.builds(
    Location,
    st.none() | st.sampled_from(Quadrant),
    st.none() | st.integers(1, 12),
    st.none() | st.sampled_from(Depth),
    _MM,
    _MM,
)
_PROBABILITIES = st.tuples(*[st.floats(0, 1)] * 4)
_SCORES = st.builds(
    ImageScore,
    st.sampled_from(["nodule", "microcalcification", "suspicious calcification"]),
    st.floats(0, 1),
    st.none() | st.sampled_from([1, 3, 4, 5, 6]),
    st.just(samples.SCORE_MODEL),
)
_REASONS = st.lists(st.sampled_from(["a mass in both views", "score 0.7: high"]), max_size=2)


@st.composite
def _results(draw: st.DrawFn) -> StudyResult:
    """A study in which anything may be said of every place, breast and image."""
    box = samples.Box(1000.0, 1000.0, 1200.0, 1200.0)
    views = tuple(
        replace(
            view,
            findings=(
                replace(samples.finding("mass", 0.5, box), location=draw(_LOCATIONS)),
                samples.finding("asymmetry", 0.4, box),
            ),
            scores=tuple(draw(st.lists(_SCORES, max_size=2))),
        )
        for view in samples.negative_views()
    )
    densities = [
        Density(side, draw(st.sampled_from(DensityCategory)), draw(_PROBABILITIES), uids, model)
        for side, uids, model in (
            (side, _uids(views, side), samples.DENSITY_MODEL) for side in _SIDES
        )
        if draw(st.booleans())
    ]
    category, light = st.none() | st.sampled_from([1, 4, 6]), st.sampled_from(Light)
    assessments = [
        Assessment(side, draw(st.floats(0, 1)), draw(category), draw(light), tuple(draw(_REASONS)))
        for side in _SIDES
        if draw(st.booleans())
    ]
    return samples.study_result(
        Outcome.FINDINGS, views, densities=tuple(densities), assessments=tuple(assessments)
    )


def _uids(views: tuple[samples.ViewResult, ...], side: Laterality | None) -> tuple[str, ...]:
    chosen = [view for view in views if side is None or view.laterality is side]
    return tuple(view.ref.sop_instance_uid for view in chosen)


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=6, deadline=None)
@given(result=_results())
def test_whatever_is_said_comes_back(kind: OutputKind, result: StudyResult) -> None:
    """Both reports give back every place, density, score and assessment, in words if not codes."""
    report = read(result, kind)
    _check_places(result, report, kind)
    _check_scores(result, report, kind)
    assert len(report.densities) == len(result.densities)
    said = {density.laterality: density for density in report.densities}
    for density in result.densities:
        found = said[density.laterality]
        assert found.category is density.category
        assert found.certainty == pytest.approx(sentences.certainty_of(density), abs=_SCORE[kind])
        assert found.probabilities == pytest.approx(density.probabilities, abs=1e-4)
        if kind is OutputKind.SR or density.laterality is not None:
            assert set(found.sop_instance_uids) == set(density.sop_instance_uids)
            assert found.algorithm.name == density.model.name
    assert len(report.assessments) == len(result.assessments)
    for one, back in zip(result.assessments, report.assessments, strict=True):
        assert (back.laterality, back.category, back.light) == (
            one.laterality,
            one.category,
            one.light,
        )
        assert back.score == pytest.approx(one.score, abs=_SCORE[kind])
        if kind is OutputKind.SR:
            assert back.reasons == one.reasons


def _check_places(result: StudyResult, report: ReadReport, kind: OutputKind) -> None:
    found = {(f.image.sop_instance_uid, f.label): f.location for f in report.findings if f.image}
    for view in result.views:
        for finding in view.findings:
            back = found[view.ref.sop_instance_uid, finding.label] or Location()
            gone = finding.location or Location()
            assert (back.quadrant, back.clock, back.depth) == (
                gone.quadrant,
                gone.clock,
                gone.depth,
            )
            assert back.nipple_mm == pytest.approx(gone.nipple_mm, abs=_DISTANCE[kind])
            assert back.skin_mm == pytest.approx(gone.skin_mm, abs=_DISTANCE[kind])


def _check_scores(result: StudyResult, report: ReadReport, kind: OutputKind) -> None:
    gone = [(view.ref.sop_instance_uid, s) for view in result.views for s in view.scores]
    assert len(report.scores) == len(gone)
    for (uid, score), back in zip(gone, report.scores, strict=True):
        assert (back.sop_instance_uid, back.label, back.category) == (
            uid,
            score.label,
            score.category,
        )
        assert back.score == pytest.approx(score.score, abs=_SCORE[kind])


def test_what_is_said_of_a_whole_is_no_finding() -> None:
    """Neither a density nor a score nor an assessment is counted or drawn as a lesion."""
    for kind in BOTH:
        report = read(samples.rich(), kind)
        assert {f.label for f in report.findings} == {"mass", "calcification-cluster"}
        assert len(report.findings) == 3
        assert {f.lesion for f in report.findings if f.label == "mass"} == {1}
        assert report.missing == ()


def test_a_distance_is_no_size() -> None:
    """The distance to the nipple, though longer, is not taken for the size of the lesion."""
    sizes = {f.size_mm for f in read(samples.rich(), OutputKind.SR).findings}
    assert sizes == {14.27, 13.0}


def test_agreement_is_said_of_the_finding() -> None:
    """Both reports say what the other view did to a score, with the name of what is there."""
    for kind in BOTH:
        words = {str(f.name): " ".join(f.words) for f in read(samples.rich(), kind).findings}
        assert (
            "score raised from 0.42 to 0.58: R-MLO-1 is at the same distance from the nipple,"
            " 3.0 mm apart" in words["R-CC-1: mass"]
        )
        assert (
            "lowered from 0.50 to 0.41: the other view shows no"
            in (words["L-CC-1: calcification-cluster"])
        )


def test_places_of_other_makers_are_read() -> None:
    """Quadrant, clock face and depth as properties of a finding are its place, in SNOMED RT too."""
    ds = foreign.older_cad()
    finding = next(foreign_items(ds, "111059"))
    for name, value in (
        (anatomy.QUADRANT_LOCATION, CodedConcept("T-04004", "SRT", "Upper outer quadrant")),
        (anatomy.CLOCKFACE, anatomy.CLOCK[2]),
        (anatomy.DEPTH, anatomy.DEPTHS[Depth.POSTERIOR]),
    ):
        finding.ContentSequence.append(coded(name, value))
    place = read_report(ds).findings[0].location
    assert place == Location(Quadrant.UPPER_OUTER, 2, Depth.POSTERIOR)


def coded(name: CodedConcept, value: CodedConcept) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.RelationshipType, item.ValueType = "HAS PROPERTIES", "CODE"
    item.ConceptNameCodeSequence = [sr_concept(name)]
    item.ConceptCodeSequence = [sr_concept(value)]
    return item


def foreign_items(ds: pydicom.Dataset, value: str):
    for item in ds.get("ContentSequence", ()):
        names = item.get("ConceptNameCodeSequence", ())
        if names and names[0].CodeValue == value:
            yield item
        yield from foreign_items(item, value)


def test_no_sentence_calls_a_category_bi_rads() -> None:
    """A category is called what it is: wherever it is said, it is said not to be BI-RADS."""
    words = sentences.category_words(4)
    assert words == "AI suspicion category 4 (not BI-RADS)"
    result = samples.rich()
    for assessment in result.assessments:
        assert words in sentences.assessment_words(assessment) or assessment.category == 1


def test_every_view_of_a_study_can_be_named() -> None:
    """Sentences about images are read back for each standard view."""
    for side, view in STANDARD_VIEWS:
        (said,) = sentences.scores_in(f"{side}-{view}.2: nodule 0.10.")
        assert (said.image, said.category) == (f"{side}-{view}.2", None)


def test_the_summary_has_all_of_it() -> None:
    """The JSON of a result has places, agreement, scores, densities and assessments."""
    said = study_json(samples.rich())
    (mass,) = said["views"][0]["findings"]
    assert mass["location"] == {
        "quadrant": "upper outer quadrant",
        "clock": 10,
        "depth": "middle third",
        "nipple_mm": 43.25,
        "skin_mm": 12.5,
    }
    assert mass["agreement"]["score_before"] == 0.42
    assert mass["agreement"]["partner"] == {
        "sop_instance_uid": samples.ref(3).sop_instance_uid,
        "index": 0,
    }
    assert said["views"][0]["scores"][0]["category"] == 4
    assert [d["category"] for d in said["densities"]] == ["C", "B", "C"]
    assert [a["light"] for a in said["assessments"]] == ["red", "amber", "red"]
    assert said["assessments"][2]["laterality"] is None
    assert said["remarks"] == ["Density of the left breast was judged by one view."]


@pytest.mark.parametrize("kind", BOTH)
def test_what_was_not_judged_is_said(kind: OutputKind) -> None:
    """A remark on what could not be judged stands among the statements of both reports."""
    said = " ".join(read(samples.rich(), kind).statements)
    assert "Density of the left breast was judged by one view." in said
