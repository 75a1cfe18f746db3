"""Weights in half precision on disk: a file of half the size that computes in single precision.

ONNX Runtime turns the weights back once, when it opens the file.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

#: Tensors of fewer values stay as they are: biases are small, and their precision is cheap.
_LEAST = 1024


def store_half(model: onnx.ModelProto) -> None:
    """Store large weights as float16, each with a Cast in front of what it is used by.

    Weights change by one part in two thousand at most; those beyond float16 stay as they are.
    """
    graph, casts = model.graph, []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _LEAST:
            continue
        if float(np.abs(values).max()) > float(np.finfo(np.float16).max):
            continue
        name, stored = weight.name, f"{weight.name}.half"
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
