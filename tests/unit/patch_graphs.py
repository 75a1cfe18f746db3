"""A tiny ONNX classifier of windows, and its package: mean brightness, with a map of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

OPSET = 20

MANIFEST = """\
format = 1
name = "patches"
version = "1.0"
family = "candidate-patches"
licence = "Apache-2.0"
description = "Mean brightness of windows."
sha256 = "{sha256}"
opset = 20

[intended]
sop_classes = ["1.2.840.10008.5.1.4.1.1.1.2"]
views = ["CC", "MLO"]
statement = "For tests."

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

[[label]]
index = 0
name = "mass"
concept = {{ value = "129788004", scheme = "SCT", meaning = "Mammographic breast mass" }}

[[operating_point]]
name = "default"
label = "mass"
threshold = 0.5
data = "nothing"

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
    folder.mkdir(parents=True, exist_ok=True)
    data = patch_model(windows=windows, channels=channels).SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    text = MANIFEST.format(sha256=hashlib.sha256(data).hexdigest())
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "model.toml").write_text(text, encoding="utf-8")
    return folder
