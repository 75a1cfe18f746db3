"""Tiny ONNX detectors and packages for tests: a blob detector with a known answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.unit.package_files import OPSET, labelled, write_files

CELL = 8

_TABLES = """\
[input]
name = "image"
channels = ["global", "local"]
mm_per_pixel = 0.3

[input.global]
low_percentile = 1
high_percentile = 99.5

[input.local]
sigma_mm = 4.0

[output]
contract = "boxes+scores+labels"
boxes = "boxes"
scores = "scores"
labels = "labels"
nms_iou = 0.3
max_detections = 20
"""


def _int(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def _scalar(name: str, value: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, dtype=np.int64), name)


def detector_model(
    *, channels: int = 2, batch_dimension: bool = False, label_type: int = TensorProto.INT64
) -> onnx.ModelProto:
    """Each 8 x 8 cell is a box; its score is the brighter channel, its label which one.

    The output ``best`` holds the scores as a map.
    """
    node = helper.make_node
    nodes = [
        node("AveragePool", ["image"], ["cells"], kernel_shape=[CELL] * 2, strides=[CELL] * 2),
        node("Split", ["cells"], ["first", "second"], axis=1, num_outputs=2),
        node("Max", ["first", "second"], ["best"]),
        node("Greater", ["second", "first"], ["is_second"]),
        node("Reshape", ["best", "flat"], ["scores"]),
        node("Cast", ["is_second"], ["labels_4d"], to=label_type),
        node("Reshape", ["labels_4d", "flat"], ["labels"]),
        node("Shape", ["best"], ["rows_columns"], start=2),
        node("Gather", ["rows_columns", "one"], ["columns"]),
        node("Size", ["best"], ["count"]),
        node("Range", ["zero", "count", "one"], ["index"]),
        node("Mod", ["index", "columns"], ["column"]),
        node("Div", ["index", "columns"], ["row"]),
        node("Add", ["column", "one"], ["column_end"]),
        node("Add", ["row", "one"], ["row_end"]),
    ]
    edges = ["column", "row", "column_end", "row_end"]
    nodes += [node("Unsqueeze", [e, "last"], [e + "_2d"]) for e in edges]
    nodes += [
        node("Concat", [e + "_2d" for e in edges], ["cell_boxes"], axis=1),
        node("Mul", ["cell_boxes", "cell"], ["pixel_boxes"]),
        node("Cast", ["pixel_boxes"], ["boxes"], to=TensorProto.FLOAT),
    ]
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("labels", label_type, ["n"]),
        helper.make_tensor_value_info("best", TensorProto.FLOAT, [1, 1, "rows", "columns"]),
    ]
    if batch_dimension:
        nodes += [
            node("Unsqueeze", [n, "zero_1d"], [n + "_batch"]) for n in ("boxes", "scores", "labels")
        ]
        outputs = [
            helper.make_tensor_value_info("boxes_batch", TensorProto.FLOAT, [1, "n", 4]),
            helper.make_tensor_value_info("scores_batch", TensorProto.FLOAT, [1, "n"]),
            helper.make_tensor_value_info("labels_batch", label_type, [1, "n"]),
        ]
    graph = helper.make_graph(
        nodes,
        "blobs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, "h", "w"])],
        outputs,
        [
            _int("flat", -1),
            _int("last", 1),
            _int("zero_1d", 0),
            _int("cell", CELL),
            _scalar("zero", 0),
            _scalar("one", 1),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def write_package(
    folder: Path,
    model: onnx.ModelProto | bytes | None = None,
    *,
    changes: tuple[tuple[str, str], ...] = (),
    extra: str = "",
) -> Path:
    """Write a package; each change replaces one text of the manifest, which must be there."""
    model = detector_model() if model is None else model
    return write_files(
        folder,
        model if isinstance(model, bytes) else model.SerializeToString(),
        _TABLES + labelled({"mass": 0.5, "calcification-cluster": 0.6}) + extra,
        changes=changes,
        name="blobs",
        family="detector",
        description="Mean brightness of 8 x 8 cells.",
    )
