"""The network's operations as nodes of an ONNX graph. Needs the package ``onnx``."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from mammo_node.adopt.retinanet_network import GroupNorm

OPSET = 17
#: Of opset 17; newer ones are refused by older runtimes for no gain.
_IR_VERSION = 8
Array = npt.NDArray[Any]
#: Of an input: numbers, or names of sides that are free.
Shape = Sequence[int | str]
#: A map, and how many times each of its cells counts; None: once.
_Counted = tuple[str, str | None]


class OnnxOperations:
    """Collects nodes and weights; values are the names of tensors."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._weights: dict[str, TensorProto] = {}
        #: The same node twice is one.
        self._made: dict[tuple[str, ...], str] = {}

    def model(
        self, inputs: Mapping[str, Shape], outputs: Mapping[str, tuple[str, int]]
    ) -> ModelProto:
        """Return the graph; ``outputs`` holds the tensor and the columns of each by its name."""
        results = []
        for name, (tensor, columns) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))
            results.append(
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["anchors", columns])
            )
        sources = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
            for name, shape in inputs.items()
        ]
        nodes = _needed(self._nodes, outputs)
        used = {name for node in nodes for name in node.input}
        weights = [tensor for name, tensor in self._weights.items() if name in used]
        graph = helper.make_graph(nodes, "retinanet", sources, results, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = _IR_VERSION
        checker.check_model(model)
        return model

    def conv(
        self, value: str, weight: Array, bias: Array, *, stride: int, padding: tuple[int, int]
    ) -> str:
        """Convolve, as cross-correlation."""
        inputs = [value, self._weight(weight), self._weight(bias)]
        sides = {"pads": [*padding] * 2, "kernel_shape": weight.shape[2:]}
        return self._node("Conv", inputs, strides=[stride] * 2, **sides)

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

    def group_norm(self, value: str, norm: GroupNorm) -> str:
        """Normalise groups of channels, then scale and offset each channel."""
        return self.scaled(value, self.factors(value, norm))

    def factors(
        self, value: str, norm: GroupNorm, beyond: tuple[str, str] | None = None
    ) -> tuple[str, str, str]:
        """Return mean, factor and offset (1, channels, 1, 1) that normalise groups of channels.

        Sums of channels, which ONNX Runtime takes on all threads: quicker than its
        InstanceNormalization.
        """
        parts = [(value, None), *(self._gaps(value, *beyond) if beyond else ())]
        cells = self._cells(*(beyond or (value, value)))
        mean = self._grouped(self._total("ReduceSum", parts), cells, norm)
        # Squares of what is left, not squares less the mean's: that loses digits.
        left = [(self._node("Sub", [part, mean]), times) for part, times in parts]
        squares = self._total("ReduceSumSquare", left)
        if beyond:  # a corner that is nothing like the rest cannot take away more than there is
            squares = self._node("Max", [squares, self._total("ReduceSumSquare", left[:1])])
        spread = self._grouped(squares, cells, norm)
        deviation = self._node("Sqrt", [self._node("Add", [spread, self._floats(norm.epsilon)])])
        factor = self._node("Div", [self._channels(norm.scale), deviation])
        return mean, factor, self._channels(norm.offset)

    def scaled(self, value: str, factors: tuple[str, str, str]) -> str:
        """Subtract a mean, multiply by a factor and add an offset, each channel its own."""
        mean, factor, offset = factors
        left = self._node("Sub", [value, mean])
        return self._node("Add", [self._node("Mul", [left, factor]), offset])

    def widened(self, value: str, rows: int, columns: int) -> str:
        """Repeat a map of one row or one column."""
        return self._node("Expand", [value, self._weight(np.array([1, 1, rows, columns]))])

    def _gaps(self, value: str, column: str, row: str) -> tuple[_Counted, ...]:
        """Return what the value goes on with, and how often each cell of it counts."""
        whole = self._node("Concat", [self._sides(column, 2, 3), self._sides(row, 3, 4)], axis=0)
        missing = self._floating(self._node("Sub", [whole, self._sides(value)]))
        rows, columns = (self._gathered(missing, self._weight(np.array([n])), 0) for n in (0, 1))
        half = self._node("Div", [self._sides(column, 2, 3), self._weight(np.array([2]))])
        corner = self._gathered(column, half, 2)
        # Where rows and columns are both missing, column and row have both counted.
        twice = self._node("Neg", [self._node("Mul", [rows, columns])])
        return (column, columns), (row, rows), (corner, twice)

    def _total(self, kind: str, parts: Sequence[_Counted]) -> str:
        """Sum channels, or their squares, (1, channels)."""
        totals = []
        for part, times in parts:
            total = self._summed(kind, part)
            totals.append(total if times is None else self._node("Mul", [total, times]))
        return functools.reduce(self.add, totals)

    def _summed(self, kind: str, part: str) -> str:
        # Axes are an input of ReduceSum and an attribute of the others in this opset.
        if kind == "ReduceSum":
            return self._node(kind, [part, self._weight(np.array([2, 3]))], keepdims=0)
        return self._node(kind, [part], axes=[2, 3], keepdims=0)

    def _grouped(self, total: str, cells: str, norm: GroupNorm) -> str:
        """Return for each channel the mean of its group."""
        each = len(norm.scale) // norm.groups
        block = np.kron(np.eye(norm.groups), np.full((each, each), 1.0 / each)).astype(np.float32)
        means = self._node("MatMul", [self._node("Div", [total, cells]), self._weight(block)])
        return self._node("Reshape", [means, self._weight(np.array([1, -1, 1, 1]))])

    def _channels(self, values: Array) -> str:
        return self._weight(values.reshape(1, -1, 1, 1))

    def _cells(self, column: str, row: str) -> str:
        """Return how many cells a map with this column and this row has."""
        parts = [self._sides(column, 2, 3), self._sides(row, 3, 4)]
        return self._floating(self._node("Mul", parts))

    def _floating(self, value: str) -> str:
        return self._node("Cast", [value], to=TensorProto.FLOAT)

    def _gathered(self, value: str, index: str, axis: int) -> str:
        return self._node("Gather", [value, index], axis=axis)

    def _sides(self, value: str, start: int = 2, end: int = 4) -> str:
        return self._node("Shape", [value], start=start, end=end)

    def _floats(self, value: float) -> str:
        return self._weight(np.array([value], dtype=np.float32))

    def rows(self, value: str, numbers: int) -> str:
        """(1, anchors * numbers, rows, columns) to (rows * columns * anchors, numbers)."""
        # Channels last first: anchors and numbers are then already in order.
        last = self._node("Transpose", [value], perm=[0, 2, 3, 1])
        return self._node("Reshape", [last, self._weight(np.array([-1, numbers]))])

    def join(self, values: Sequence[str]) -> str:
        """Put rows one after the other."""
        return self._node("Concat", list(values), axis=0)

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        said = (kind, *inputs, *(f"{key}={value}" for key, value in attributes.items()))
        if said not in self._made:
            name = f"{kind.lower()}_{len(self._nodes)}"
            self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
            self._made[said] = name
        return self._made[said]

    def _weight(self, array: Array) -> str:
        """Return the name of a weight; the same array, as heads have on every level, is one."""
        whole = np.ascontiguousarray(array)
        said = f"{whole.shape} {whole.dtype.str}".encode()
        name = "w" + hashlib.sha256(said + whole.tobytes()).hexdigest()[:16]
        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(whole, name)
        return name


def _needed(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """Return the nodes that lead to the outputs."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]
