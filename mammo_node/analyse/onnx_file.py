"""What an ONNX file says of itself, read without any ONNX library.

The main process must know whether a package fits without loading a runtime, so this walks
the protobuf wire format (varint keys: field number << 3 | wire type) over the few messages
of onnx.proto3 that matter. Weights are skipped, not copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_MAX_SHIFT = 63
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

Value = int | memoryview


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


def inspect(data: bytes) -> OnnxInfo:
    """Read opset, inputs, outputs and references to other files.

    Raises
    ------
    ValueError
        If the bytes are no ONNX model.
    """
    model = memoryview(data)
    graph = _message(model, _MODEL_GRAPH)
    weights = {_text(tensor, _TENSOR_NAME) for tensor in _all(graph, _GRAPH_INITIALIZER)}
    inputs = [_tensor(_bytes(value)) for value in _all(graph, _GRAPH_INPUT)]
    return OnnxInfo(
        opset=_opset(model),
        # IR version 3 and older list the weights among the inputs as well.
        inputs=tuple(tensor for tensor in inputs if tensor.name not in weights),
        outputs=tuple(_tensor(_bytes(value)) for value in _all(graph, _GRAPH_OUTPUT)),
        external=next(_externals(model, "Model"), None),
        metadata={
            _text(entry, _ENTRY_KEY): _text(entry, _ENTRY_VALUE)
            for entry in _all(model, _MODEL_METADATA)
        },
    )


def _opset(model: memoryview) -> int:
    for entry in _all(model, _MODEL_OPSET):
        if _text(entry, _OPSET_DOMAIN) in _DEFAULT_DOMAINS:
            return _number(_bytes(entry), _OPSET_VERSION)
    raise ValueError("no opset of the default domain")


def _externals(message: memoryview, kind: str, depth: int = 0) -> Iterator[str]:
    """Yield names of tensors kept in other files, and of compiled blobs, at any depth."""
    if depth > _MAX_DEPTH:
        raise ValueError("graphs are nested too deeply")
    children = _CHILDREN.get(kind, {})
    for number, value in _fields(message):
        if number in children:
            yield from _externals(_bytes(value), children[number], depth + 1)
        elif kind == "Tensor" and (
            number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_LOCATION and value != 0)
        ):
            yield _text(message, _TENSOR_NAME) or "(unnamed tensor)"
        elif kind == "Node" and number == _NODE_OP_TYPE and bytes(_bytes(value)) == b"EPContext":
            yield "EPContext"


def _tensor(value_info: memoryview) -> TensorInfo:
    tensor = _message(_message(value_info, _VALUE_TYPE), _TYPE_TENSOR)
    element = _number(tensor, _TENSOR_ELEMENT)
    shapes = list(_all(tensor, _TENSOR_SHAPE))
    return TensorInfo(
        name=_text(value_info, _VALUE_NAME),
        element=_ELEMENT_TYPES.get(element, f"type {element}"),
        shape=_shape(_bytes(shapes[0])) if shapes else None,
    )


def _shape(shape: memoryview) -> tuple[int | None, ...]:
    dimensions = [list(_all(_bytes(dim), _DIM_VALUE)) for dim in _all(shape, _SHAPE_DIM)]
    return tuple(found[0] if found and isinstance(found[0], int) else None for found in dimensions)


def _message(message: memoryview, number: int) -> memoryview:
    for value in _all(message, number):
        return _bytes(value)
    raise ValueError(f"field {number} is missing")


def _number(message: memoryview, number: int) -> int:
    for value in _all(message, number):
        if isinstance(value, int):
            return value
    return 0


def _text(message: Value, number: int) -> str:
    for value in _all(_bytes(message), number):
        return bytes(_bytes(value)).decode("utf-8", "replace")
    return ""


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a message was expected where a number stands")  # noqa: TRY004
    return value


def _all(message: memoryview, number: int) -> Iterator[Value]:
    return (value for found, value in _fields(message) if found == number)


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield (field number, value) of one message; lengths are checked against its end."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        wire_type = key & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield key >> 3, value
            continue
        length, position = _length(message, position, wire_type)
        if position + length > len(message):
            raise ValueError("truncated")
        yield key >> 3, message[position : position + length]
        position += length


def _length(message: memoryview, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _BYTES:
        return _varint(message, position)
    if wire_type == _FIXED64:
        return 8, position
    if wire_type == _FIXED32:
        return 4, position
    raise ValueError(f"wire type {wire_type} is not part of protobuf 3")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    result = 0
    for shift in range(0, _VARINT_MAX_SHIFT + 1, 7):
        if position >= len(message):
            raise ValueError("truncated")
        byte = message[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, position
    raise ValueError("a number is longer than 64 bits")
