"""Output contracts: what each generation of YOLO writes becomes the same candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mammo_node.analyse.candidates import decode
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.manifest import Yolo
from mammo_node.analyse.package import load_package
from mammo_node.analyse.selftest import self_test
from mammo_node.analyse.session import open_session
from mammo_node.errors import InferenceError, ModelPackageError
from tests.unit.analyse_graphs import write_package

_LABELS = {0: "mass", 2: "calcification-cluster"}
#: Centre x, centre y, width, height; scores of three classes.
_FOUND = [((50, 40, 20, 10), (0.9, 0.1, 0.2)), ((10, 20, 4, 8), (0.05, 0.1, 0.6))]
#: The best class is one that the manifest leaves out.
_OTHER = ((70, 70, 10, 10), (0.3, 0.8, 0.1))
_CORNERS = np.array([(40, 35, 60, 45), (8, 16, 12, 24)], dtype=np.float32)


def _output(layout: str, classes: int = 3) -> Yolo:
    return Yolo(contract="yolo", layout=layout, classes=classes, nms_iou=0.5)


def _tensor(layout: str) -> np.ndarray:
    rows = []
    for centre, scores in [*_FOUND, _OTHER]:
        if layout == "end2end":
            x, y, w, h = centre
            best = int(np.argmax(scores))
            rows.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2, scores[best], best])
        elif layout == "v8":
            rows.append([*centre, *scores])
        else:
            objectness = 0.5 if layout == "v5" else 1.0
            rows.append([*centre, objectness, *(score / objectness / 2 for score in scores)])
    tensor = np.array(rows, dtype=np.float32)
    return (tensor.T if layout == "v8" else tensor)[np.newaxis]


@pytest.mark.parametrize(
    ("layout", "factor"), [("v8", 1.0), ("v5", 0.5), ("v6", 0.5), ("end2end", 1.0)]
)
def test_every_layout_gives_the_same_boxes(layout: str, factor: float) -> None:
    """Corners, best class and score come out; classes that the manifest leaves out do not."""
    found = decode(_output(layout), [_tensor(layout)], _LABELS, (96, 96))
    assert np.allclose(found.boxes, _CORNERS)
    assert found.labels.tolist() == [0, 2]
    assert np.allclose(found.scores, np.array([0.9, 0.6]) * factor, atol=1e-6)


@pytest.mark.parametrize("layout", ["v5", "v6", "v8", "end2end"])
def test_a_tensor_of_another_shape_is_an_error(layout: str) -> None:
    """The message says what the layout has and what came."""
    tensor = np.zeros((1, 11, 13), dtype=np.float32)
    with pytest.raises(InferenceError, match=r"shape \((11, 13|13, 11)\); layout " + layout):
        decode(_output(layout), [tensor], _LABELS, (96, 96))


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "not finite"), (3.0, "scores from"), (-0.5, "scores from")]
)
def test_numbers_that_are_no_scores_are_an_error(value: float, message: str) -> None:
    """Logits taken for scores, or NaN, end as an error and not as a result."""
    tensor = _tensor("v8")
    tensor[0, 4, :] = value
    tensor[0, 5:, :] = -9
    with pytest.raises(InferenceError, match=message):
        decode(_output("v8"), [tensor], _LABELS, (96, 96))


def yolo_graph(rows: int = 64, columns: int = 64) -> onnx.ModelProto:
    """Fixed size, v8: two constant boxes whose score is the brightest value of the image."""
    boxes = numpy_helper.from_array(
        np.array([[16, 40], [16, 48], [8, 12], [8, 8]], dtype=np.float32)[np.newaxis], "boxes"
    )
    shares = numpy_helper.from_array(
        np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.5]], dtype=np.float32)[np.newaxis], "shares"
    )
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["peak"], keepdims=0),
        helper.make_node("Mul", ["shares", "peak"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "yolo",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, rows, columns])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 2])],
        [boxes, shares],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 9
    return model


CHANGES = (
    ('name = "image"', 'name = "images"'),
    ('"global", "local"', '"display", "display", "display"'),
    ("mm_per_pixel = 0.3", 'size = [64, 64]\npad_value = 0.447\ncrop = "none"\nvoi = "window"'),
    ("[input.global]\nlow_percentile = 1\nhigh_percentile = 99.5\n", ""),
    ("[input.local]\nsigma_mm = 4.0\n", ""),
    (
        'contract = "boxes+scores+labels"\nboxes = "boxes"\nscores = "scores"\nlabels = "labels"',
        'contract = "yolo"\nlayout = "v8"\nclasses = 3',
    ),
    ("index = 1", "index = 2"),
)


def test_a_yolo_package_of_fixed_size_runs(tmp_path: Path) -> None:
    """Manifest, graph, self-test, session and thresholds work together."""
    package = load_package(write_package(tmp_path, yolo_graph(), changes=CHANGES))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="yolo")
    detector = Detector(package, session, {"calcification-cluster": 0.3})
    found = detector.run(np.full((1, 3, 64, 64), 0.8, dtype=np.float32))
    assert [package.labels[i] for i in found.labels] == ["mass", "calcification-cluster"]
    assert np.allclose(found.boxes, [(12, 12, 20, 20), (34, 44, 46, 52)])
    assert np.allclose(found.scores, [0.8, 0.4])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("size = [64, 64]", "size = [64, 96]", "input.size = [64, 96]: the graph wants (64, 64)"),
        ("size = [64, 64]", "mm_per_pixel = 0.3", "input.size must name them"),
        ("classes = 3", "classes = 4", "has 8 numbers a box, the graph has 7"),
        ('layout = "v8"', 'layout = "v5"', "numbers a box, the graph has 2"),
        ("index = 2", "index = 3", "label.index: 3: there are 3 classes"),
        ('contract = "yolo"', 'contract = "yolo"\noutput = "out"', "output.output = 'out'"),
    ],
)
def test_a_manifest_that_does_not_fit_its_yolo_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """Size, layout and classes are compared with the graph before anything runs."""
    changes = (*CHANGES, (old, new))
    with pytest.raises(ModelPackageError) as raised:
        load_package(write_package(tmp_path, yolo_graph(), changes=changes))
    assert words in str(raised.value)


def test_a_fixed_size_is_tested_at_that_size(tmp_path: Path) -> None:
    """Without a self-test of its own, a package of fixed size is run once at its size."""
    package = load_package(write_package(tmp_path, yolo_graph(), changes=CHANGES))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="yolo")
    self_test(package, session)
