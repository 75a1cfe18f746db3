"""From images to objects: what is judged across views stands in every object that leaves."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from mammo_node.config import Comparison
from mammo_node.encode.study import Equipment
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.pipeline import Answer, Pipeline, StudyRequest
from mammo_node.reports.document import read_report
from mammo_node.reports.found import ReadReport
from mammo_node.vocabulary import OutputKind
from tests.unit import test_judgement
from tests.unit.test_judgement import VIEWS, engine

#: The same three packages and images.
folder = test_judgement.folder
_KINDS = tuple(kind for kind in OutputKind if kind is not OutputKind.SEG)


@pytest.fixture(scope="module")
def answer(folder: Path) -> Answer:
    """The answer of a pipeline with a detector, landmarks and density, in every kind but maps."""
    comparison = Comparison()
    equipment = Equipment(software_version="0", device_serial_number="test")
    made = engine(folder, "blobs", "landmarks", "density", comparison=comparison)
    pipeline = Pipeline(made, Policy(), equipment, "", comparison=comparison)
    images = tuple(identify(folder / f"{number}.dcm") for number in range(len(VIEWS)))
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return pipeline.answer(StudyRequest("1.2.4", 1, images, _KINDS, when))


def read(answer: Answer, kind: OutputKind) -> ReadReport:
    (file,) = (one for one in answer.files if one.kind is kind)
    return read_report(pydicom.dcmread(io.BytesIO(file.content)))


def test_everything_that_is_judged_may_leave(answer: Answer) -> None:
    """The gate holds nothing back, and nothing is left unmade."""
    assert answer.not_leaving == ()
    assert {file.kind for file in answer.files} == set(_KINDS)


@pytest.mark.parametrize("kind", [OutputKind.SR, OutputKind.CAD_SR])
def test_reports_say_what_was_judged(answer: Answer, kind: OutputKind) -> None:
    """Places, matched lesions, density and assessments of the result are those of the report."""
    result, report = answer.result, read(answer, kind)
    found = [finding for view in result.views for finding in view.findings]
    assert len(report.findings) == len(found) > 0
    assert all(finding.location is not None for finding in report.findings)
    matched = [finding for finding in report.findings if finding.lesion is not None]
    assert len(matched) == sum(len(lesion) for lesion in result.lesions) > 0
    said = {(one.laterality, one.category) for one in report.densities}
    assert said == {(one.laterality, one.category) for one in result.densities}
    lights = [(one.laterality, one.light) for one in report.assessments]
    assert lights == [(one.laterality, one.light) for one in result.assessments] != []
    compared = [finding for finding in found if finding.agreement is not None]
    words = [finding for finding in report.findings if "score " in " ".join(finding.words)]
    assert len(words) == len(compared) > 0
    assert any("was not judged" in words for words in report.statements)
