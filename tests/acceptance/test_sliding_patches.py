"""A study through a classifier of windows: its regions arrive as outlines, and its map as a map."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo_node.config import Models, OutputKind, Worker
from mammo_node.encode.parse import parse_report
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.phantom import PhantomStudy, generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.pipeline import Answer, Pipeline, StudyRequest
from tests.peers import require
from tests.studies import dciodvfy
from tests.unit.window_graphs import write_windows

pytestmark = pytest.mark.slow

_OUTPUTS = (OutputKind.SR, OutputKind.CAD_SR, OutputKind.GSPS, OutputKind.SEG)


@pytest.fixture(scope="module")
def study() -> PhantomStudy:
    """Two views of a phantom, one of each side."""
    return generate_study(7, pixel_spacing_mm=0.3, views=(("R", "MLO"), ("L", "CC")))


def answer(folder: Path, study: PhantomStudy, engine: str) -> Answer:
    """The node's answer, with a classifier that finds what is brighter than its surroundings."""
    changes = (('engine = "exact"', f'engine = "{engine}"'),)
    write_windows(folder / "models" / "bright-windows", changes=changes)
    thresholds = {"mass": 0.45, "asymmetry": 0.95}
    models = Models(folder=folder / "models", use=["bright-windows"], thresholds=thresholds)
    loaded = Engine.start(models, Worker(threads=1))
    equipment = Equipment(software_version="0", device_serial_number="test")
    pipeline = Pipeline(loaded, Policy(), equipment, "")
    instances = [identify(path) for path in write_study(study, folder / "study")]
    uid = instances[0].ref.study_instance_uid
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return pipeline.answer(StudyRequest(uid, 1, tuple(instances), _OUTPUTS, when))


@pytest.mark.parametrize("engine", ["exact", "dense"])
def test_regions_arrive_as_outlines_in_valid_objects(tmp_path, study, engine):
    """Either engine gives findings in the breast; SR and SEG carry them and are valid."""
    require("dciodvfy")
    made = answer(tmp_path, study, engine)
    assert not made.unmade
    findings = [(view, finding) for view in made.result.views for finding in view.findings]
    assert findings
    truth = {(v.laterality, v.view): v.inside_mm > 0 for v in study.views}
    for view, finding in findings:
        inside = truth[view.laterality, view.view]
        points = np.array(finding.outline_px)
        columns, rows = np.clip(points.astype(int), 0, np.array(inside.shape[::-1]) - 1).T
        # The mask that the node finds is a little wider than the breast.
        assert inside[rows, columns].mean() > 0.6
        assert finding.long_axis_mm > 5
    kinds = {file.kind for file in made.files}
    assert kinds == set(_OUTPUTS)
    for number, file in enumerate(made.files):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(file.content)
        assert dciodvfy(path) == []
    report = parse_report(pydicom.dcmread(io.BytesIO(made.files[0].content)))
    said = sorted(len(found.region_px or ()) for found in report.findings)
    assert said == sorted(len(finding.outline_px) for _, finding in findings)


def test_both_engines_answer_the_same(tmp_path, study):
    """The choice of engine changes no finding."""
    exact, dense = (answer(tmp_path / name, study, name) for name in ("exact", "dense"))
    for one, other in zip(exact.result.views, dense.result.views, strict=True):
        assert [f.label for f in one.findings] == [f.label for f in other.findings]
        for ours, theirs in zip(one.findings, other.findings, strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-3)
            assert ours.box_px.centre == pytest.approx(theirs.box_px.centre, abs=2)
