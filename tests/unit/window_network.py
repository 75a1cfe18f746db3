"""A window classifier of a realistic size with random weights, as an ONNX file made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.unit.package_files import OPSET
from tests.unit.window_graphs import write_windows

LABELS = 2
#: (channels, kernel, stride, whether the input of the layer before is added) of each layer. A cell
#: of the last sees 177 pixels: of a window's 8 x 8 cells 3 x 3 see nothing but the window.
LAYERS = (
    (14, 5, 2, False),
    (21, 3, 2, False),
    (21, 3, 1, False),
    (21, 3, 1, True),
    (49, 3, 2, False),
    (49, 3, 1, False),
    (49, 3, 1, True),
    (84, 3, 2, False),
    (84, 3, 1, False),
    (84, 3, 1, True),
    (112, 3, 2, False),
    (112, 1, 1, False),
    (112, 1, 1, True),
)
TRIM = (3, 2)


def network(seed: int = 0, *, trim: tuple[int, int] = TRIM) -> bytes:
    """Return (n, 2, rows, columns) -> scores (n, 2) and map (n, 2, rows / 32, columns / 32)."""
    random, node = np.random.default_rng(seed), helper.make_node
    nodes, weights, inputs, channels = [], [], ["image"], 2
    for i, (outputs, kernel, stride, joined) in enumerate((*LAYERS, (LABELS, 1, 1, False))):
        spread = (2 / (channels * kernel**2)) ** 0.5
        weight = random.normal(0, spread, (outputs, channels, kernel, kernel))
        bias = random.normal(0, 0.1, outputs)
        weights += [
            numpy_helper.from_array(weight.astype(np.float32), f"w{i}"),
            numpy_helper.from_array(bias.astype(np.float32), f"b{i}"),
        ]
        how = {"pads": [kernel // 2] * 4, "strides": [stride] * 2}
        made = "map" if i == len(LAYERS) else f"c{i}"
        nodes.append(node("Conv", [inputs[i], f"w{i}", f"b{i}"], [made], **how))
        if joined:
            nodes.append(node("Add", [made, inputs[i - 1]], [f"s{i}"]))
            made = f"s{i}"
        if made != "map":
            nodes.append(node("Relu", [made], [f"r{i}"]))
        inputs, channels = [*inputs, f"r{i}"], outputs
    nodes += [
        node("Slice", ["map", "from", "to", "sides"], ["inner"]),
        node("ReduceLogSumExp", ["inner", "sides"], ["sum"], keepdims=0),
        node("Sub", ["sum", "count"], ["scores"]),
    ]
    cells = 8 - sum(trim)
    integers = {"from": [trim[0]] * 2, "to": [-trim[1] or 2**31] * 2, "sides": [2, 3]}
    weights += [
        numpy_helper.from_array(np.array(v, dtype=np.int64), k) for k, v in integers.items()
    ]
    weights.append(numpy_helper.from_array(np.float32(np.log(cells**2)), "count"))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 2, "h", "w"])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", LABELS]),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", LABELS, "r", "c"]),
        ],
        weights,
    )
    opset = [helper.make_opsetid("", OPSET)]
    made_model: bytes = helper.make_model(
        graph, opset_imports=opset, ir_version=10
    ).SerializeToString()
    return made_model


def write_network(folder: Path, model: bytes | None = None) -> Path:
    """Write a package of it: windows of 256 at 0.2 mm a pixel."""
    changes = (
        ("mm_per_pixel = 0.5", "mm_per_pixel = 0.2"),
        ("size_px = 128", "size_px = 256"),
        ("batch = 4", "batch = 8"),
        ("map_trim = [1, 1]", f'map_trim = {list(TRIM)}\nactivation = "sigmoid"'),
    )
    return write_windows(folder, network() if model is None else model, changes=changes)
