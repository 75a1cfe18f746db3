"""What reports say becomes what figures are made of, without any image at hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mammo_node.cli import main
from mammo_node.commands import evaluate as command
from mammo_node.errors import GroundTruthError
from mammo_node.evaluate import table
from mammo_node.evaluate.figures import figures
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.results import Results
from mammo_node.evaluate.settings import Settings
from mammo_node.evaluate.sr_results import _predictions, read_reports
from mammo_node.evaluate.table_results import read_answers, write_answers
from mammo_node.reports.found import (
    Algorithm,
    ReadDensity,
    ReadFinding,
    ReadImage,
    ReadReport,
    ReadScore,
)
from mammo_node.reports.geometry import Region
from mammo_node.vocabulary import Box, DensityCategory, Laterality
from tests.unit.judged import CLUSTER, MASS, example
from tests.unit.result_objects import write_report

HEAD = "sop_instance_uid,patient,laterality,view,label,x_min,y_min,x_max,y_max,spacing_mm\n"
TRUTH = HEAD + "1.1,a,L,CC,mass,0,0,100,100,0.1\n1.2,b,R,CC,,,,,,\n1.3,c,R,CC,,,,,,\n"


def finding(uid="1.1", label=MASS, **more):
    """A finding with nothing but what is given."""
    empty = dict.fromkeys(("concept", "name", "tracking_uid", "frame", "laterality", "site"))
    empty |= dict.fromkeys(("region", "centre_px", "score", "size_mm", "rendering", "lesion"))
    lists = dict.fromkeys(("members_px", "measured", "qualities", "words"), ())
    image = None if uid is None else ReadImage(uid)
    return ReadFinding(
        **{**empty, **lists, "label": label, "image": image, "algorithm": Algorithm(), **more}
    )


def report(*findings, **more):
    """A report with nothing but these findings."""
    words = dict.fromkeys(ReadReport.__slots__)
    lists = ("measured", "qualities", "statements", "images", "predecessors", "missing")
    lists += ("without_findings", "not_analysed", "densities", "scores", "assessments")
    return ReadReport(**{**words, **dict.fromkeys(lists, ()), "findings": findings, **more})


def square():
    """The outline of a box of 10 pixels."""
    points = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    return Region("POLYLINE", points)


def test_scores_and_densities_belong_to_their_images():
    """An image has its own scores, and the density of its breast; the patient's is of no image."""
    right = ReadDensity(
        Laterality.RIGHT, DensityCategory.B, None, 0.6, (0.1, 0.6, 0.2, 0.1), ("1.1",)
    )
    patient = replace(right, laterality=None, category=DensityCategory.D)
    told = _predictions(
        report(
            without_findings=("1.1", "1.2"),
            densities=(patient, right),
            scores=(ReadScore("1.1", "R-CC", "nodule", 0.7, 4),),
        )
    )
    assert told["1.1"].image_scores == {"nodule": 0.7}
    assert told["1.1"].density == (0.1, 0.6, 0.2, 0.1)
    assert told["1.1"].density_category == DensityCategory.B
    assert (told["1.2"].image_scores, told["1.2"].density) == ({}, None)


def test_findings_become_boxes():
    """A region is its bounds, a point a pixel; without a score it counts as certain."""
    told = _predictions(
        report(
            finding(region=square(), score=0.4),
            finding(centre_px=(5.0, 6.0)),
            without_findings=("1.2",),
            not_analysed=("1.3",),
        )
    )
    assert told["1.1"].boxes == (
        ScoredBox(MASS, 0.4, Box(0, 0, 10, 10)),
        ScoredBox(MASS, 1.0, Box(4.5, 5.5, 5.5, 6.5)),
    )
    assert (told["1.2"].boxes, told["1.2"].refusal) == ((), None)
    assert told["1.3"].refusal.startswith("not-analysed")


def test_what_is_not_to_be_shown_is_no_finding():
    """A workstation does not show it, so it is not judged; the image is analysed all the same."""
    told = _predictions(report(finding(region=square(), rendering="not")))
    assert told["1.1"].boxes == ()
    assert told["1.1"].refusal is None


def test_a_finding_without_a_place_or_an_image_has_no_box():
    """What cannot be placed cannot be judged by its place."""
    assert _predictions(report(finding(), finding(uid=None, region=square())))["1.1"].boxes == ()


ANSWERS = """\
image,label,score,x_min,y_min,x_max,y_max,suspicion,density_a,density_b,density_c,density_d,\
nipple_x,nipple_y
a,mass,0.9,0,0,150,150,0.7,0.7,0.1,0.1,0.1,130,240
b,mass,0.5,500,500,580,580,0.1,0.1,0.1,0.1,0.7,,
b,Mass,0.8,0,900,100,1000,0.2,,,,,,
c,,,,,,,,,,,,,
d,mass,0.4,300,300,400,400,,,,,,10,20
d,calcification cluster,0.3,600,600,700,700,,,,,,,
"""


def test_a_table_of_results_gives_all_the_figures(tmp_path):
    """The example worked by hand, as two CSV files: every section is as it is worked out."""
    records = [replace(one.record, path=None, spacing_mm=0.1) for one in example()]
    table.write([replace(r, sop_instance_uid=r.image_id) for r in records], tmp_path / "truth.csv")
    (tmp_path / "answers.csv").write_text(ANSWERS.replace("\\\n", ""))
    arguments = ["--truth", str(tmp_path / "truth.csv"), "--out", str(tmp_path / "out")]
    thresholds = ["--threshold", "mass=0.45", "--threshold", "calcification-cluster=0.2"]
    results = ["--results", str(tmp_path / "answers.csv"), "--bootstrap", "100"]
    assert main(["evaluate", *results, *arguments, *thresholds]) == 0
    found = json.loads((tmp_path / "out" / "figures.json").read_text())
    settings = Settings(rounds=100, thresholds={MASS: 0.45, CLUSTER: 0.2})
    worked = figures(example(), (MASS, CLUSTER), {}, settings)
    for part in ("detection", "discrimination", "decisions", "density", "nipple", "by"):
        assert found[part] == worked[part], part
    assert found["data"]["refused"] == {"no-result: nothing is said of it": 1}


def test_what_is_written_reads_back_the_same(tmp_path):
    """Answers of every kind survive the table to the last digit."""
    predictions = [one.prediction for one in example()]
    scores = {"malignant": 1 / 3, MASS: 0.25}
    predictions.append(Prediction("f", image_scores=scores, density=(0.1, 0.2, 0.3, 0.4)))
    write_answers(predictions, tmp_path / "a.csv")
    again = read_answers(tmp_path / "a.csv").by_image
    assert again == {p.image_id: replace(p, spacing_mm=None) for p in predictions}


def test_a_table_may_score_images(tmp_path):
    """A line without a box is the image's own score, of malignancy too."""
    (tmp_path / "a.csv").write_text(
        "image,label,score\na,malignant,0.7\na,suspicious calcification,0.2\nb,,\n"
    )
    results = read_answers(tmp_path / "a.csv")
    assert results.by_image["a"].image_scores == {"malignant": 0.7, CLUSTER: 0.2}
    assert results.by_image["b"] == Prediction("b")
    assert (results.labels, results.threshold) == ((CLUSTER,), 0.5)


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("image,label,score,colour", "a,mass,1,red", "unknown column 'colour'"),
        ("image,label,score", ",mass,1", "line 2: needs 'image' or"),
        ("image,label,score", "a,elephant,1", "line 2: unknown label 'elephant'"),
        ("image,label,score", "a,mass,", "line 2: a finding needs a score"),
        ("image,label,score", "a,mass,1.5", "line 2: score: from 0 to 1"),
        ("image,label,score", "a,,0.5", "line 2: a box or score without a label"),
        ("image,label,score,x_min", "a,mass,1,5", "line 2: needs all of x_min, y_min"),
        ("image,density_a,density_b", "a,1,0", "needs all of density_a"),
        ("image,density_category", "a,B", "line 2: density_category needs density_a"),
    ],
)
def test_mistakes_in_a_table_name_the_line(tmp_path, head, line, message):
    """What is wrong is told with its place and what would be right."""
    (tmp_path / "a.csv").write_text(f"{head}\n{line}\n")
    with pytest.raises(GroundTruthError, match=message):
        read_answers(tmp_path / "a.csv")


def evaluate(tmp_path, monkeypatch, results, *more):
    """Run the command on results that are given."""
    (tmp_path / "truth.csv").write_text(TRUTH)
    monkeypatch.setattr(command, "read_reports", lambda _: results)
    arguments = ["--truth", str(tmp_path / "truth.csv"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", "--results", "x", *arguments, "--bootstrap", "10", *more]) == 0
    return json.loads((tmp_path / "out" / "figures.json").read_text())


def test_reports_without_findings_have_missed_what_there_is(tmp_path, monkeypatch):
    """A product that found nothing is told to have found nothing; it is not left out."""
    silent = Results({"1.1": Prediction(""), "1.2": Prediction("")}, (), None, 1)
    found = evaluate(tmp_path, monkeypatch, silent)
    assert found["detection"][MASS]["froc"]["iou"]["sensitivity"] == [0.0] * 6
    assert found["detection"][MASS]["by"]["size"]["10 to 20 mm"]["lesions"] == 1
    assert found["data"]["refused"] == {"no-result: nothing is said of it": 1}


def test_a_label_may_be_added(tmp_path, monkeypatch):
    """--threshold asks for a label that no report has a finding of."""
    boxes = (ScoredBox("calcification-cluster", 0.5, Box(0, 0, 5, 5)),)
    told = Results({"1.1": Prediction("", boxes)}, ("other 1",), ("calcification-cluster",), 1)
    assert evaluate(tmp_path, monkeypatch, told)["detection"] == {}
    asked = evaluate(tmp_path, monkeypatch, told, "--threshold", "mass=0")
    assert asked["detection"][MASS]["operating_point"]["sensitivity"] == 0
    assert asked["about"]["what"] == "other 1"


def test_a_folder_without_reports_is_an_error(tmp_path):
    """Nothing to evaluate is told as such."""
    (tmp_path / "notes.txt").write_text("no report")
    with pytest.raises(GroundTruthError, match="no report of findings in it"):
        read_reports(tmp_path)
    with pytest.raises(GroundTruthError, match="there is no such folder"):
        read_reports(tmp_path / "nowhere")


def test_a_report_that_is_cut_off_is_named(tmp_path):
    """A file that cannot be read is told with its reason, not passed over in silence."""
    path = write_report(tmp_path, 1).path
    path.write_bytes(path.read_bytes()[:-11])
    with pytest.raises(GroundTruthError, match=r"first that was not read is .*1\.dcm: cut off"):
        read_reports(tmp_path)
