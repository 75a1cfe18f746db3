"""The operators of an ONNX graph, and how far each looks: read without any ONNX library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mammo_node.analyse.wire import (
    bytes_of,
    fields_of,
    message_of,
    number_of,
    numbers_of,
    text_of,
    values_of,
)

# Field numbers of onnx.proto3.
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_INITIALIZER = 7, 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 1, 5, 8
_TENSOR_TYPE, _TENSOR_INT64, _TENSOR_NAME, _TENSOR_RAW = 2, 7, 8, 9
_INT64 = 7
_DEFAULT_DOMAINS = ("", "ai.onnx")

#: Operators whose output at one place depends on all places of their input.
_WHOLE = frozenset(
    {
        *("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"),
        *("InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization"),
        *("Attention", "Einsum", "Flatten", "Gemm", "GRU", "LSTM", "RNN", "DFT"),
        *("If", "Loop", "Scan"),
    }
)
#: Operators that join what lies along their axes.
_REDUCTIONS = frozenset(
    f"Reduce{kind}"
    for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum")
) | {"ReduceSumSquare"}
#: Of (batch, channels, rows, columns): joining these stays in one place.
_LOCAL_AXES = frozenset({0, 1, -3, -4})


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """One operator; ``axes`` are those it reduces, None where the graph does not say."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: tuple[int, ...] | None = None

    @property
    def looks_at_all(self) -> bool:
        """Whether a place of its output depends on places however far away."""
        if self.operator in _REDUCTIONS:
            return self.axes is None or not _LOCAL_AXES.issuperset(self.axes)
        return self.operator in _WHOLE or "." in self.operator


def nodes_of(data: bytes) -> tuple[NodeInfo, ...]:
    """Read the operators of the main graph.

    An operator of another domain than ONNX's own is named ``domain.Operator``: what it does is
    not known here.

    Raises
    ------
    ValueError
        If the bytes are no ONNX model.
    """
    graph = message_of(memoryview(data), _MODEL_GRAPH)
    nodes = [bytes_of(node) for node in values_of(graph, _GRAPH_NODE)]
    tensors = (bytes_of(tensor) for tensor in values_of(graph, _GRAPH_INITIALIZER))
    constants = {text_of(t, _TENSOR_NAME): t for t in tensors} | dict(_constants(nodes))
    return tuple(_node(node, constants) for node in nodes)


def far_sighted(nodes: Sequence[NodeInfo], output: str) -> tuple[str, ...]:
    """Name the operators that join all places of an image on the way to an output, in order.

    None of them: the output is a map each place of which sees its own neighbourhood only.
    """
    by_output = {name: node for node in nodes for name in node.outputs}
    waiting, way = [output], set[int]()
    while waiting:
        node = by_output.get(waiting.pop())
        if node is not None and id(node) not in way:
            way.add(id(node))
            waiting.extend(node.inputs)
    found = [node.operator for node in nodes if id(node) in way and node.looks_at_all]
    return tuple(dict.fromkeys(found))


def _node(node: memoryview, constants: Mapping[str, memoryview]) -> NodeInfo:
    operator, domain = text_of(node, _NODE_OP_TYPE), text_of(node, _NODE_DOMAIN)
    inputs = tuple(text for text in _texts(node, _NODE_INPUT))
    return NodeInfo(
        operator if domain in _DEFAULT_DOMAINS else f"{domain}.{operator}",
        inputs,
        tuple(_texts(node, _NODE_OUTPUT)),
        _axes(node, inputs, constants) if operator in _REDUCTIONS else None,
    )


def _axes(
    node: memoryview, inputs: tuple[str, ...], constants: Mapping[str, memoryview]
) -> tuple[int, ...] | None:
    """Axes as an attribute, as they were up to opset 17, or as the second input."""
    for attribute in values_of(node, _NODE_ATTRIBUTE):
        if text_of(attribute, _ATTRIBUTE_NAME) == "axes":
            return tuple(numbers_of(bytes_of(attribute), _ATTRIBUTE_INTS))
    return _int64s(constants[inputs[1]]) if inputs[1:] and inputs[1] in constants else None


def _int64s(tensor: memoryview) -> tuple[int, ...] | None:
    if number_of(tensor, _TENSOR_TYPE) != _INT64:
        return None
    for raw in values_of(tensor, _TENSOR_RAW):
        data = bytes(bytes_of(raw))
        words = (data[i : i + 8] for i in range(0, len(data), 8))
        return tuple(int.from_bytes(word, "little", signed=True) for word in words)
    return tuple(numbers_of(tensor, _TENSOR_INT64))


def _constants(nodes: Sequence[memoryview]) -> Iterator[tuple[str, memoryview]]:
    for node in nodes:
        if text_of(node, _NODE_OP_TYPE) != "Constant":
            continue
        for attribute in values_of(node, _NODE_ATTRIBUTE):
            for tensor in values_of(bytes_of(attribute), _ATTRIBUTE_TENSOR):
                yield text_of(node, _NODE_OUTPUT), bytes_of(tensor)


def _texts(message: memoryview, number: int) -> Iterator[str]:
    for found, value in fields_of(message):
        if found == number:
            yield bytes(bytes_of(value)).decode("utf-8", "replace")
