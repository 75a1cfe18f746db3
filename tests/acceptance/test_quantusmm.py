"""quantusMM's two modules, by the manifests that the documentation shows, on a phantom study.

The published weights are not at hand: in their place stand graphs of the same inputs and outputs
that score how much brighter the middle of a window is than the whole.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from mammo_node.analyse.suspicion import derive_limits, manifest_tables
from mammo_node.cli import main
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "quantusmm.md"
_LABELS = {"quantusmm-nodules": "mass", "quantusmm-microcalcifications": "calcification-cluster"}
#: Of made-up scores: every second one from 20 % on has a finding, and all above 95 %.
_SCORES = [i / 100 for i in range(100)]
_LIMITS = derive_limits(_SCORES, [(i >= 20 and i % 2 == 0) or i > 95 for i in range(100)])


def _graph(size: int) -> bytes:
    """(windows, 3, size, size) -> logits (windows, 1), opset 17 as the page has it."""
    node, info = helper.make_node, helper.make_tensor_value_info
    side = size // 4
    nodes = [
        node("AveragePool", ["image"], ["cells"], kernel_shape=[side] * 2, strides=[side] * 2),
        node("ReduceMean", ["cells"], ["whole"], axes=[1, 2, 3], keepdims=1),
        node("Slice", ["cells", "one", "three", "axes"], ["middle"]),
        node("ReduceMean", ["middle"], ["centre"], axes=[1, 2, 3], keepdims=1),
        node("Sub", ["centre", "whole"], ["contrast"]),
        node("Mul", ["contrast", "gain"], ["raised"]),
        node("Flatten", ["raised"], ["scores"]),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.INT64, [2], [1, 1]),
        helper.make_tensor("three", TensorProto.INT64, [2], [3, 3]),
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
        helper.make_tensor("gain", TensorProto.FLOAT, [1], [8.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "windows",
        [info("image", TensorProto.FLOAT, ["windows", 3, size, size])],
        [info("scores", TensorProto.FLOAT, ["windows", 1])],
        constants,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    """What `mammo-node analyse` says of an image with a mass and a cluster, and where."""
    folder = tmp_path_factory.mktemp("quantusmm")
    blocks = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    for (name, label), block, size in zip(_LABELS.items(), blocks, (800, 400), strict=True):
        package, data = folder / "models" / name, _graph(size)
        package.mkdir(parents=True)
        (package / "model.onnx").write_bytes(data)
        manifest = block.replace("0" * 64, hashlib.sha256(data).hexdigest())
        assert f'name = "{name}"' in manifest
        tables = manifest_tables(_LIMITS, label, "made up for a test")
        (package / "model.toml").write_text(manifest + "\n" + tables, encoding="utf-8")
    study = generate_study(
        11,
        pixel_spacing_mm=0.2,
        masses=1,
        clusters=1,
        look="digital",
        views=[("L", "MLO")],
    )
    write_study(study, folder / "images")
    (folder / "conf").mkdir()
    (folder / "conf" / "ae_titles.toml").write_text("")
    (folder / "conf" / "mammo_node.toml").write_text(
        f'[models]\nfolder = "{folder / "models"}"\nuse = {json.dumps(list(_LABELS))}\n'
    )
    out = folder / "out"
    images = str(folder / "images")
    # 1: one view is not a whole study.
    assert main(["analyse", images, "--out", str(out), "--config", str(folder / "conf")]) == 1
    told = json.loads((out / "study-001" / "result.json").read_text(encoding="utf-8"))
    (view,) = told["views"]
    return view, out


def test_an_image_has_two_scores_with_their_categories(answer: tuple[dict, Path]):
    """Nodules and microcalcifications each: a score, and the category that its limits give."""
    view, _ = answer
    assert {(one["model"]["name"], one["label"]) for one in view["scores"]} == set(_LABELS.items())
    for one in view["scores"]:
        reached = [limit.category for limit in _LIMITS if limit.threshold <= one["score"]]
        assert one["category"] == max(reached)


def test_findings_are_what_reaches_the_operating_point(answer: tuple[dict, Path]):
    """A label has findings if and only if its image score reaches the point; none is higher."""
    view, _ = answer
    best = {one["label"]: one["score"] for one in view["scores"]}
    assert view["findings"]
    for finding in view["findings"]:
        assert 0.5 <= finding["score"] <= best[finding["label"]]
        box = finding["box_px"]
        assert 0 <= box["x_min"] < box["x_max"] <= view["columns"]
        assert 0 <= box["y_min"] < box["y_max"] <= view["rows"]
    found = {finding["label"] for finding in view["findings"]}
    assert found == {label for label, score in best.items() if score >= 0.5}


def test_the_report_says_category_and_never_bi_rads(answer: tuple[dict, Path], capsys):
    """Read back from the structured report, scores and categories are the same."""
    view, out = answer
    assert main(["read-results", str(out / "study-001"), "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    read = {
        (one["algorithm"]["name"], one["label"], round(one["score"], 2), one["category"])
        for report in reports
        for one in report["scores"]
    }
    for one in view["scores"]:
        said = (one["model"]["name"], one["label"], round(one["score"], 2), one["category"])
        assert said in read
    said = json.dumps(reports).upper()
    assert "AI SUSPICION CATEGORY" in said
    assert "BI-RADS" not in said.replace("NOT BI-RADS", "").replace("NO BI-RADS", "")
