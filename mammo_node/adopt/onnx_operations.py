"""The network's operations as nodes of an ONNX graph. Needs the package ``onnx``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET = 17
#: Of opset 17; newer ones are refused by older runtimes for no gain.
_IR_VERSION = 8
Array = npt.NDArray[Any]


class OnnxOperations:
    """Collects nodes and weights; values are the names of tensors."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._weights: dict[str, TensorProto] = {}

    def model(
        self, image: str, channels: int, outputs: Mapping[str, tuple[str, int]]
    ) -> ModelProto:
        """Return the graph; ``outputs`` holds the tensor and the columns of each by its name."""
        results = []
        for name, (tensor, columns) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
            results.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["anchors", columns])
            )
        shape: list[str | int | None] = [1, channels, "rows", "columns"]
        source = helper.make_tensor_value_info(image, TensorProto.FLOAT, shape)
        graph = helper.make_graph(
            self._nodes, "retinanet", [source], results, list(self._weights.values())
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = _IR_VERSION
        checker.check_model(model)
        return model

    def conv(self, value: str, weight: Array, bias: Array, *, stride: int, padding: int) -> str:
        """Convolve, as cross-correlation."""
        inputs = [value, self._weight(weight), self._weight(bias)]
        return self._node(
            "Conv", inputs, strides=[stride] * 2, pads=[padding] * 4, kernel_shape=weight.shape[2:]
        )

    def relu(self, value: str) -> str:
        """Cut off what is negative."""
        return self._node("Relu", [value])

    def max_pool(self, value: str) -> str:
        """Maximum of 3 x 3, stride 2, padding 1."""
        return self._node("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)

    def add(self, value: str, other: str) -> str:
        """Add."""
        return self._node("Add", [value, other])

    def enlarge(self, value: str, like: str) -> str:
        """Repeat pixels up to the rows and columns of another value."""
        size = self._node("Shape", [like], start=2)
        kept = self._node("Shape", [value], end=2)
        sizes = self._node("Concat", [kept, size], axis=0)
        return self._node(
            "Resize",
            [value, "", "", sizes],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def group_norm(
        self, value: str, groups: int, scale: Array, offset: Array, epsilon: float
    ) -> str:
        """Normalise groups of channels, then scale and offset each channel."""
        ones, zeros = np.ones(groups, dtype=np.float32), np.zeros(groups, dtype=np.float32)
        grouped = self._node("Reshape", [value, self._weight(np.array([0, groups, -1]))])
        inputs = [grouped, self._weight(ones), self._weight(zeros)]
        normal = self._node("InstanceNormalization", inputs, epsilon=epsilon)
        shaped = self._node("Reshape", [normal, self._node("Shape", [value])])
        scaled = self._node("Mul", [shaped, self._weight(scale.reshape(1, -1, 1, 1))])
        return self._node("Add", [scaled, self._weight(offset.reshape(1, -1, 1, 1))])

    def rows(self, value: str, numbers: int) -> str:
        """(1, anchors * numbers, rows, columns) to (rows * columns * anchors, numbers)."""
        # Channels last first: anchors and numbers are then already in order.
        last = self._node("Transpose", [value], perm=[0, 2, 3, 1])
        return self._node("Reshape", [last, self._weight(np.array([-1, numbers]))])

    def join(self, values: Sequence[str]) -> str:
        """Put rows one after the other."""
        return self._node("Concat", list(values), axis=0)

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def _weight(self, array: Array) -> str:
        """Return the name of a weight; the same array, as heads have on every level, is one."""
        whole = np.ascontiguousarray(array)
        said = f"{whole.shape} {whole.dtype.str}".encode()
        name = "w" + hashlib.sha256(said + whole.tobytes()).hexdigest()[:16]
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(whole, name)
        return name
