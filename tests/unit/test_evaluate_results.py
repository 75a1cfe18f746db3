"""What reports say becomes what figures are made of, without any image at hand."""

from __future__ import annotations

import json

import pytest

from mammo_node.cli import main
from mammo_node.commands import evaluate as command
from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.results import Results, _predictions, read_results
from mammo_node.reports.found import Algorithm, ReadFinding, ReadImage, ReadReport
from mammo_node.reports.geometry import Region
from mammo_node.vocabulary import Box
from tests.unit.judged import MASS
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
    lists += ("without_findings", "not_analysed")
    return ReadReport(**{**words, **dict.fromkeys(lists, ()), "findings": findings, **more})


def square():
    """The outline of a box of 10 pixels."""
    points = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    return Region("POLYLINE", points)


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


def evaluate(tmp_path, monkeypatch, results, *more):
    """Run the command on results that are given."""
    (tmp_path / "truth.csv").write_text(TRUTH)
    monkeypatch.setattr(command, "read_results", lambda _: results)
    arguments = ["--truth", str(tmp_path / "truth.csv"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", "--results", "x", *arguments, "--bootstrap", "10", *more]) == 0
    return json.loads((tmp_path / "out" / "figures.json").read_text())


def test_reports_without_findings_have_missed_what_there_is(tmp_path, monkeypatch):
    """A product that found nothing is told to have found nothing; it is not left out."""
    silent = Results({"1.1": Prediction(""), "1.2": Prediction("")}, (), (), 1)
    found = evaluate(tmp_path, monkeypatch, silent)
    assert found["detection"][MASS]["froc"]["iou"]["sensitivity"] == [0.0] * 6
    assert found["detection"][MASS]["by"]["size"]["10 to 20 mm"]["lesions"] == 1
    assert found["data"]["refused"] == {"no-result: no report speaks of it": 1}


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
        read_results(tmp_path)
    with pytest.raises(GroundTruthError, match="there is no such folder"):
        read_results(tmp_path / "nowhere")


def test_a_report_that_is_cut_off_is_named(tmp_path):
    """A file that cannot be read is told with its reason, not passed over in silence."""
    path = write_report(tmp_path, 1).path
    path.write_bytes(path.read_bytes()[:-11])
    with pytest.raises(GroundTruthError, match=r"first that was not read is .*1\.dcm: cut off"):
        read_results(tmp_path)
