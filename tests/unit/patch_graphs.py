"""A tiny ONNX classifier of windows, and its package: mean brightness, with a map of it."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tests.unit.package_files import OPSET, labelled, write_files

_TABLES = """\
[input]
name = "image"
channels = ["global"]
height = 240
crop = "none"

[candidates]
rule = "centre-brightness"
size_px = 40
stride_px = 10
distance_px = 12.5

[output]
contract = "patch-scores"
scores = "scores"
activation = "none"
batch = 4
"""
_SUSPICION = """
[[suspicion]]
category = 1
threshold = 0.0
data = "nothing"

[[suspicion]]
category = 4
threshold = 0.5
data = "nothing"

[[suspicion]]
category = 6
threshold = 0.8
data = "nothing"
"""


def patch_model(*, windows: int | str = "windows", channels: int = 1) -> onnx.ModelProto:
    """Score: the window's mean over channels and pixels; map: that of its quarters."""
    node, info = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("ReduceMean", ["image", "channel"], ["grey"], keepdims=1),
        node("AveragePool", ["grey"], ["map"], kernel_shape=[20, 20], strides=[20, 20]),
        node("ReduceMean", ["grey", "all"], ["scores"], keepdims=0),
    ]
    constants = [
        helper.make_tensor("channel", TensorProto.INT64, [1], [1]),
        helper.make_tensor("all", TensorProto.INT64, [2], [2, 3]),
    ]
    graph = helper.make_graph(
        nodes,
        "patches",
        [info("image", TensorProto.FLOAT, [windows, channels, 40, 40])],
        [
            info("scores", TensorProto.FLOAT, [windows, 1]),
            info("map", TensorProto.FLOAT, [windows, 1, 2, 2]),
        ],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def write_patch_package(
    folder: Path,
    *,
    windows: int | str = "windows",
    channels: int = 1,
    changes: tuple[tuple[str, str], ...] = (),
) -> Path:
    """Write a package; each change replaces one text of the manifest, which must be there."""
    return write_files(
        folder,
        patch_model(windows=windows, channels=channels).SerializeToString(),
        _TABLES + labelled({"mass": 0.5}) + _SUSPICION,
        changes=changes,
        name="patches",
        family="candidate-patches",
        description="Mean brightness of windows.",
    )
