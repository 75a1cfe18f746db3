"""Crops: what is cut, what the index says of it, that nobody is named, and that it resumes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.fuse import study_result
from mammo_node.analyse.package import load_package
from mammo_node.cli import main
from mammo_node.crops import cutting
from mammo_node.crops.atomic import write_png
from mammo_node.crops.collect import collect
from mammo_node.crops.cutting import BREASTS, IMAGES, LABELS, MASKS, Settings
from mammo_node.crops.index import COLUMNS, coco, table, yolo
from mammo_node.crops.pseudonym import pseudonym
from mammo_node.crops.record import load
from mammo_node.crops.sources import Analyst, Opened, Source, from_files, from_journal
from mammo_node.crops.window import cut, window_of
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine, LoadedModel
from mammo_node.errors import CropsError, InferenceError
from mammo_node.image.suitability import Policy
from mammo_node.journal.kept import KeptStudy
from mammo_node.journal.records import JobInstance
from mammo_node.journal.states import InstanceState
from mammo_node.offline import Gathered, gather
from mammo_node.pipeline import Pipeline, StudyRequest
from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    Finding,
    HeaderSummary,
    Laterality,
    ModelRef,
    OutputKind,
    Spacing,
    SpacingOrigin,
    View,
    ViewResult,
)
from tests.synthetic import breast, mammogram, save
from tests.unit.analyse_graphs import write_package
from tests.unit.journal_cases import Bench

MODEL = ModelRef("test", "1.0", "0" * 64)
MASS = CodedConcept("129788004", "SCT", "Mammographic breast mass")
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SPACING = Spacing(0.1, 0.2, SpacingOrigin.IMAGER)


def finding(*edges: float, label: str = "mass", score: float = 0.75) -> Finding:
    return Finding(label, MASS, score, Box(*edges), None, 12.0, MODEL)


@pytest.fixture
def study(tmp_path: Path) -> Gathered:
    """One image of a woman with a name, 200 x 160 pixels."""
    ds = mammogram(breast())
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Curie^Marie", "PID-1867", "18671107"
    (tmp_path / "in").mkdir()
    save(ds, tmp_path / "in" / "0.dcm")
    return gather([tmp_path / "in"])


def source(gathered: Gathered, *findings: Finding, stamp: str = "one") -> tuple[Source, list[str]]:
    """A study with these findings, and when it was opened."""
    ((uid, instances),) = gathered.studies.items()
    opened: list[str] = []
    view = ViewResult(
        instances[0].ref, Laterality.LEFT, View.CC, 200, 160, SPACING, tuple(findings)
    )

    @contextmanager
    def open_it() -> Iterator[Opened]:
        opened.append(stamp)
        yield Opened(instances, study_result(uid, 1, [view], (MODEL,)))

    uids = frozenset(instance.ref.sop_instance_uid for instance in instances)
    return Source(uid, uids, stamp, open_it), opened


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def picture(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None, path
    return found


def test_a_window_is_the_box_and_its_margin_in_mm():
    """The margin is mm along each axis, whatever the pixels; the image's end is the crop's."""
    window = window_of(Box(100, 50, 140, 80), (200, 300), SPACING, margin_mm=4.0)
    assert (window.left, window.top, window.width, window.height) == (80, 10, 80, 110)
    assert window.inside(Box(100, 50, 140, 80)) == Box(20, 40, 60, 70)
    at_the_edge = window_of(Box(0, 0, 10, 10), (200, 300), SPACING, margin_mm=100.0)
    assert (at_the_edge.left, at_the_edge.top) == (0, 0)
    assert (at_the_edge.width, at_the_edge.height) == (300, 200)


def test_square_crops_keep_the_shape_of_things():
    """With a size every crop has that many pixels, and one pitch along both sides."""
    window = window_of(Box(100, 50, 140, 80), (200, 300), SPACING, margin_mm=4.0, size_px=64)
    assert (window.columns, window.rows) == (64, 64)
    down, across = window.spacing_mm(SPACING)
    assert down == pytest.approx(across, rel=0.01)
    assert down * 64 == pytest.approx(8.0 + 8.0, rel=0.02)
    box = window.inside(Box(100, 50, 140, 80))
    assert box is not None
    assert box.centre == pytest.approx((32, 32), abs=0.5)


def test_what_lies_beyond_the_image_is_black():
    """A square window at the edge reaches out of the image: nothing is made up there."""
    pixels = np.ones((50, 50), np.float32)
    window = window_of(Box(0, 20, 10, 30), (50, 50), SPACING, margin_mm=1.0, size_px=40)
    found = cut(pixels, window)
    assert found.shape == (40, 40)
    assert not found[:, 0].any()
    assert found[20, -1] == 1.0


def test_pixels_are_the_images_own(study: Gathered, tmp_path: Path):
    """A crop holds 16 bit of the very pixels, the masks its box and the breast."""
    lesion = finding(30, 60, 70, 100)
    it, _ = source(study, lesion)
    collect([it], Settings(margin_mm=2.0), Policy(), tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    crop = picture(tmp_path / "out" / IMAGES / f"{row['crop']}.png")
    assert crop.dtype == np.uint16
    ((_, (instance,)),) = study.studies.items()
    ds = pydicom.dcmread(instance.path)
    left, top = int(row["crop_left"]), int(row["crop_top"])
    stored = ds.pixel_array[top : top + crop.shape[0], left : left + crop.shape[1]]
    assert (np.rint(stored / (2**ds.BitsStored - 1) * 65535) == crop).all()
    mask = picture(tmp_path / "out" / MASKS / f"{row['crop']}.png")
    inside = np.argwhere(mask == 255)
    assert np.add(inside.min(axis=0), [top, left]).tolist() == [60, 30]
    assert np.add(inside.max(axis=0), [top, left]).tolist() == [99, 69]
    tissue = picture(tmp_path / "out" / BREASTS / f"{row['crop']}.png")
    assert tissue.shape == mask.shape
    assert set(np.unique(tissue)) <= {0, 255}
    assert ((tissue == 255) == (stored > stored.max() / 4)).mean() > 0.9


def test_all_forms_of_the_index_agree(study: Gathered, tmp_path: Path):
    """CSV, COCO and YOLO give the same box, and a neighbour in the window is marked too."""
    it, _ = source(
        study,
        finding(30, 60, 70, 100, score=0.9),
        finding(60, 110, 90, 120, label="calcification-cluster", score=0.4),
    )
    out = tmp_path / "out"
    collect([it], Settings(margin_mm=3.0), Policy(), out)
    assert (out / "classes.txt").read_text() == "calcification-cluster\nmass\n"
    document = json.loads((out / "coco.json").read_text())
    by_name = {image["file_name"]: image for image in document["images"]}
    for row in rows_of(out):
        image = by_name[f"{IMAGES}/{row['crop']}.png"]
        mine = [a for a in document["annotations"] if a["image_id"] == image["id"]]
        x_min, y_min, x_max, y_max = (
            float(row[f"box_{edge}"]) for edge in ("x_min", "y_min", "x_max", "y_max")
        )
        assert mine[0]["bbox"] == pytest.approx([x_min, y_min, x_max - x_min, y_max - y_min])
        assert (x_min + int(row["crop_left"]), y_min + int(row["crop_top"])) == pytest.approx(
            (float(row["x_min"]), float(row["y_min"]))
        )
        lines = (out / LABELS / f"{row['crop']}.txt").read_text().splitlines()
        assert len(lines) == len(mine)
        number, x, y, width, height = map(float, lines[0].split())
        assert ("calcification-cluster", "mass")[int(number)] == row["label"]
        assert x * image["width"] == pytest.approx((x_min + x_max) / 2, abs=0.01)
        assert y * image["height"] == pytest.approx((y_min + y_max) / 2, abs=0.01)
        assert width * image["width"] == pytest.approx(x_max - x_min, abs=0.01)
        assert height * image["height"] == pytest.approx(y_max - y_min, abs=0.01)
        names = {c["id"]: c["name"] for c in document["categories"]}
        assert names[mine[0]["category_id"]] == row["label"]
        assert (picture(out / IMAGES / f"{row['crop']}.png").shape[1::-1]) == (
            image["width"],
            image["height"],
        )
    assert max(len([a for a in document["annotations"] if a["image_id"] == i]) for i in (1, 2)) == 2


def test_an_empty_index_is_an_index():
    """Without a lesion there are headings, no classes and no annotations: nothing breaks."""
    assert table([]) == ",".join(COLUMNS) + "\n"
    assert coco([], ())["images"] == []


def test_nobody_is_named(study: Gathered, tmp_path: Path):
    """No file, name or text holds who the woman is, nor a UID, unless UIDs are asked for."""
    it, _ = source(study, finding(30, 60, 70, 100))
    ((study_uid, (instance,)),) = study.studies.items()
    out = tmp_path / "out"
    collect([it], Settings(), Policy(), out)
    secrets = ["Curie", "1867", study_uid, instance.ref.sop_instance_uid]
    for path in out.rglob("*"):
        assert not any(secret in str(path.relative_to(out)) for secret in secrets)
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path
    (row,) = rows_of(out)
    assert row["image"] == pseudonym(instance.ref.sop_instance_uid)
    collect([it], Settings(keep_uids=True), Policy(), out)
    (row,) = rows_of(out)
    assert (row["image"], row["study"]) == (instance.ref.sop_instance_uid, study_uid)


def test_writing_in_the_pixels_is_told_of(study: Gathered, tmp_path: Path):
    """Pixels may name the woman: only an image that says NO is free of the warning."""
    ((_, (instance,)),) = study.studies.items()
    said = {}
    for answer in ("YES", "NO", None):
        ds = pydicom.dcmread(instance.path)
        if answer is None:
            ds.pop("BurnedInAnnotation", None)
        else:
            ds.BurnedInAnnotation = answer
        ds.save_as(instance.path)
        it, _ = source(study, finding(30, 60, 70, 100), stamp=str(answer))
        collect([it], Settings(), Policy(), tmp_path / "out")
        said[answer] = rows_of(tmp_path / "out")[0]["burned_in_possible"]
    assert said == {"YES": "yes", "NO": "no", None: "yes"}


def test_what_is_there_is_not_made_again(study: Gathered, tmp_path: Path):
    """A study with a record is not even opened; other models, margins or images make it anew."""
    out = tmp_path / "out"
    it, opened = source(study, finding(30, 60, 70, 100), finding(10, 10, 20, 20))
    assert collect([it], Settings(), Policy(), out).there_before == 0
    again = collect([it], Settings(), Policy(), out)
    assert (again.there_before, again.crops, len(opened)) == (1, 2, 1)
    collect([it], Settings(margin_mm=5.0), Policy(), out)
    assert len(opened) == 2
    more = replace(it, sop_instance_uids=it.sop_instance_uids | {"1.2.3.4"})
    collect([more], Settings(margin_mm=5.0), Policy(), out)
    assert len(opened) == 3
    other, _ = source(study, finding(30, 60, 70, 100), stamp="another model")
    assert collect([other], Settings(), Policy(), out).crops == 1
    names = {path.stem for path in out.rglob("*-0?.*")}
    assert len(names) == 1, "what is no lesion any more is taken away"


def test_an_interruption_loses_nothing_that_was_made(study: Gathered, tmp_path: Path):
    """Stopped by hand in the second study, the first is in the index and stays made."""
    out = tmp_path / "out"
    it, opened = source(study, finding(30, 60, 70, 100))

    @contextmanager
    def stopped() -> Iterator[Opened]:
        raise KeyboardInterrupt
        yield

    second = Source("1.2.9", frozenset({"1.2.9.1"}), "one", stopped)
    with pytest.raises(KeyboardInterrupt):
        collect([it, second], Settings(), Policy(), out)
    assert len(rows_of(out)) == 1
    assert json.loads((out / "coco.json").read_text())["annotations"]
    collect([it], Settings(), Policy(), out)
    assert len(opened) == 1


def test_crops_of_two_settings_are_never_mixed(
    study: Gathered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Stopped while a study is cut anew, its crops are in no index until they are all of a kind."""
    out = tmp_path / "out"
    it, opened = source(study, finding(30, 60, 70, 100))
    collect([it], Settings(margin_mm=2.0), Policy(), out)
    before = picture(out / IMAGES / f"{rows_of(out)[0]['crop']}.png")

    def stopped(path: Path, pixels: np.ndarray) -> None:
        if path.parent.name == MASKS:
            raise KeyboardInterrupt
        write_png(path, pixels)

    with monkeypatch.context() as patched:
        patched.setattr(cutting, "write_png", stopped)
        with pytest.raises(KeyboardInterrupt):
            collect([it], Settings(margin_mm=4.0), Policy(), out)
    assert rows_of(out) == []
    collect([it], Settings(margin_mm=2.0), Policy(), out)
    assert len(opened) == 3
    (row,) = rows_of(out)
    assert (picture(out / IMAGES / f"{row['crop']}.png") == before).all()


def test_a_study_that_fails_takes_no_other_with_it(study: Gathered, tmp_path: Path):
    """The others are cut, the failure is told of by the study's UID, and is tried again."""

    @contextmanager
    def broken() -> Iterator[Opened]:
        raise InferenceError("out of memory")
        yield

    it, _ = source(study, finding(30, 60, 70, 100))
    bad = Source("1.2.9", frozenset({"1.2.9.1"}), "one", broken)
    collected = collect([bad, it], Settings(), Policy(), tmp_path / "out")
    assert collected.failures == ("1.2.9: out of memory",)
    assert (collected.studies, collected.crops) == (1, 1)
    assert len(list((tmp_path / "out" / "records").iterdir())) == 1


def test_another_folder_is_not_written_into_by_mistake(tmp_path: Path):
    """A record that is none of ours is an error that says what to do."""
    path = tmp_path / "record.json"
    path.write_text('{"format": 1}')
    with pytest.raises(CropsError, match="empty folder"):
        load(path)
    path.write_text("[")
    with pytest.raises(CropsError, match="cannot be read"):
        load(path)


class _OneBox:
    """Finds one box, always at the same place of the model's input."""

    def run(self, inputs, outputs):
        boxes = np.array([[8, 16, 24, 40]], np.float32)
        return [boxes, np.array([0.875], np.float32), np.array([0])]


@pytest.fixture
def analyst(tmp_path: Path) -> Analyst:
    package = load_package(write_package(tmp_path / "blobs"))
    model = LoadedModel(package, Detector(package, _OneBox()))
    equipment = Equipment(software_version="0", device_serial_number="test")
    return Analyst(Pipeline(Engine((model,), "cpu", "0"), Policy(), equipment, ""), NOW)


def test_files_are_analysed_with_the_models_in_use(
    study: Gathered, analyst: Analyst, tmp_path: Path
):
    """From a folder to crops: what the models find is what is cut, and under which models."""
    collected = collect(from_files(study, analyst), Settings(), Policy(), tmp_path / "out")
    assert collected.crops == 1
    (row,) = rows_of(tmp_path / "out")
    assert (row["label"], float(row["score"]), row["model"]) == ("mass", 0.875, "blobs 1.0")
    assert analyst.pipeline.engine.models[0].sha256 in analyst.stamp


def test_a_study_of_the_node_is_cut_as_its_report_says(
    study: Gathered, analyst: Analyst, tmp_path: Path
):
    """Results of the journal are used as they are: no model is loaded for them."""
    ((uid, instances),) = study.studies.items()
    asked = StudyRequest(uid, 1, instances, (OutputKind.SR,), NOW)
    answer = analyst.pipeline.answer(asked)
    report = tmp_path / "report.dcm"
    report.write_bytes(answer.files[0].content)
    kept = KeptStudy(tuple(_job_instance(one) for one in instances), report, "2.25.7")

    def no_model() -> Analyst:
        raise AssertionError

    it = from_journal(kept, uid, no_model)
    collect([it], Settings(), Policy(), tmp_path / "out")
    (row,) = rows_of(tmp_path / "out")
    (view,) = answer.result.views
    assert float(row["score"]) == pytest.approx(view.findings[0].score, abs=1e-6)
    assert float(row["x_min"]) == pytest.approx(view.findings[0].box_px.x_min, abs=0.02)
    report.unlink()
    assert from_journal(kept, uid, lambda: analyst).stamp == analyst.stamp
    instances[0].path.unlink()
    with pytest.raises(CropsError, match="no longer kept"):
        from_journal(kept, uid, no_model)


def _job_instance(one) -> JobInstance:
    summary = HeaderSummary(Laterality.LEFT, View.CC, True)
    return JobInstance(1, one.ref, "", summary, "M", one.path, 1, InstanceState.ACCEPTED)


def test_the_journal_tells_where_files_lie(tmp_path: Path):
    """Its images, and the newest report that an analysis stands behind."""
    bench = Bench(tmp_path)
    bench.receive("L", "CC", study="1.2.3")
    assert bench.journal.kept("1.2.4") is None
    before = bench.journal.kept("1.2.3")
    assert before is not None
    assert (len(before.instances), before.report) == (1, None)
    bench.answer()
    after = bench.journal.kept("1.2.3")
    assert after is not None
    assert after.report is not None
    assert after.report.is_file()
    assert after.instances[0].path.is_file()
    bench.journal.close()


def test_yolo_counts_from_the_top_left(study: Gathered, tmp_path: Path):
    """Centre and size are shares of the crop's width and height, in that order."""
    it, _ = source(study, finding(30, 60, 70, 100))
    collect([it], Settings(margin_mm=0.0), Policy(), tmp_path / "out")
    (record,) = [load(path) for path in (tmp_path / "out" / "records").iterdir()]
    assert record is not None
    assert yolo(record.crops[0], ("mass",)) == "0 0.500000 0.500000 1.000000 1.000000\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name paths, or --study"),
        (["a", "--study", "1.2"], "name paths, or --study"),
        (["--pacs", "p"], "--pacs NAME goes with"),
        (["a", "--pacs", "p", "--study", "1.2"], "--pacs NAME goes with"),
        (["--date", "20260101"], "name paths, or --study"),
        (["--pacs", "p", "--date", "yesterday"], "YYYYMMDD"),
        (["a", "--margin-mm", "-1"], "0 or more"),
        (["a", "--size-px", "3"], "16 to 8192"),
        (["--pacs", "p", "--study", "1.2"], "no destination is named 'p'"),
    ],
)
def test_a_wrong_command_line_says_what_is_right(arguments, said, tmp_path, capsys):
    """Options that do not go together are usage errors, before anything is loaded."""
    assert main(["crops", *arguments, "--out", str(tmp_path), "--config", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
