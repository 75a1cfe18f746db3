"""Gradients of nodes that only move numbers: each goes back to where its number came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from onnx import NodeProto

from mammo_node.analyse.relevance.rule import Gradients, Rule, attribute, only
from mammo_node.analyse.relevance.writer import NoGradient, Writer


def scattered(w: Writer, gradient: str, places: str, like: str) -> str:
    """Add the numbers of a gradient up at flat places of a tensor in the shape of another."""
    flat = w.ints([-1])
    nothing = w.op("Reshape", [w.filled_like(like), flat])
    inputs = [nothing, w.op("Reshape", [places, flat]), w.op("Reshape", [gradient, flat])]
    summed = w.op("ScatterElements", inputs, axis=0, reduction="add")
    return w.reshaped_like(summed, like)


def _reshape(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    return {0: w.reshaped_like(only(gradients), node.input[0])}


def _transpose(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    order = attribute(node, "perm", None)
    if order is None:  # reversed, which undoes itself
        return {0: w.op("Transpose", [only(gradients)])}
    back = [list(order).index(place) for place in range(len(order))]
    return {0: w.op("Transpose", [only(gradients)], perm=back)}


def _concat(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    axis = attribute(node, "axis", 0)
    sides = w.op("Concat", [w.side(value, axis) for value in node.input], axis=0)
    parts = w.ops("Split", [only(gradients), sides], len(node.input), axis=axis)
    return {place: parts[place] for place in wanted}


def _split(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    pairs = zip(gradients, node.output, strict=True)
    parts = [w.filled_like(out) if part is None else part for part, out in pairs]
    return {0: w.op("Concat", parts, axis=attribute(node, "axis", 0))}


def _picked(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    """Slice, Gather and the like: given places for numbers, the node says whence they came."""
    if set(wanted) != {0}:
        raise NoGradient(f"{node.op_type} by computed places")
    value = node.input[0]
    count = w.op("Size", [value])
    numbered = w.reshaped_like(w.op("Range", [w.ints(0), count, w.ints(1)]), value)
    settings = {one.name: attribute(node, one.name, None) for one in node.attribute}
    places = w.op(node.op_type, [numbered, *node.input[1:]], **settings)
    return {0: scattered(w, only(gradients), places, value)}


def _top_k(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    if gradients[0] is None:
        return {}
    inputs = [w.filled_like(node.input[0]), node.output[1], gradients[0]]
    return {0: w.op("ScatterElements", inputs, axis=attribute(node, "axis", -1))}


def _pad(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    axes = node.input[3:4]
    if attribute(node, "mode", "constant") != "constant" or any(axes):
        raise NoGradient("Pad by mirroring, or of some axes")
    widths = w.known(node.input[1])
    if widths is not None and (widths < 0).any():
        raise NoGradient("Pad that cuts")
    rank = w.op("Shape", [w.shape(node.input[0])])
    before = w.op("Slice", [node.input[1], w.ints([0]), rank])
    after = w.op("Add", [before, w.shape(node.input[0])])
    return {0: w.op("Slice", [only(gradients), before, after])}


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), _reshape),
        **dict.fromkeys(("Slice", "Gather", "GatherElements", "GatherND"), _picked),
        "Transpose": _transpose,
        "Concat": _concat,
        "Split": _split,
        "TopK": _top_k,
        "Pad": _pad,
    }
)
