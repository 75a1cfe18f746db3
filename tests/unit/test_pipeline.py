"""Read, analyse and encode one study, with a stand-in for the model."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.fuse import study_result
from mammo_node.analyse.package import load_package
from mammo_node.config import OutputKind
from mammo_node.encode.parse import parse_report
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine, LoadedModel
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.pipeline import Pipeline, SpooledInstance, StudyRequest, encode, refused
from mammo_node.vocabulary import (
    HeaderSummary,
    InstanceRef,
    Laterality,
    Outcome,
    RefusalReason,
    View,
)
from tests.synthetic import MLO, breast, mammogram, save
from tests.unit.analyse_graphs import write_package

SIDES = [("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")]


class FixedSession:
    """Finds one box, always at the same place of the model's input."""

    def run(self, inputs, outputs):
        return [
            np.array([[8, 16, 24, 40]], dtype=np.float32),
            np.array([0.875], dtype=np.float32),
            np.array([0], dtype=np.int64),
        ]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    package = load_package(write_package(tmp_path / "blobs"))
    model = LoadedModel(package, Detector(package, FixedSession()))
    equipment = Equipment(software_version="0", device_serial_number="test")
    return Pipeline(Engine((model,), "cpu", "0"), Policy(), equipment, "")


def images(folder: Path, **more) -> list[SpooledInstance]:
    """Four standard views, breast at the chest wall's side."""
    found = []
    for number, (side, view) in enumerate(SIDES):
        ds = mammogram(breast(right=side == "R"), **more)
        ds.ImageLaterality = side
        ds.PatientOrientation = ["P", "L"] if side == "R" else ["A", "R"]
        if view == "MLO":
            ds.ViewCodeSequence[0].CodeValue = MLO
        ds.SOPInstanceUID = f"1.2.3.{number}"
        instance = identify(save(ds, folder / f"{number}.dcm"))
        assert instance is not None
        found.append(instance)
    return found


def request(instances) -> StudyRequest:
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return StudyRequest("1.2.4", 1, tuple(instances), tuple(OutputKind), when)


def test_a_whole_study(pipeline: Pipeline, tmp_path: Path):
    """Four views give four findings, mapped to the stored images, in every kind of object."""
    answer = pipeline.answer(request(images(tmp_path)))
    assert answer.result.outcome == Outcome.FINDINGS
    assert [f"{v.laterality}-{v.view}" for v in answer.result.views] == [
        "R-CC",
        "L-CC",
        "R-MLO",
        "L-MLO",
    ]
    right, left = (view.findings[0].box_px for view in answer.result.views[:2])
    # Chest wall left in the model: what is left there lies right in a right breast.
    assert right.x_min > left.x_max
    kinds = [file.kind for file in answer.files]
    assert kinds[0] == OutputKind.SR
    assert kinds.count(OutputKind.GSPS) == 4
    assert kinds.count(OutputKind.CAD_SR) == kinds.count(OutputKind.KEY_OBJECTS) == 1


def test_images_are_pictured_when_an_output_shows_them(pipeline: Pipeline, tmp_path: Path):
    """Pictures cost time and memory: they are made for outputs that show images, masks for maps."""
    first = images(tmp_path)[0]
    assert pipeline.look_at(first, (OutputKind.SR, OutputKind.GSPS)).picture is None
    assert pipeline.look_at(first, (OutputKind.OVERVIEW,)).picture.breast is None
    assert pipeline.look_at(first, (OutputKind.SEG,)).picture.breast.shape == (200, 160)


def test_the_overview_shows_the_images_and_their_marks(pipeline: Pipeline, tmp_path: Path):
    """The overview of a study has four images on it, and a mark on each."""
    answer = pipeline.answer(request(images(tmp_path)))
    (overview,) = (f for f in answer.files if f.kind is OutputKind.OVERVIEW)
    ds = pydicom.dcmread(io.BytesIO(overview.content))
    board = np.frombuffer(ds.PixelData, np.uint8).reshape(ds.Rows, ds.Columns, 3)[250:1800]
    yellow = (board[..., 0] > 200) & (board[..., 1] > 170) & (board[..., 2] < 120)
    for half in np.array_split(yellow, 2):
        for quarter in np.array_split(half, 2, axis=1):
            assert quarter.sum() > 100
    assert len(ds.SourceImageSequence) == 4


def test_a_failed_study_has_an_overview_and_a_report(pipeline: Pipeline, tmp_path: Path):
    """Also where nobody looked at the images there is something to see: why not."""
    asked = request(images(tmp_path))
    views = [refused(instance, None) for instance in asked.instances]
    result = study_result("1.2.4", 1, views, (), failure="it was killed three times")
    answer = encode(asked, result, pipeline.equipment)
    kinds = [file.kind for file in answer.files]
    assert kinds.count(OutputKind.OVERVIEW) == kinds.count(OutputKind.PDF) == 1
    assert OutputKind.SEG not in kinds


def test_the_report_says_the_same(pipeline: Pipeline, tmp_path: Path):
    """What the SR says of boxes and scores is what the result says."""
    answer = pipeline.answer(request(images(tmp_path)))
    path = tmp_path / "sr.dcm"
    path.write_bytes(answer.files[0].content)
    report = parse_report(pydicom.dcmread(path))
    said = {f.sop_instance_uid: (f.score, f.box_px) for f in report.findings}
    for view in answer.result.views:
        score, box = said[view.ref.sop_instance_uid]
        assert score == pytest.approx(view.findings[0].score)
        assert box.x_min == pytest.approx(view.findings[0].box_px.x_min, abs=0.01)
        assert box.y_max == pytest.approx(view.findings[0].box_px.y_max, abs=0.01)


def test_a_heatmap_reaches_the_results(tmp_path: Path):
    """What a model tells of each place is sent as a FRACTIONAL segmentation, in its place."""

    class _Mapped(FixedSession):
        def run(self, inputs, outputs):
            rows, columns = inputs["image"].shape[2:]
            heatmap = np.zeros((1, 1, rows // 8, columns // 8), dtype=np.float32)
            heatmap[0, 0, 2:5, 1:3] = 1.0
            return [*super().run(inputs, outputs), heatmap]

    changes = (('labels = "labels"', 'labels = "labels"\nheatmap = "best"'),)
    package = load_package(write_package(tmp_path / "blobs", changes=changes))
    model = LoadedModel(package, Detector(package, _Mapped()))
    equipment = Equipment(software_version="0", device_serial_number="test")
    mapped = Pipeline(Engine((model,), "cpu", "0"), Policy(), equipment, "")
    answer = mapped.answer(request(images(tmp_path)))
    maps = {}
    for file in answer.files:
        if file.kind == OutputKind.SEG:
            ds = pydicom.dcmread(io.BytesIO(file.content))
            if ds.SegmentationType == "FRACTIONAL":
                (source,) = ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence
                maps[source.ReferencedSOPInstanceUID] = ds.pixel_array
    assert len(maps) == 4
    for view in answer.result.views:
        values = maps[view.ref.sop_instance_uid].squeeze()
        column, row = map(int, view.findings[0].box_px.centre)
        assert values[row, column] == values.max() > 200
        assert values[0, 0] == 0


def test_the_order_of_arrival_does_not_matter(pipeline: Pipeline, tmp_path: Path):
    """The same images in another order give the same objects, to the byte."""
    found = images(tmp_path)
    assert pipeline.answer(request(found)) == pipeline.answer(request(reversed(found)))


def test_another_model_gives_other_objects(pipeline: Pipeline, tmp_path: Path):
    """A change of what produced the result changes every UID."""
    found = request(images(tmp_path))
    other = Pipeline(pipeline.engine, pipeline.policy, pipeline.equipment, "other settings")
    first = {file.sop_instance_uid for file in pipeline.answer(found).files}
    second = {file.sop_instance_uid for file in other.answer(found).files}
    assert first & second == set()


def test_an_image_that_is_gone_makes_the_answer_partial(pipeline: Pipeline, tmp_path: Path):
    """A file that retention or an accident took is named as not analysed, never passed over."""
    found = images(tmp_path)
    found[0].path.unlink()
    summary = HeaderSummary(Laterality.RIGHT, View.CC, True)
    gone = SpooledInstance(found[0].ref, found[0].path, summary)
    answer = pipeline.answer(request([gone, *found[1:]]))
    assert answer.result.outcome == Outcome.PARTIAL
    assert answer.result.views[0].refusal.reason == RefusalReason.FILE
    assert "R CC was refused" in answer.result.reason


def test_an_image_without_a_breast_is_refused(pipeline: Pipeline, tmp_path: Path):
    """A flat image is refused with the reason, and the others are analysed."""
    found = images(tmp_path)
    ds = pydicom.dcmread(found[1].path)
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(found[1].path)
    answer = pipeline.answer(request(found))
    refusals = [v.refusal.reason for v in answer.result.views if v.refusal]
    assert refusals == [RefusalReason.NO_BREAST]
    assert answer.result.outcome == Outcome.PARTIAL


def test_an_image_the_model_was_not_made_for_is_refused(pipeline: Pipeline, tmp_path: Path):
    """Secondary Capture that configuration lets through still needs a model that wants it."""
    generous = Pipeline(pipeline.engine, Policy(secondary_capture=True), pipeline.equipment, "")
    found = images(tmp_path, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    answer = generous.answer(request(found))
    assert {v.refusal.reason for v in answer.result.views} == {RefusalReason.MODEL}
    assert answer.result.outcome == Outcome.NOT_ATTEMPTED


def test_rubbish_is_refused(pipeline: Pipeline, tmp_path: Path):
    """A file that is no DICOM is a refusal like any other."""
    path = tmp_path / "rubbish.dcm"
    path.write_bytes(b"rubbish")
    ref = InstanceRef("1.2", "1.2.3.9", "1.2.4", "1.2.5", "")
    answer = pipeline.answer(request([SpooledInstance(ref, path), *images(tmp_path)[1:]]))
    assert RefusalReason.HEADER in {v.refusal.reason for v in answer.result.views if v.refusal}


def test_models_that_share_a_label_keep_their_thresholds(tmp_path: Path) -> None:
    """Each finding is told with the threshold of the model that found it."""
    models = []
    for name, threshold in (("one", 0.3), ("other", 0.6)):
        package = load_package(write_package(tmp_path / name, changes=(('"blobs"', f'"{name}"'),)))
        detector = Detector(package, FixedSession(), {"mass": threshold})
        models.append(LoadedModel(package, detector))
    points = Engine(tuple(models), "cpu", "0").operating_points
    shared = ("calcification-cluster", 0.6)
    assert points == (shared, ("mass (one)", 0.3), ("mass (other)", 0.6))
    equipment = Equipment(software_version="0", device_serial_number="test")
    both = Pipeline(Engine(tuple(models), "cpu", "0"), Policy(), equipment, "")
    result = both.answer(request(images(tmp_path))).result
    told = {f.model.name: result.threshold_of(f) for v in result.views for f in v.findings}
    assert told == {"one": 0.3, "other": 0.6}
