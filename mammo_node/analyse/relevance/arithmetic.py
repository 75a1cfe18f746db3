"""Gradients of sums, products and choices of several tensors, broadcasting undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from onnx import NodeProto

from mammo_node.analyse.relevance.rule import Gradients, Rule, attribute, only
from mammo_node.analyse.relevance.writer import NoGradient, Writer

#: Vectors follow rules of their own.
_MATRIX: Final = 2


def _summed(w: Writer, node: NodeProto, parts: Mapping[int, str]) -> dict[int, str]:
    """Sum each gradient to the shape of its input."""
    output = node.output[0]
    return {place: w.summed_to(part, node.input[place], output) for place, part in parts.items()}


def _add(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    return _summed(w, node, dict.fromkeys(wanted, only(gradients)))


def _sub(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    gradient = only(gradients)
    parts = {place: gradient if place == 0 else w.op("Neg", [gradient]) for place in wanted}
    return _summed(w, node, parts)


def _mul(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    gradient = only(gradients)
    parts = {place: w.op("Mul", [gradient, node.input[1 - place]]) for place in wanted}
    return _summed(w, node, parts)


def _div(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    # d(a / b): da / b, and -(a / b) / b db.
    each = w.op("Div", [only(gradients), node.input[1]])
    parts = {}
    for place in wanted:
        parts[place] = w.op("Neg", [w.op("Mul", [each, node.output[0]])]) if place else each
    return _summed(w, node, parts)


def _extreme(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    """Max and Min: the gradient goes where the value came from."""
    parts = {}
    for place in wanted:
        chosen = w.op("Equal", [node.input[place], node.output[0]])
        parts[place] = w.op("Where", [chosen, only(gradients), w.floats(0.0)])
    return _summed(w, node, parts)


def _where(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    condition, gradient, nothing = node.input[0], only(gradients), w.floats(0.0)
    taken = {1: [condition, gradient, nothing], 2: [condition, nothing, gradient]}
    parts = {place: w.op("Where", taken[place]) for place in wanted if place in taken}
    return _summed(w, node, parts)


def _expand(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    return _summed(w, node, {0: only(gradients)})


def _matmul(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    gradient, (left, right) = only(gradients), node.input[:2]
    if min(w.rank(left), w.rank(right)) < _MATRIX:
        raise NoGradient("MatMul with a vector")
    parts = {}
    for place in wanted:
        pair = [_turned(w, left), gradient] if place else [gradient, _turned(w, right)]
        product = w.op("MatMul", pair)
        parts[place] = w.summed_to(product, node.input[place], product)
    return parts


def _turned(w: Writer, value: str) -> str:
    order = list(range(w.rank(value)))
    return w.op("Transpose", [value], perm=[*order[:-2], order[-1], order[-2]])


def _gemm(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    if set(wanted) != {0} or attribute(node, "transA", 0):
        raise NoGradient("Gemm of another input than a plain first one")
    turned = 1 - attribute(node, "transB", 0)
    inputs = [only(gradients), node.input[1]]
    return {0: w.op("Gemm", inputs, alpha=attribute(node, "alpha", 1.0), transB=turned)}


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "Add": _add,
        "Sum": _add,
        "Sub": _sub,
        "Mul": _mul,
        "Div": _div,
        "Max": _extreme,
        "Min": _extreme,
        "Where": _where,
        "Expand": _expand,
        "MatMul": _matmul,
        "Gemm": _gemm,
    }
)
