"""What an ONNX file says of itself, read without any ONNX library.

The main process must know whether a package fits without loading a runtime, so this walks
the protobuf wire format over the few messages of onnx.proto3 that matter. Weights are skipped,
not copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mammo_node.analyse.onnx_nodes import NodeInfo, nodes_of
from mammo_node.analyse.wire import (
    bytes_of,
    fields_of,
    message_of,
    number_of,
    text_of,
    values_of,
)

#: Branches of branches; far beyond what exporters write.
_MAX_DEPTH = 100

#: Field numbers of onnx.proto3, by message: which fields hold which message.
_CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor"}
    | {23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_METADATA = 7, 8, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 5, 11, 12
_NODE_OP_TYPE = 4
_TENSOR_NAME, _TENSOR_EXTERNAL_DATA, _TENSOR_LOCATION = 8, 13, 14
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT, _TENSOR_SHAPE, _SHAPE_DIM, _DIM_VALUE = 1, 1, 2, 1, 1
_DEFAULT_DOMAINS = ("", "ai.onnx")
#: TensorProto.DataType of onnx.proto3; what the contracts use, the rest by number.
_ELEMENT_TYPES = {1: "float32", 6: "int32", 7: "int64", 10: "float16", 11: "float64"}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A graph input or output; ``shape`` is None when the file does not say its rank.

    A dimension is None where it is dynamic.
    """

    name: str
    element: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class OnnxInfo:
    """What the checks of a package need to know of a graph."""

    opset: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    external: str | None
    """Name of something that lies outside the file, or None when it is self-contained."""
    metadata: Mapping[str, str]
    """What the exporter noted in metadata_props."""
    nodes: tuple[NodeInfo, ...] = ()
    """The operators of the main graph."""


def inspect(data: bytes) -> OnnxInfo:
    """Read opset, inputs, outputs and references to other files.

    Raises
    ------
    ValueError
        If the bytes are no ONNX model.
    """
    model = memoryview(data)
    graph = message_of(model, _MODEL_GRAPH)
    weights = {text_of(tensor, _TENSOR_NAME) for tensor in values_of(graph, _GRAPH_INITIALIZER)}
    inputs = [_tensor(bytes_of(value)) for value in values_of(graph, _GRAPH_INPUT)]
    return OnnxInfo(
        opset=_opset(model),
        # IR version 3 and older list the weights among the inputs as well.
        inputs=tuple(tensor for tensor in inputs if tensor.name not in weights),
        outputs=tuple(_tensor(bytes_of(value)) for value in values_of(graph, _GRAPH_OUTPUT)),
        external=next(_externals(model, "Model"), None),
        metadata={
            text_of(entry, _ENTRY_KEY): text_of(entry, _ENTRY_VALUE)
            for entry in values_of(model, _MODEL_METADATA)
        },
        nodes=nodes_of(data),
    )


def _opset(model: memoryview) -> int:
    for entry in values_of(model, _MODEL_OPSET):
        if text_of(entry, _OPSET_DOMAIN) in _DEFAULT_DOMAINS:
            return number_of(bytes_of(entry), _OPSET_VERSION)
    raise ValueError("no opset of the default domain")


def _externals(message: memoryview, kind: str, depth: int = 0) -> Iterator[str]:
    """Yield names of tensors kept in other files, and of compiled blobs, at any depth."""
    if depth > _MAX_DEPTH:
        raise ValueError("graphs are nested too deeply")
    children = _CHILDREN.get(kind, {})
    for number, value in fields_of(message):
        if number in children:
            yield from _externals(bytes_of(value), children[number], depth + 1)
        elif kind == "Tensor" and (
            number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_LOCATION and value != 0)
        ):
            yield text_of(message, _TENSOR_NAME) or "(unnamed tensor)"
        elif kind == "Node" and number == _NODE_OP_TYPE and bytes(bytes_of(value)) == b"EPContext":
            yield "EPContext"


def _tensor(value_info: memoryview) -> TensorInfo:
    tensor = message_of(message_of(value_info, _VALUE_TYPE), _TYPE_TENSOR)
    element = number_of(tensor, _TENSOR_ELEMENT)
    shapes = list(values_of(tensor, _TENSOR_SHAPE))
    return TensorInfo(
        name=text_of(value_info, _VALUE_NAME),
        element=_ELEMENT_TYPES.get(element, f"type {element}"),
        shape=_shape(bytes_of(shapes[0])) if shapes else None,
    )


def _shape(shape: memoryview) -> tuple[int | None, ...]:
    dimensions = [
        list(values_of(bytes_of(dim), _DIM_VALUE)) for dim in values_of(shape, _SHAPE_DIM)
    ]
    return tuple(found[0] if found and isinstance(found[0], int) else None for found in dimensions)
