"""`mammo-node evaluate` as a researcher meets it: images and truth in, report and figures out."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from mammo_node.analyse.package import bundled_folder
from mammo_node.cli import main
from mammo_node.composition import pipeline_settings
from mammo_node.config import Configuration, Settings
from mammo_node.errors import InferenceError
from mammo_node.evaluate import run, table
from mammo_node.evaluate.predictions import ScoredBox
from mammo_node.evaluate.sr_results import read_reports
from mammo_node.examination import Examined
from mammo_node.offline import gather
from mammo_node.pipeline import Pipeline, StudyRequest
from mammo_node.vocabulary import OutputKind
from tests.peers import real_data
from tests.unit import data_sets

SEEDS = "phantom:900003:masses=3,clusters=0,mm=0.3,look=film"
#: A node that reports what is far below its usual threshold, so that there is a curve to compare.
OPEN = Settings(models={"thresholds": {"mass": 0.1}})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom study and its truth, as files."""
    folder = tmp_path_factory.mktemp("exported")
    assert main(["evaluate", "--truth", SEEDS, "--export", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def reports(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a node with open thresholds reports on those images: SR and CAD SR."""
    settings = pipeline_settings(Configuration(settings=OPEN), device_serial_number="tests")
    ((study, instances),) = gather(sorted(exported.glob("*.dcm"))).studies.items()
    when = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
    kinds = (OutputKind.SR, OutputKind.CAD_SR)
    request = StudyRequest(study, 1, instances, kinds, when)
    out = tmp_path_factory.mktemp("results")
    for number, file in enumerate(Pipeline.start(settings).answer(request).files):
        (out / file.kind.value).mkdir(exist_ok=True)
        (out / file.kind.value / f"{number}.dcm").write_bytes(file.content)
    return out


def evaluate(out: Path, *arguments: str) -> dict:
    """Run the command and return the figures."""
    assert main(["evaluate", *arguments, "--out", str(out), "--bootstrap", "50"]) == 0
    return json.loads((out / "figures.json").read_text())


def test_model_and_its_reports_give_the_same_figures(exported: Path, reports: Path, tmp_path: Path):
    """Down to the reports' threshold, evaluating reports is evaluating the model."""
    truth = ("--truth", str(exported / "truth.csv"))
    model = evaluate(tmp_path / "a", "--model", "lesion-detector", *truth)
    told = evaluate(tmp_path / "b", "--results", str(reports), *truth)
    assert model["data"]["analysed"] == told["data"]["analysed"] == 4
    mine, theirs = (d["detection"]["mass"] for d in (model, told))
    assert mine["lesions"] == theirs["lesions"] > 0
    for criterion in ("iou", "centre"):
        a, b = (section["froc"][criterion] for section in (mine, theirs))
        within = [i for i, rate in enumerate(a["rates"]) if rate < b["reached"]]
        assert within
        for key in ("sensitivity", "low", "high"):
            assert [a[key][i] for i in within] == [b[key][i] for i in within]
        assert [a["thresholds"][i] for i in within] == pytest.approx(
            [b["thresholds"][i] for i in within], abs=2e-4
        )
    assert mine["by"]["size"].keys() == theirs["by"]["size"].keys()
    assert [p["lesions"] for p in mine["by"]["size"].values()] == [
        p["lesions"] for p in theirs["by"]["size"].values()
    ]
    # Every image has a box above the reports' threshold, so that its best one is in them.
    pair = [d["discrimination"]["mass"]["image"] for d in (model, told)]
    assert pair[0] == pair[1]
    # Reports have no suspicion: of malignancy they tell what the model tells without it.
    for name, suspicion, same in (("with", None, model), ("without", "", told)):
        answers = _answers(tmp_path / "a" / "answers.csv", tmp_path / f"{name}.csv", suspicion)
        again = evaluate(tmp_path / name, "--results", str(answers), *truth)
        assert again["discrimination"]["malignant"]["image"] == _malignant(same)
        assert again["suspicion"] == same["suspicion"]
    assert _malignant(model) != _malignant(told)


def _malignant(document: dict) -> dict:
    return document["discrimination"]["malignant"]["image"]


def _answers(source: Path, target: Path, suspicion: str | None) -> Path:
    """Copy a table of answers, with this for every suspicion."""
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert any(float(row["suspicion"] or 0) > 0 for row in rows)
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        changed = {} if suspicion is None else {"suspicion": suspicion}
        writer.writerows(row | changed for row in rows)
    return target


def test_cad_reports_say_the_same(reports: Path):
    """A CAD report gives the boxes and scores of the measurement report of the same answer."""
    sr, cad = (read_reports(reports / kind) for kind in ("sr", "cad-sr"))
    assert sr.by_image.keys() == cad.by_image.keys()
    assert sr.models == cad.models
    for uid, said in sr.by_image.items():
        pairs = zip(
            *(sorted(p.boxes, key=_by_place) for p in (said, cad.by_image[uid])), strict=True
        )
        for mine, other in pairs:
            assert mine.label == other.label
            assert mine.score == pytest.approx(other.score, abs=0.006)
            assert mine.box_px.centre == pytest.approx(other.box_px.centre, abs=0.6)


def test_exported_phantoms_are_the_phantoms(exported: Path, tmp_path: Path):
    """Phantoms by seed and the same ones from files give the same figures."""
    by_file = evaluate(
        tmp_path / "a", "--model", "lesion-detector", "--truth", str(exported / "truth.csv")
    )
    by_seed = evaluate(tmp_path / "b", "--model", "lesion-detector", "--truth", SEEDS)
    assert by_seed["detection"] == by_file["detection"]
    assert by_seed["bar"] == by_file["bar"]


def test_report_is_written_and_says_what_was_evaluated(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The page names model, hash, truth and research use; the terminal names the page."""
    evaluate(tmp_path, "--model", "lesion-detector", "--truth", str(exported / "truth.csv"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("lesion-detector", "sha256", "truth.csv", "not a medical device", "blob bar"):
        assert words in page
    printed = capsys.readouterr().out
    assert "4 of 4 images, 1 patients" in printed
    assert str(tmp_path / "report.html") in printed


def test_answers_need_not_be_worked_out_again(exported: Path, tmp_path: Path):
    """The model's answers are left as a table, which gives the same figures again."""
    truth = ("--truth", str(exported / "truth.csv"))
    first = evaluate(tmp_path, "--model", "lesion-detector", *truth, "--no-bar")
    point = first["detection"]["mass"]["operating_point"]["threshold"]
    again = ("--results", str(tmp_path / "answers.csv"), "--threshold", f"mass={point}")
    second = evaluate(tmp_path / "again", *again, *truth)
    assert second["detection"] == first["detection"]
    assert second["discrimination"] == first["discrimination"]


def test_a_package_may_be_named_by_its_folder(exported: Path, tmp_path: Path):
    """--model takes a folder as well as a name, and --no-bar leaves the bar out."""
    folder = bundled_folder() / "lesion-detector"
    found = evaluate(
        tmp_path,
        "--model",
        str(folder),
        "--truth",
        str(exported / "truth.csv"),
        "--no-bar",
        "--threshold",
        "mass=0.9",
    )
    assert found["bar"] is None
    assert found["detection"]["mass"]["operating_point"]["threshold"] == 0.9


def test_the_later_report_holds(reports: Path, tmp_path: Path):
    """Of two reports on one image the one that was written later counts."""
    (first,) = (reports / "sr").glob("*.dcm")
    ds = pydicom.dcmread(first)
    ds.save_as(tmp_path / "early.dcm", enforce_file_format=True)
    ds.ContentDate = "20990101"
    _without_one_finding(ds)
    ds.save_as(tmp_path / "late.dcm", enforce_file_format=True)
    assert read_reports(tmp_path).documents == 2
    assert boxes_in(tmp_path) == boxes_in(tmp_path / "early.dcm") - 1


def test_images_without_a_report_are_told(exported: Path, tmp_path: Path, reports: Path):
    """An image of which no report speaks is not taken for one without findings."""
    records = table.read(exported / "truth.csv")
    stranger = data_sets.image(exported / "stranger.dcm", ImageLaterality="L")
    records.append(
        type(records[0])("x", stranger, "z", "z", records[0].laterality, records[0].view)
    )
    table.write(records, exported / "more.csv")
    found = evaluate(tmp_path, "--results", str(reports), "--truth", str(exported / "more.csv"))
    assert found["data"]["refused"] == {"no-result: nothing is said of it": 1}


def test_digitised_film_is_evaluated(tmp_path: Path):
    """A film whose file says neither side, view nor pitch is read with what the table says."""
    film = real_data() / "film-digitised-L-MLO-j2k-lossy.dcm"
    (tmp_path / "truth.csv").write_text(
        f"image,patient,laterality,view,label,spacing_mm\n{film},film,L,MLO,mass,0.0435\n"
    )
    truth = ("--truth", str(tmp_path / "truth.csv"))
    found = evaluate(tmp_path, "--model", "lesion-detector", *truth)
    assert (found["data"]["analysed"], found["data"]["findings"]) == (1, {"mass": 1})


def test_truth_about_another_view_is_noticed(tmp_path: Path):
    """An image whose header names the other breast is counted out, with what either says."""
    root = data_sets.vindr(tmp_path)
    annotations = root / "breast-level_annotations.csv"
    annotations.write_text(annotations.read_text().replace("i1,L,CC", "i1,R,CC"))
    arguments = ("--model", "lesion-detector", "--truth", "vindr-mammo", "--data", str(root))
    found = evaluate(tmp_path / "out", *arguments)
    assert found["data"]["refused"] == {"another-view: the file says L CC, the truth R CC": 1}


def test_a_model_that_fails_costs_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An image on which the model fails is counted as not analysed; the others have figures."""
    root = data_sets.vindr(tmp_path)

    def examine(subject, *_):
        if subject.image.view == "MLO":
            raise InferenceError("out of memory")
        return Examined()

    monkeypatch.setattr(run, "examine", examine)
    arguments = ("--model", "lesion-detector", "--truth", "vindr-mammo", "--data", str(root))
    found = evaluate(tmp_path / "out", *arguments)
    assert found["data"]["refused"] == {"model-failed: out of memory": 2}
    assert found["data"]["analysed"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "no-such-model", "--truth", SEEDS], 1, "no model package 'no-such-model'"),
        (["--model", "lesion-detector", "--truth", "nothing.csv"], 1, "no file, and no data set"),
        (["--results", "/nowhere", "--truth", "phantom:1"], 1, "there is no such folder"),
        (["--model", "lesion-detector", "--truth", SEEDS, "--threshold", "x"], 2, "LABEL=SCORE"),
        (["--model", "x", "--truth", SEEDS, "--threshold", "mass=nan"], 2, "0 to 1"),
        (["--model", "x", "--truth", SEEDS, "--bootstrap", "0"], 2, "--bootstrap 0: 1 or more"),
        (
            ["--model", "lesion-detector", "--truth", SEEDS, "--threshold", "cat=1"],
            2,
            "no such label (known: mass",
        ),
    ],
)
def test_mistakes_are_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
):
    """What is wrong is told in a line that says what would be right, before any work."""
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "out")]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "out").exists()


def test_out_is_needed(capsys: pytest.CaptureFixture[str]):
    """Without a folder for the report nothing is begun."""
    assert main(["evaluate", "--model", "lesion-detector", "--truth", SEEDS]) == 2
    assert "--out DIR is needed" in capsys.readouterr().err


def boxes_in(path: Path) -> int:
    return sum(len(said.boxes) for said in read_reports(path).by_image.values())


def _without_one_finding(ds: pydicom.Dataset) -> None:
    """Take the first region out of a report; its image has others."""
    for part in ds.ContentSequence:
        if part.ConceptNameCodeSequence[0].CodeValue == "126010":
            groups = list(part.ContentSequence)
            groups.remove(next(group for group in groups if _is_region(group)))
            part.ContentSequence = groups


def _is_region(group: pydicom.Dataset) -> bool:
    return group.ContentTemplateSequence[0].TemplateIdentifier == "1410"


def _by_place(box: ScoredBox) -> tuple[float, float]:
    return box.box_px.centre
