"""Importing a YOLO network: what the file says is taken, what it cannot say is asked for."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from mammo_node.analyse.package import load_package
from mammo_node.cli import main

_NAMES = "{0: 'mass', 1: 'marker', 2: 'calc'}"
_NOTED = {"names": _NAMES, "imgsz": "[96, 64]", "description": "YOLO best\nof two"}


def _export(
    path: Path,
    output: tuple[int | str, int | str] = (7, 126),
    noted: dict[str, str] | None = None,
    size: tuple[int | str, int | str] = (96, 64),
) -> Path:
    """Write a file with the shapes and notes of an export; its weights are zeros."""
    shape = helper.make_node("ConstantOfShape", ["shape"], ["output0"])
    fixed = [n if isinstance(n, int) else 5 for n in output]
    initial = helper.make_tensor("shape", TensorProto.INT64, [3], [1, *fixed])
    graph = helper.make_graph(
        [shape],
        "export",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *size])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, *output])],
        [initial],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    for key, value in (_NOTED if noted is None else noted).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
    return path


def _import(file: Path, out: Path, *labels: str) -> int:
    pairs = [part for label in labels or ("mass=mass",) for part in ("--label", label)]
    return main(
        ["models", "import", "yolo", str(file), "--name", "ours", "--out", str(out), *pairs]
    )


def test_an_export_becomes_a_package(tmp_path: Path) -> None:
    """Size, layout and classes come from the file, findings from the options."""
    code = _import(
        _export(tmp_path / "best.onnx"), tmp_path / "models", "mass=mass", "2=calcification-cluster"
    )
    assert code == 0
    package = load_package(tmp_path / "models" / "ours")
    manifest = package.manifest
    assert manifest.input.size == (96, 64)
    assert manifest.input.channels == ("display",) * 3
    assert (manifest.output.layout, manifest.output.classes) == ("v8", 3)
    assert package.labels == {0: "mass", 2: "calcification-cluster"}
    assert package.concepts["mass"].value == "129788004"
    assert package.thresholds() == {"mass": 0.25, "calcification-cluster": 0.25}
    assert manifest.operating_point[0].sensitivity is None
    assert manifest.description == "YOLO best of two"


@pytest.mark.parametrize(
    ("output", "noted", "layout", "classes"),
    [
        ((7, 126), _NOTED, "v8", 3),
        ((126, 8), _NOTED, "v5", 3),
        ((300, 6), _NOTED, "end2end", 3),
        ((6, 126), {}, "v8", 2),
        ((126, 7), {}, "v5", 2),
        ((7, "anchors"), _NOTED, "v8", 3),
    ],
)
def test_the_layout_is_told_from_the_shape(
    tmp_path: Path,
    output: tuple[int | str, int | str],
    noted: dict[str, str],
    layout: str,
    classes: int,
) -> None:
    """Fixed and dynamic exports of each generation are told apart."""
    assert _import(_export(tmp_path / "a.onnx", output, noted), tmp_path, "0=mass") == 0
    found = load_package(tmp_path / "ours").manifest.output
    assert (found.layout, found.classes) == (layout, classes)


@pytest.mark.parametrize(
    ("output", "noted", "label", "words"),
    [
        ((7, 126), _NOTED, "nodule=mass", "no such class (the file has: 0 mass, 1 marker, 2 calc)"),
        ((7, 126), _NOTED, "mass=lump", "no such finding (known: "),
        ((9, 11), _NOTED, "mass=mass", "with 3 class names is no layout"),
        ((7, 126), {"names": "{0: 'a', 2: 'b'}"}, "0=mass", "class numbers from 0"),
        ((7, 126), {"names": "__import__('os')"}, "0=mass", "cannot be understood"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    output: tuple[int, int],
    noted: dict[str, str],
    label: str,
    words: str,
) -> None:
    """The message says what there is; no half package is left, no code in the file is run."""
    out = tmp_path / "models"
    assert _import(_export(tmp_path / "a.onnx", output, noted), out, label) == 1
    assert words in capsys.readouterr().err
    assert not (out / "ours").exists()


def test_two_classes_of_one_finding_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One finding has one class; the folder is taken away again."""
    assert _import(_export(tmp_path / "a.onnx"), tmp_path / "m", "0=mass", "1=mass") == 1
    assert "label.name: 'mass' is there twice" in capsys.readouterr().err
    assert not (tmp_path / "m" / "ours").exists()


def test_a_package_that_is_there_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second import under the same name does not touch the first."""
    file = _export(tmp_path / "a.onnx")
    assert _import(file, tmp_path) == 0
    before = (tmp_path / "ours" / "model.toml").read_bytes()
    assert _import(file, tmp_path, "mass=suspicious-region") == 1
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "ours" / "model.toml").read_bytes() == before


def test_a_label_without_a_finding_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message shows how it is written."""
    assert _import(_export(tmp_path / "a.onnx"), tmp_path, "mass") == 2
    assert "CLASS=FINDING is needed" in capsys.readouterr().err
