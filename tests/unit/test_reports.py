"""Reading reports of findings: ours and other vendors', whole and broken."""

from __future__ import annotations

import io
import json
import random
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from highdicom.sr.coding import CodedConcept
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ComprehensiveSRStorage, EnhancedSRStorage

from mammo_node.cli import main
from mammo_node.encode import codes
from mammo_node.encode.parse import parse_report
from mammo_node.encode.study import encode_study
from mammo_node.errors import NotAReport, ReportUnreadable
from mammo_node.reports import summary
from mammo_node.reports.document import read_report
from mammo_node.reports.files import read_document
from mammo_node.reports.found import ReadFinding, ReadReport
from mammo_node.vocabulary import Box, Finding, Laterality, Outcome, OutputKind, StudyResult, View
from tests import foreign_reports as foreign
from tests.golden import samples

ANSWERS = samples.answers() | {"matched": samples.matched(), "rich": samples.rich()}
BOTH = (OutputKind.SR, OutputKind.CAD_SR)


def ours(result: StudyResult, kind: OutputKind) -> bytes:
    (made,) = encode_study(
        result,
        samples.headers(result),
        [kind],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    return made.to_bytes()


def read(content: bytes) -> ReadReport:
    return read_report(pydicom.dcmread(io.BytesIO(content)))


def again(ds: pydicom.Dataset) -> ReadReport:
    """Read a dataset as it comes out of a file."""
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return read(buffer.getvalue())


def by_name(report: ReadReport) -> dict[str, ReadFinding]:
    return {str(finding.name): finding for finding in report.findings}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("name", ANSWERS)
def test_findings_come_back_as_they_went_in(name: str, kind: OutputKind) -> None:
    """Label, score, region, centre, members, side, image and model survive both reports."""
    result = ANSWERS[name]
    found = by_name(read(ours(result, kind)))
    expected = [(view, finding) for view in result.views for finding in view.findings]
    assert len(found) == len(expected)
    for view, finding in expected:
        index = view.findings.index(finding)
        prefix = f"{view.laterality}-{view.view}-{index + 1}"
        reported = found[f"{prefix}: {finding.label}"]
        assert reported.label == finding.label
        assert reported.score == pytest.approx(finding.score, abs=1e-6)
        assert reported.laterality == view.laterality
        assert reported.image is not None
        assert reported.image.sop_instance_uid == view.ref.sop_instance_uid
        assert (reported.image.laterality, reported.image.view) == (view.laterality, view.view)
        model = (samples.MODEL.name, samples.MODEL.version)
        assert (reported.algorithm.name, reported.algorithm.version) == model
        assert f"sha256={samples.MODEL.sha256}" in reported.algorithm.parameters
        if finding.box_px.x_min >= 0:
            assert reported.box_px == finding.box_px
            assert reported.centre_px == finding.box_px.centre
        if finding.outline_px is not None and reported.region is not None:
            points = reported.region.points_px[:-1]
            np.testing.assert_allclose(points, finding.outline_px, atol=1e-3)
        if kind is OutputKind.CAD_SR:
            assert reported.members_px == finding.members_px
        if kind is OutputKind.SR or finding.label == "mass":
            assert reported.size_mm == pytest.approx(finding.long_axis_mm, abs=0.005)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("name", ANSWERS)
def test_every_image_of_an_answer_is_accounted_for(name: str, kind: OutputKind) -> None:
    """Each image has findings, is said to have none, or is said not to have been analysed."""
    result = ANSWERS[name]
    report = read(ours(result, kind))
    assert {image.sop_instance_uid for image in report.images} == set(samples.headers(result))
    found = {f.image.sop_instance_uid for f in report.findings if f.image}
    said = (*found, *report.without_findings, *report.not_analysed)
    assert len(said) == len(set(said))
    views = {view.ref.sop_instance_uid for view in result.views}
    if kind is OutputKind.SR or name in ("findings", "no-findings", "partial", "failed"):
        assert set(said) == views
    assert report.missing == ()


_COORDINATES = st.floats(0, 2000, width=32)
_BOXES = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    _COORDINATES,
    _COORDINATES,
    st.floats(1, 500, width=32),
    st.floats(1, 1000, width=32),
)
_FINDINGS = st.builds(
    lambda label, score, box, members: replace(
        samples.finding(label, score, box),
        members_px=tuple(members) if label == "calcification-cluster" else (),
    ),
    st.sampled_from(sorted(codes.FINDINGS)),
    st.floats(0, 1).map(lambda score: round(score, 6)),
    _BOXES,
    st.lists(st.tuples(_COORDINATES, _COORDINATES), max_size=3),
)


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=8, deadline=None)
@given(found=st.lists(st.lists(_FINDINGS, max_size=2), min_size=4, max_size=4))
def test_any_findings_come_back(kind: OutputKind, found: list[list[Finding]]) -> None:
    """Whatever is found where, both reports say the same findings of the same images."""
    views = tuple(
        replace(view, findings=tuple(findings))
        for view, findings in zip(samples.negative_views(), found, strict=True)
    )
    report = read(ours(samples.study_result(Outcome.FINDINGS, views), kind))
    said = {
        (
            finding.image and finding.image.sop_instance_uid,
            str(finding.name).partition(":")[0].rpartition("-")[2],
        ): finding
        for finding in report.findings
    }
    assert len(said) == len(report.findings) == sum(map(len, found))
    for view in views:
        for index, finding in enumerate(view.findings, start=1):
            reported = said[view.ref.sop_instance_uid, str(index)]
            assert reported.label == finding.label
            assert reported.score == pytest.approx(finding.score, abs=1e-6)
            assert reported.box_px is not None
            box = (reported.box_px, finding.box_px)
            np.testing.assert_allclose(*map(astuple, box), rtol=1e-6, atol=1e-3)
            if kind is OutputKind.CAD_SR:
                np.testing.assert_allclose(reported.members_px, finding.members_px, rtol=1e-6)


def test_both_reports_say_the_same_lesions() -> None:
    """Our two reports of one result agree on every finding's UID, label, score, box and lesion."""
    result = ANSWERS["matched"]
    one, other = (
        {
            (f.tracking_uid, f.image): (f.label, f.score, f.box_px, f.laterality, f.lesion)
            for f in read(ours(result, kind)).findings
        }
        for kind in BOTH
    )
    assert one == other
    assert len(one) == 7


def test_the_tolerant_reader_agrees_with_the_strict_one() -> None:
    """Of our own TID 1500 reports both readers say the same."""
    ds = pydicom.dcmread(io.BytesIO(ours(ANSWERS["partial"], OutputKind.SR)))
    strict, tolerant = parse_report(ds), read_report(ds)
    assert tolerant.summary == strict.processing_summary
    assert tolerant.detections == strict.status
    assert set(tolerant.without_findings) == set(strict.without_findings)
    assert set(tolerant.not_analysed) == set(strict.not_analysed)
    for one, other in zip(strict.findings, tolerant.findings, strict=True):
        assert (one.tracking_uid, one.score, one.box_px) == (
            other.tracking_uid,
            other.score,
            other.box_px,
        )


def test_rendering_and_lesions_are_read() -> None:
    """Whether a mark is to be shown, and which findings are one lesion, comes back."""
    found = by_name(read(ours(ANSWERS["matched"], OutputKind.CAD_SR)))
    same = {name for name, finding in found.items() if finding.lesion is not None}
    assert same == {"R-CC-1: mass", "R-MLO-1: mass"}
    optional = {name for name, finding in found.items() if finding.rendering == "optional"}
    assert optional == {"L-CC-4: mass"}


def test_older_cad_reports_are_read() -> None:
    """SNOMED RT codes, ellipses, no tracking, two image libraries: everything is understood."""
    report = again(foreign.older_cad())
    mass, cluster = report.findings
    assert (mass.label, cluster.label) == ("mass", "calcification-cluster")
    assert mass.box_px == Box(900.0, 450.0, 1100.0, 550.0)
    assert mass.score == 0.64
    assert mass.image is not None
    assert mass.image.name == "R-CC"
    assert cluster.image is not None
    assert (cluster.laterality, cluster.image.view) == (Laterality.LEFT, View.CC)
    assert cluster.members_px == ((35.0, 60.0), (45.0, 61.0))
    assert (cluster.box_px, cluster.centre_px) == (None, (40.0, 60.0))
    assert (mass.algorithm.name, mass.algorithm.version) == ("Other Detector", "7.2")
    assert mass.rendering == "required"
    assert report.without_findings == (foreign.IMAGES[1],)
    assert report.missing == ("1 of 2 findings: no certainty or probability",)
    assert (report.manufacturer, report.model_name) == ("Other Vendor", "CAD 7")


@pytest.mark.parametrize("sop_class_uid", [ComprehensiveSRStorage, EnhancedSRStorage])
def test_composite_features_are_read_in_any_holder(sop_class_uid: str) -> None:
    """Findings that a feature refers to are one lesion; images may stand by value."""
    report = again(foreign.composite_cad(sop_class_uid))
    assert [f.lesion for f in report.findings] == [1, 1]
    assert [f.score for f in report.findings] == [0.815, 0.12]
    assert report.findings[0].box_px == Box(450.0, 550.0, 550.0, 650.0)
    assert [f.image.sop_instance_uid for f in report.findings if f.image] == list(
        foreign.IMAGES[:2]
    )


def test_what_is_said_of_the_study_is_read() -> None:
    """Scores, categories and words of the whole study are told from those of a finding."""
    report = again(foreign.tomosynthesis_cad())
    (finding,) = report.findings
    assert finding.frame == 23
    assert [(n.concept.meaning, n.value) for n in report.measured] == [("Exam score", 7.5)]
    assert [q.value.meaning for q in report.qualities] == ["4 - Suspicious"]
    assert report.statements == ("Look here",)
    assert finding.measured == finding.qualities == ()


def test_what_is_missing_is_said() -> None:
    """Unknown codes are passed on as they are; what a report lacks is named, not made up."""
    report = again(foreign.sparse_cad())
    odd, no_value, broken = report.findings
    assert odd.concept is not None
    assert (odd.concept.value, odd.concept.scheme, odd.label) == ("X-1", "99VENDOR", None)
    assert no_value.concept is None
    assert (broken.label, broken.region, broken.score) == ("mass", None, None)
    assert "3 of 3 findings: no place in 2D" in report.missing
    assert "1 of 3 findings: no code that says what it is" in report.missing
    assert any(words.startswith("no processing and findings summary") for words in report.missing)


def measurement_report(document: type, **kinds: object) -> pydicom.Dataset:
    """Return a TID 1500 report as highdicom makes it: another site, codes and shapes than ours."""
    images = [samples.header(samples.ref(n), Laterality.RIGHT, View.CC) for n in (1, 2)]
    for image in images:
        image.StudyTime = "101500"
    device = ObserverContext(
        CodedConcept("121007", "DCM", "Device"),
        DeviceObserverIdentifyingAttributes(uid="1.2.3.4", name="Elsewhere"),
    )
    ellipse = np.array([[100.0, 200.0], [300.0, 200.0], [200.0, 150.0], [200.0, 250.0]])
    source = SourceImageForRegion(images[0].SOPClassUID, images[0].SOPInstanceUID)
    roi = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid="1.2.3.5", identifier="lesion A"),
        referenced_region=ImageRegion(GraphicTypeValues.ELLIPSE, ellipse, source),
        finding_type=CodedConcept("4147007", "SCT", "Mass"),
        finding_sites=[
            FindingSite(
                CodedConcept("76752008", "SCT", "Breast"),
                laterality=CodedConcept("G-A100", "SRT", "Right"),
            )
        ],
        measurements=[
            Measurement(
                CodedConcept("103339001", "SCT", "Long axis"),
                1.25,
                CodedConcept("cm", "UCUM", "centimeter"),
            ),
            Measurement(
                CodedConcept("111047", "DCM", "Probability of cancer"),
                0.75,
                CodedConcept("1", "UCUM", "no units"),
                algorithm_id=AlgorithmIdentification(name="Finder", version="3"),
            ),
        ],
        qualitative_evaluations=[
            QualitativeEvaluation(
                CodedConcept("107644003", "SCT", "Shape"), CodedConcept("X", "99X", "Like a star")
            )
        ],
    )
    whole = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid="1.2.3.6", identifier="breast"),
        source_images=[
            SourceImageForMeasurementGroup(images[1].SOPClassUID, images[1].SOPInstanceUID)
        ],
        finding_type=CodedConcept("129715009", "SCT", "Breast composition"),
    )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device),
        procedure_reported=CodedConcept("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=[roi, whole],
    )[0]
    return document(
        evidence=images,
        content=content,
        series_instance_uid="1.2.3.7",
        series_number=1,
        sop_instance_uid="1.2.3.8",
        instance_number=1,
        manufacturer="Elsewhere",
        is_complete=True,
        **kinds,
    )


@pytest.mark.parametrize("document", [Comprehensive3DSR, ComprehensiveSR])
def test_measurement_reports_of_others_are_read(document: type) -> None:
    """TID 1500 made by highdicom: region, side, score, size, qualities and algorithm.

    A group on breast composition is a density, whatever else it lacks, and no lesion.
    """
    report = again(measurement_report(document))
    (lesion,), (composition,) = report.findings, report.densities
    assert lesion.box_px == Box(100.0, 150.0, 300.0, 250.0)
    assert (lesion.name, lesion.tracking_uid) == ("lesion A", "1.2.3.5")
    assert lesion.concept is not None
    assert (lesion.concept.meaning, lesion.label) == ("Mass", None)
    assert (lesion.score, lesion.size_mm) == (0.75, 12.5)
    assert lesion.laterality is Laterality.RIGHT
    assert [quality.value.meaning for quality in lesion.qualities] == ["Like a star"]
    assert (lesion.algorithm.name, lesion.algorithm.version) == ("Finder", "3")
    assert composition.sop_instance_uids == (samples.ref(2).sop_instance_uid,)
    assert (composition.category, composition.certainty) == (None, None)
    assert report.missing == ()


def test_files_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    """However far a file was cut off, it is refused: half a report is no report."""
    content = ours(ANSWERS["findings"], OutputKind.CAD_SR)
    path = tmp_path / "cut.dcm"
    draw = random.Random(20261121)
    for length in (*draw.sample(range(len(content)), 60), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ReportUnreadable):
            read_report(read_document(path))


def test_garbled_files_never_break_the_reader(tmp_path: Path) -> None:
    """Random damage gives a report or a ReportUnreadable, nothing else."""
    path = tmp_path / "garbled.dcm"
    foreign.older_cad().save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    draw = random.Random(20261122)
    refused = 0
    for _ in range(60):
        garbled = bytearray(content)
        for _ in range(8):
            garbled[draw.randrange(132, len(garbled))] = draw.randrange(256)
        path.write_bytes(garbled)
        try:
            read_report(read_document(path))
        except ReportUnreadable:
            refused += 1
    assert refused > 0


def test_other_objects_are_no_reports(tmp_path: Path) -> None:
    """Images, key objects and documents of something else are told from reports."""
    image = samples.header(samples.ref(1), Laterality.RIGHT, View.CC)
    image.file_meta = foreign.document(foreign.container("", foreign.DCM["report"])).file_meta
    path = tmp_path / "image.dcm"
    image.save_as(path, enforce_file_format=True)
    with pytest.raises(NotAReport, match="not a structured report"):
        read_document(path)
    path.write_bytes(ours(ANSWERS["findings"], OutputKind.KEY_OBJECTS))
    with pytest.raises(NotAReport, match="not a structured report"):
        read_document(path)
    dose = foreign.container("", ("113701", "DCM", "X-Ray Radiation Dose Report"))
    dose.ContentSequence = [foreign.text("CONTAINS", codes_of(codes.COMMENT), "2 mGy")]
    with pytest.raises(NotAReport, match="113701, DCM, X-Ray Radiation Dose Report"):
        again(foreign.document(dose))


def codes_of(concept: object) -> foreign.Code:
    return (concept.value, concept.scheme, concept.meaning)  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a PACS exports it: reports, an image, a note, and a report cut off."""
    whole = ours(ANSWERS["matched"], OutputKind.CAD_SR)
    (tmp_path / "1-ours.dcm").write_bytes(whole)
    for name, ds in (
        ("2-older.dcm", foreign.older_cad()),
        ("3-sparse.dcm", foreign.sparse_cad()),
    ):
        ds.save_as(tmp_path / name, enforce_file_format=True)
    (tmp_path / "4-key.dcm").write_bytes(ours(ANSWERS["findings"], OutputKind.KEY_OBJECTS))
    (tmp_path / "readme.txt").write_text("not DICOM")
    return tmp_path


def test_read_results_prints_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every finding is a row with image, score, size, place and maker; nobody's name is printed."""
    assert main(["read-results", str(folder)]) == 0
    out, err = capsys.readouterr()
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert (
        "R-CC mass 0.87 14.3 mm (1200, 1400)-(1420, 1601) required 1 lesion-detector 1.2.0" in rows
    )
    assert "R-CC mass 0.64 - (900, 450)-(1100, 550) required - Other Detector 7.2" in rows
    assert (
        "L-CC calcification-cluster, 2 members - - (40, 60) required - Other Detector 7.2" in rows
    )
    assert "no findings in image R-MLO (1.2.826.0.1.3680043.8.498.7.2)" in rows
    assert "missing: no summary of detections" in rows
    assert any("Something [odd]?[31m" in row for row in rows)
    assert "2 other files passed over" in err
    assert "SECRET" not in out + err


def test_read_results_prints_what_is_said_of_breasts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Places are a column; assessments, densities and scores of images are lines."""
    path = tmp_path / "rich.dcm"
    path.write_bytes(ours(ANSWERS["rich"], OutputKind.SR))
    assert main(["read-results", str(path)]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for row in (
        "Right breast: AI score 0.71, AI suspicion category 4 (not BI-RADS), light red",
        "Patient: density C, 0.71",
        "R-CC: nodule 0.63, AI suspicion category 4 (not BI-RADS)",
    ):
        assert row in rows
    assert any("upper outer quadrant" in row for row in rows)


def test_read_results_prints_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as one JSON list, with the keys that the reference names."""
    assert main(["read-results", "--json", str(folder)]) == 0
    out = capsys.readouterr().out
    one, older, _ = json.loads(out)
    assert one["format"] == 1
    assert one["summary"]["value"] == "111242"
    assert {key for finding in one["findings"] for key in finding} == {
        key.strip()
        for line in summary.__doc__.partition("findings               [")[2].splitlines()
        if len(line.split("  ")) > 3
        for key in line.strip().partition("  ")[0].split(",")
        if key.strip() not in ("", "]")
    }
    assert older["findings"][0]["box_px"]["x_min"] == 900.0
    assert older["findings"][0]["view"] == "CC"
    assert "SECRET" not in out


def test_keys_are_documented() -> None:
    """The reference names every key of the JSON."""
    page = (Path(__file__).parents[2] / "docs/reference/results.md").read_text(encoding="utf-8")
    section = page.partition("## Reading reports")[2].partition("\n## ")[0]
    report = read(ours(ANSWERS["findings"], OutputKind.CAD_SR))
    said = summary.report_json(Path("x"), report)
    for key in (*said, *said["findings"][0]):
        assert f"`{key}`" in section, key


def test_read_results_tells_of_broken_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken file is a line on standard error and exit code 1; the others are printed."""
    whole = (folder / "1-ours.dcm").read_bytes()
    (folder / "5-cut.dcm").write_bytes(whole[:-100])
    (folder / "6-empty.dcm").write_bytes(b"")
    assert main(["read-results", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert "5-cut.dcm: cut off: the file ends within an element" in err
    assert "6-empty.dcm: not a readable DICOM file" in err
    assert out.count("lesion-detector") == 7


def test_read_results_of_what_is_no_report(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file named itself that is no report is a failure, and so is a folder without any."""
    assert main(["read-results", str(folder / "4-key.dcm")]) == 1
    assert "4-key.dcm: not a structured report" in capsys.readouterr().err
    for name in ("1-ours.dcm", "2-older.dcm", "3-sparse.dcm"):
        (folder / name).unlink()
    assert main(["read-results", str(folder)]) == 1
    assert "no report of findings was found" in capsys.readouterr().err
    assert main(["read-results", str(folder / "nowhere")]) == 2
