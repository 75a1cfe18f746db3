"""An int8 package: calibrated on images, honest about what it finds of what the other finds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from mammo_node.adopt.retinanet import build_model
from mammo_node.adopt.retinanet_network import RetinaNetWeights
from mammo_node.analyse.package import load_package
from mammo_node.cli import main
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.vocabulary import Detections
from tests.unit.retinanet_weights import state_dict, torch_file
from training import int8_package
from training.qdq import told_windows, windows


def test_a_package_becomes_an_int8_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new package loads, is another file with another name, and its card has the comparison."""
    (tmp_path / "weights.pth").write_bytes(torch_file(state_dict()))
    named = ["--name", "ours", "--out", str(tmp_path), "--label", "1=mass", "--threshold", "0.05"]
    given = ["models", "import", "retinanet", str(tmp_path / "weights.pth"), *named]
    assert main([*given, "--trim"]) == 0
    manifest = tmp_path / "ours" / "model.toml"
    small = manifest.read_text(encoding="utf-8").replace("= 2048", "= 160")
    manifest.write_text(small, encoding="utf-8")
    views = (("L", "CC"), ("R", "CC"))
    study = generate_study(3, pixel_spacing_mm=0.3, look="digital", views=views)
    write_study(study, tmp_path / "study")
    given = ["--package", str(tmp_path / "ours"), "--images", str(tmp_path / "study")]
    monkeypatch.setattr(sys, "argv", ["int8_package", *given, "--out", str(tmp_path)])
    assert int8_package.main() == 0
    package = load_package(tmp_path / "ours-int8")
    assert package.name == "ours-int8"
    assert b"QuantizeLinear" in package.model_bytes()
    words = capsys.readouterr().out.splitlines()[-1]
    assert words.startswith("On 1 other images the int8 network finds")
    assert words in (tmp_path / "ours-int8" / "README.md").read_text(encoding="utf-8")


def test_boxes_are_paired_once_and_by_label() -> None:
    """A box of the other label, or one that another box took already, is no match."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]], dtype=np.float32)
    scores = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    one = Detections(boxes, scores, np.array([0, 0, 0]))
    other = Detections(boxes[[0, 2]], scores[:2], np.array([0, 1]))
    assert int8_package.matched(one, other) == [(0, 0, 1.0)]


def test_windows_cover_an_input_once() -> None:
    """Large inputs are calibrated in parts; every pixel is in one of them."""
    tensor = np.arange(2 * 5 * 7, dtype=np.float32).reshape(1, 2, 5, 7)
    parts = list(windows(tensor, side=4))
    assert [part.shape[2:] for part in parts] == [(4, 4), (4, 3), (1, 4), (1, 3)]
    assert sum(float(part.sum()) for part in parts) == float(tensor.sum())


def test_what_is_told_of_trimming_is_cut_along() -> None:
    """Each part comes with a column and a row of its own length: nothing is missing of it."""
    image = np.zeros((1, 2, 5, 7), dtype=np.float32)
    column = np.arange(18, dtype=np.float32).reshape(1, 2, 9, 1)
    row = np.arange(20, dtype=np.float32).reshape(1, 2, 1, 10)
    inputs = {"image": image, "column": column, "row": row}
    parts = list(told_windows(inputs, "image", ("column", "row"), side=4))
    assert len(parts) == 4
    for part in parts:
        assert part["column"].shape[2:] == (part["image"].shape[2], 1)
        assert part["row"].shape[2:] == (1, part["image"].shape[3])
    assert parts[3]["column"].ravel().tolist() == [4.0, 13.0]


def test_a_model_with_a_self_test_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its expected scores are those of fp32: nothing is written."""
    shipped = Path(int8_package.__file__).parents[1] / "mammo_node" / "models" / "lesion-detector"
    given = ["--package", str(shipped), "--images", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["int8_package", *given])
    assert int8_package.main() == 1
    assert "self_test" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_convolutions_are_8_bit(tmp_path: Path) -> None:
    """What takes the time is quantised: every convolution reads dequantised 8 bit weights."""
    onnx = pytest.importorskip("onnx")
    from training.qdq import quantise_file  # noqa: PLC0415

    (tmp_path / "a.onnx").write_bytes(build_model(RetinaNetWeights(state_dict())))
    image = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)
    quantise_file(tmp_path / "a.onnx", tmp_path / "b.onnx", [{"image": image}])
    graph = onnx.load(tmp_path / "b.onnx").graph
    made = {node.output[0]: node.op_type for node in graph.node}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 50
    assert {made[node.input[1]] for node in convolutions} == {"DequantizeLinear"}
