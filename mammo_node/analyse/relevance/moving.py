"""Gradients of nodes that only move numbers: each goes back to where its number came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
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


def _slice(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    """Slice without steps from known places is undone by padding, which is much faster."""
    before = _cut_before(w, node)
    if before is None:
        return _picked(w, node, gradients, wanted)
    cut = w.op("Sub", [w.shape(node.input[0]), w.shape(node.output[0])])
    after = w.op("Sub", [cut, w.ints(before)])
    pads = w.op("Concat", [w.ints(before), after], axis=0)
    return {0: w.op("Pad", [only(gradients), pads])}


def _cut_before(w: Writer, node: NodeProto) -> list[int] | None:
    """Return how much is cut off the front of each side, where that is known."""
    starts, axes, steps = (_numbers(w, node, place) for place in (1, 3, 4))
    if starts is None or min(starts) < 0:
        return None
    computed_axes = any(node.input[3:4]) and axes is None
    if computed_axes or (any(node.input[4:5]) and set(steps or ()) != {1}):
        return None
    before = [0] * w.rank(node.input[0])
    for axis, start in zip(range(len(starts)) if axes is None else axes, starts, strict=True):
        before[axis] = start
    return before


def _numbers(w: Writer, node: NodeProto, place: int) -> list[int] | None:
    """Return an input that is known, as whole numbers."""
    known = w.known(node.input[place]) if len(node.input) > place else None
    return None if known is None else [int(number) for number in np.ravel(known)]


def _depth_to_space(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    block, value = attribute(node, "blocksize", 1), node.input[0]
    if attribute(node, "mode", "DCR") == "DCR":
        return {0: w.op("SpaceToDepth", [only(gradients)], blocksize=block)}
    # (b, c, h, block, w, block) was (b, c, block, block, h, w).
    sizes = [w.ints([0, 0]), w.side(value, 2), w.ints([block]), w.side(value, 3), w.ints([block])]
    split = w.op("Reshape", [only(gradients), w.op("Concat", sizes, axis=0)])
    return {0: w.reshaped_like(w.op("Transpose", [split], perm=[0, 1, 3, 5, 2, 4]), value)}


def _space_to_depth(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    return {0: w.op("DepthToSpace", [only(gradients)], blocksize=attribute(node, "blocksize", 1))}


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
        **dict.fromkeys(("Gather", "GatherElements", "GatherND"), _picked),
        "Slice": _slice,
        "DepthToSpace": _depth_to_space,
        "SpaceToDepth": _space_to_depth,
        "Transpose": _transpose,
        "Concat": _concat,
        "Split": _split,
        "TopK": _top_k,
        "Pad": _pad,
    }
)
