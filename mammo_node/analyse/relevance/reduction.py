"""Gradients of sums, means and norms over some sides of a tensor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from onnx import NodeProto

from mammo_node.analyse.relevance.rule import Gradients, Rule, attribute, only
from mammo_node.analyse.relevance.writer import NoGradient, Writer


def _axes(w: Writer, node: NodeProto) -> list[int]:
    """Return which sides are reduced, from an attribute or an input, counted from the front."""
    rank = w.rank(node.input[0])
    given = attribute(node, "axes", None)
    if given is None and len(node.input) > 1:
        known = w.known(node.input[1])
        if known is None:
            raise NoGradient(f"{node.op_type} over computed axes")
        given = np.ravel(known).tolist()
    if not given:
        return [] if attribute(node, "noop_with_empty_axes", 0) else list(range(rank))
    return [axis % rank for axis in given]


def _widened(w: Writer, node: NodeProto, value: str) -> str:
    """Return a reduced tensor with its sides of one back, so that it broadcasts."""
    if attribute(node, "keepdims", 1):
        return value
    axes = _axes(w, node)
    return w.op("Unsqueeze", [value, w.ints(axes)]) if axes else value


def _sum(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    wide = _widened(w, node, only(gradients))
    return {0: w.op("Expand", [wide, w.shape(node.input[0])])}


def _sum_of_squares(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    twice = w.op("Mul", [node.input[0], w.floats(2.0)])
    return {0: w.op("Mul", [twice, _widened(w, node, only(gradients))])}


def _mean(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    return {0: w.op("Div", [_sum(w, node, gradients, wanted)[0], _shrinkage(w, node)])}


def _shrinkage(w: Writer, node: NodeProto) -> str:
    """Return how many numbers make one."""
    sizes = [w.op("Cast", [w.op("Size", [v])], to=1) for v in (node.input[0], node.output[0])]
    return w.op("Div", sizes)


def _extreme(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    chosen = w.op("Equal", [node.input[0], _widened(w, node, node.output[0])])
    return {0: w.op("Where", [chosen, _widened(w, node, only(gradients)), w.floats(0.0)])}


def _global_mean(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    each = w.op("Div", [only(gradients), _shrinkage(w, node)])
    return {0: w.op("Expand", [each, w.shape(node.input[0])])}


def _softmax(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    share, gradient = node.output[0], only(gradients)
    mean = w.reduce("ReduceSum", w.op("Mul", [share, gradient]), [attribute(node, "axis", -1)])
    return {0: w.op("Mul", [share, w.op("Sub", [gradient, mean])])}


def _batch_norm(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    if set(wanted) != {0} or attribute(node, "training_mode", 0):
        raise NoGradient("BatchNormalization in training")
    _, scale, _, _, variance = node.input
    epsilon = w.floats(attribute(node, "epsilon", 1e-5))
    spread = w.op("Sqrt", [w.op("Add", [variance, epsilon])])
    shape = w.ints([-1] + [1] * (w.rank(node.input[0]) - 2))
    slope = w.op("Reshape", [w.op("Div", [scale, spread]), shape])
    return {0: w.op("Mul", [only(gradients), slope])}


def _instance_norm(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    """With y = s (x - m) / d + o: dx = s / d (dy - mean(dy) - n mean(dy n)), n = (x - m) / d."""
    if set(wanted) != {0}:
        raise NoGradient("InstanceNormalization by a computed scale")
    value, gradient = node.input[0], only(gradients)
    rank = w.rank(value)
    axes = list(range(2, rank))
    centred = w.op("Sub", [value, w.reduce("ReduceMean", value, axes)])
    variance = w.reduce("ReduceMean", w.op("Mul", [centred, centred]), axes)
    epsilon = w.floats(attribute(node, "epsilon", 1e-5))
    spread = w.op("Sqrt", [w.op("Add", [variance, epsilon])])
    normal = w.op("Div", [centred, spread])
    along = w.reduce("ReduceMean", w.op("Mul", [gradient, normal]), axes)
    rest = w.op("Sub", [gradient, w.reduce("ReduceMean", gradient, axes)])
    rest = w.op("Sub", [rest, w.op("Mul", [normal, along])])
    scale = w.op("Reshape", [node.input[1], w.ints([-1] + [1] * (rank - 2))])
    return {0: w.op("Mul", [rest, w.op("Div", [scale, spread])])}


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "ReduceSum": _sum,
        "ReduceSumSquare": _sum_of_squares,
        "ReduceMean": _mean,
        "ReduceMax": _extreme,
        "ReduceMin": _extreme,
        "GlobalAveragePool": _global_mean,
        "Softmax": _softmax,
        "BatchNormalization": _batch_norm,
        "InstanceNormalization": _instance_norm,
    }
)
