"""3x3 convolutions of an ONNX graph as Winograd's F(4x4, 3x3), in plain ONNX operations.

A tile of 4x4 outputs takes 36 multiplications for each pair of channels instead of 144. ONNX
Runtime has no such kernel for processors, but the three steps are operations that it does well:

1. a convolution of 6x6 pixels, stride 4, takes each channel's tiles to 36 coefficients;
2. 36 matrix products mix the channels, one for each coefficient;
3. a matrix product takes the coefficients to 4x4 outputs, which go to their places.

Rows and columns stay dynamic: padding fills the last tiles, and what they have too much is cut.

The matrices are those of :mod:`mammo_node.adopt.winograd_matrices`. Needs the package ``onnx``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from mammo_node.adopt.winograd_matrices import (
    COEFFICIENTS,
    PATCH,
    PLACES,
    TILE,
    input_filters,
    output_matrix,
    transformed,
)

Array = npt.NDArray[Any]

#: One before the first row as the convolution has it; at the far end one, and what may be
#: missing from the last tile.
_PADS: Final = [1, 1, 4, 4]
#: Fewer channels give the matrix products too little to do: with 64 both ways take equally long.
FEWEST_CHANNELS: Final = 96
#: The first opset whose Shape returns a part.
_FIRST_OPSET: Final = 15
_ATTRIBUTES: Final[Mapping[str, object]] = {
    "kernel_shape": [3, 3],
    "strides": [1, 1],
    "dilations": [1, 1],
    "pads": [1, 1, 1, 1],
    "group": 1,
    "auto_pad": b"NOTSET",
}
#: Of an attribute that is not written.
_DEFAULTS: Final[Mapping[str, object]] = {**_ATTRIBUTES, "pads": [0, 0, 0, 0]}


def rewrite(model: ModelProto, *, fewest_channels: int = FEWEST_CHANNELS) -> tuple[ModelProto, int]:
    """Return the model with its wide 3x3 convolutions rewritten, and how many they were.

    Parameters
    ----------
    model : ModelProto
        One image at a time: the first dimension of every input is 1.
    fewest_channels : int
        Convolutions with fewer channels, in or out, stay as they are.

    Raises
    ------
    ValueError
        If the opset is older than 15, or the model takes several images at a time.
    """
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if opset < _FIRST_OPSET:
        raise ValueError(f"opset {opset}: {_FIRST_OPSET} or newer is needed")
    for value in model.graph.input:
        if value.type.tensor_type.shape.dim[0].dim_value != 1:
            raise ValueError(f"input {value.name} takes several images at a time")
    made = _Rewriting(model, fewest_channels)
    rewritten = made.model()
    checker.check_model(rewritten)
    return rewritten, made.count


class _Rewriting:
    """One graph on its way; weights that several convolutions share are transformed once."""

    def __init__(self, model: ModelProto, fewest_channels: int) -> None:
        self.count = 0
        self._model = model
        self._fewest = fewest_channels
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._added: dict[str, TensorProto] = {}

    def model(self) -> ModelProto:
        """Return a model with the new nodes, without weights that nothing uses any more."""
        nodes = [new for node in self._model.graph.node for new in self._nodes(node)]
        used = {name for node in nodes for name in node.input}
        used |= {value.name for value in self._model.graph.output}
        result = ModelProto()
        result.CopyFrom(self._model)
        graph = result.graph
        kept = [t for t in self._model.graph.initializer if t.name in used or _has_body(nodes)]
        for field, values in ((graph.node, nodes), (graph.initializer, kept)):
            del field[:]
            field.extend(values)
        graph.initializer.extend(self._added.values())
        return result

    def _nodes(self, node: NodeProto) -> Iterator[NodeProto]:
        weight = self._weights.get(node.input[1]) if _is_plain(node) else None
        if weight is None or min(weight.dims[:2]) < self._fewest or weight.dims[2:] != [3, 3]:
            yield node
            return
        self.count += 1
        yield from self._convolution(node, numpy_helper.to_array(weight))

    def _convolution(self, node: NodeProto, weight: Array) -> Iterator[NodeProto]:
        outputs, inputs = weight.shape[:2]
        source, target = node.input[0], node.output[0]

        def named(step: str) -> str:
            return f"{target}/winograd/{step}"

        def made(kind: str, step: str, *sources: str, **attributes: Any) -> NodeProto:
            name = named(step)
            return helper.make_node(kind, list(sources), [name], name=name, **attributes)

        sizes = self._sizes
        # Channels as a batch, so that one small set of filters serves all; 0 keeps a dimension.
        yield made("Reshape", "planes", source, sizes(inputs, 1, 0, 0))
        yield made(
            "Conv", "tiles", named("planes"), self._constant("input", input_filters()),
            kernel_shape=[PATCH] * 2, strides=[TILE] * 2, pads=_PADS,
        )  # fmt: skip
        yield made("Shape", "grid", named("tiles"), start=2)
        yield made("Reshape", "list", named("tiles"), sizes(inputs, COEFFICIENTS, -1))
        yield made("Transpose", "coefficients", named("list"), perm=[1, 0, 2])
        kernel = self._constant(f"{node.input[1]}/winograd", transformed(weight))
        yield made("MatMul", "mixed", kernel, named("coefficients"))
        yield made("Reshape", "flat", named("mixed"), sizes(COEFFICIENTS, -1))
        back = self._constant("output", output_matrix())
        yield made("MatMul", "places", back, named("flat"))
        yield made("Concat", "shape", sizes(1, PLACES * outputs), named("grid"), axis=0)
        yield made("Reshape", "deep", named("places"), named("shape"))
        yield made("DepthToSpace", "whole", named("deep"), blocksize=TILE, mode="DCR")
        yield made("Shape", "size", source, start=2)
        yield made("Slice", "cut", named("whole"), sizes(0, 0), named("size"), sizes(2, 3))
        yield from self._biased(node, outputs, named("cut"))

    def _biased(self, node: NodeProto, outputs: int, value: str) -> Iterator[NodeProto]:
        target = node.output[0]
        if len(node.input) < 3 or not node.input[2]:
            yield helper.make_node("Identity", [value], [target], name=node.name)
            return
        shaped = f"{target}/winograd/bias"
        yield helper.make_node(
            "Reshape", [node.input[2], self._sizes(1, outputs, 1, 1)], [shaped], name=shaped
        )
        yield helper.make_node("Add", [value, shaped], [target], name=node.name)

    def _sizes(self, *values: int) -> str:
        name = "sizes_" + "_".join(str(value) for value in values)
        return self._constant(name, np.asarray(values, dtype=np.int64))

    def _constant(self, name: str, array: Array) -> str:
        full = f"winograd/{name}"
        if full not in self._added:
            self._added[full] = numpy_helper.from_array(np.ascontiguousarray(array), full)
        return full


def _is_plain(node: NodeProto) -> bool:
    """Whether a node is a convolution of which only the weights' shape is still to be seen."""
    if node.op_type != "Conv" or node.domain not in ("", "ai.onnx"):
        return False
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return all(given.get(key, _DEFAULTS[key]) == value for key, value in _ATTRIBUTES.items())


def _has_body(nodes: list[NodeProto]) -> bool:
    """Whether a node has a graph of its own, which may use weights from outside."""
    return any(a.type == AttributeProto.GRAPH for node in nodes for a in node.attribute)
