"""Tiny ONNX window classifiers and packages for tests, with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.unit.package_files import OPSET, labelled, write_files

CELL = 32

_TABLES = """\
[input]
name = "image"
channels = ["global", "local"]
mm_per_pixel = 0.5

[window]
size_px = 128
stride_px = 32
breast_share = 0.3
batch = 4
engine = "exact"
dense_safe = true
dense_agreement = 1.0

[output]
contract = "window-scores"
scores = "scores"
map = "map"
map_trim = [1, 1]
map_pooling = "{pooling}"

[regions]
min_area_mm2 = 20.0
"""


def window_model(pooling: str = "smooth-max", *, trim: int = 1, squeeze: bool = False) -> bytes:
    """Mean brightness of 32 x 32 cells, smoothed over 3 x 3 of them with zeros around; pooled.

    Cells at the border see the zeros, so the scores leave `trim` of them out. `squeeze` scales
    the map by the image's mean, as squeeze-excite does.
    """
    node = helper.make_node
    kernel = np.zeros((2, 2, 3, 3), dtype=np.float32)
    kernel[[0, 1], [0, 1]] = 1 / 9
    nodes = [
        node("AveragePool", ["image"], ["cells"], kernel_shape=[CELL] * 2, strides=[CELL] * 2),
        node("Conv", ["cells", "kernel"], ["smooth"], pads=[1] * 4),
        node("Clip", ["smooth", "zero", "most"], ["shares" if squeeze else "map"]),
        node("Slice", ["map", "from", "to", "sides"], ["inner"]),
    ]
    if squeeze:
        nodes[3:3] = [
            node("ReduceMean", ["shares", "sides"], ["mean"]),
            node("Mul", ["shares", "mean"], ["map"]),
        ]
    if pooling == "smooth-max":
        nodes += [
            node("Sub", ["one", "inner"], ["rest"]),
            node("Div", ["inner", "rest"], ["odds"]),
            node("ReduceMean", ["odds", "sides"], ["mean_odds"], keepdims=0),
            node("Add", ["mean_odds", "one"], ["more"]),
            node("Div", ["mean_odds", "more"], ["scores"]),
        ]
    else:
        kind = {"mean": "ReduceMean", "max": "ReduceMax"}[pooling]
        nodes.append(node(kind, ["inner", "sides"], ["scores"], keepdims=0))
    floats = {"one": 1.0, "zero": 0.0, "most": 0.999}
    integers = {"from": [trim] * 2, "to": [-trim if trim else 2**31] * 2, "sides": [2, 3]}
    weights = [numpy_helper.from_array(np.float32(v), k) for k, v in floats.items()]
    weights += [
        numpy_helper.from_array(np.array(v, dtype=np.int64), k) for k, v in integers.items()
    ]
    weights.append(numpy_helper.from_array(kernel, "kernel"))
    graph = helper.make_graph(
        nodes,
        "windows",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 2, "h", "w"])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 2, "r", "c"]),
        ],
        weights,
    )
    opset = [helper.make_opsetid("", OPSET)]
    made: bytes = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    return made


def write_windows(
    folder: Path,
    model: bytes | None = None,
    *,
    pooling: str = "smooth-max",
    changes: tuple[tuple[str, str], ...] = (),
) -> Path:
    """Write a package; each change replaces one text of the manifest, which must be there."""
    return write_files(
        folder,
        window_model(pooling) if model is None else model,
        _TABLES.format(pooling=pooling) + labelled({"mass": 0.5, "asymmetry": 0.9}),
        changes=changes,
        name="bright-windows",
        family="sliding-patches",
        description="Brightness of windows, by channel.",
    )
