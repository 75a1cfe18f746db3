"""Gradients of functions of one number, taken number by number."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final

from onnx import NodeProto, TensorProto

from mammo_node.analyse.relevance.rule import Gradients, Rule, attribute, only
from mammo_node.analyse.relevance.writer import NoGradient, Writer

_FLOATS: Final = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


def _times(slope: Callable[[Writer, NodeProto], str]) -> Rule:
    """Return the rule of a function with that slope at each number."""

    def rule(
        w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
    ) -> dict[int, str]:
        return {0: w.op("Mul", [only(gradients), slope(w, node)])}

    return rule


def _sigmoid(w: Writer, node: NodeProto) -> str:
    value = node.output[0]
    return w.op("Mul", [value, w.op("Sub", [w.floats(1.0), value])])


def _tanh(w: Writer, node: NodeProto) -> str:
    return w.op("Sub", [w.floats(1.0), w.op("Mul", [node.output[0]] * 2)])


def _softplus(w: Writer, node: NodeProto) -> str:
    return w.op("Sigmoid", [node.input[0]])


def _exp(_: Writer, node: NodeProto) -> str:
    return str(node.output[0])


def _log(w: Writer, node: NodeProto) -> str:
    return w.op("Reciprocal", [node.input[0]])


def _sqrt(w: Writer, node: NodeProto) -> str:
    return w.op("Div", [w.floats(0.5), node.output[0]])


def _reciprocal(w: Writer, node: NodeProto) -> str:
    return w.op("Neg", [w.op("Mul", [node.output[0]] * 2)])


def _abs(w: Writer, node: NodeProto) -> str:
    return w.op("Sign", [node.input[0]])


def _erf(w: Writer, node: NodeProto) -> str:
    square = w.op("Mul", [node.input[0]] * 2)
    bell = w.op("Exp", [w.op("Neg", [square])])
    return w.op("Mul", [bell, w.floats(2.0 / math.sqrt(math.pi))])


def _pow(w: Writer, node: NodeProto) -> str:
    exponent = w.known(node.input[1])
    if exponent is None or exponent.size != 1:
        raise NoGradient("Pow with an exponent that is no constant number")
    power = float(exponent.reshape(()))
    lower = w.op("Pow", [node.input[0], w.floats(power - 1.0)])
    return w.op("Mul", [lower, w.floats(power)])


def _where_positive(w: Writer, value: str, gradient: str, other: str) -> str:
    return w.op("Where", [w.op("Greater", [value, w.floats(0.0)]), gradient, other])


def _relu(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    return {0: _where_positive(w, node.output[0], only(gradients), w.floats(0.0))}


def _leaky_relu(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    gradient = only(gradients)
    less = w.op("Mul", [gradient, w.floats(attribute(node, "alpha", 0.01))])
    return {0: _where_positive(w, node.input[0], gradient, less)}


def _clip(w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    gradient = only(gradients)
    bounds = [*node.input[1:], "", ""]
    for kind, bound in (("GreaterOrEqual", bounds[0]), ("LessOrEqual", bounds[1])):
        if bound:
            inside = w.op(kind, [node.input[0], bound])
            gradient = w.op("Where", [inside, gradient, w.floats(0.0)])
    return {0: gradient}


def _same(_w: Writer, _node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    return {0: only(gradients)}


def _neg(w: Writer, _node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    return {0: w.op("Neg", [only(gradients)])}


def _cast(_w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]) -> dict[int, str]:
    kind = attribute(node, "to", TensorProto.UNDEFINED)
    if kind not in _FLOATS:  # to whole numbers: no gradient, no error
        return {}
    if kind != TensorProto.FLOAT:
        raise NoGradient("Cast to another precision")
    return {0: only(gradients)}


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "Identity": _same,
        "Dropout": _same,
        "Cast": _cast,
        "Neg": _neg,
        "Relu": _relu,
        "LeakyRelu": _leaky_relu,
        "Clip": _clip,
        "Sigmoid": _times(_sigmoid),
        "Tanh": _times(_tanh),
        "Softplus": _times(_softplus),
        "Exp": _times(_exp),
        "Log": _times(_log),
        "Sqrt": _times(_sqrt),
        "Reciprocal": _times(_reciprocal),
        "Abs": _times(_abs),
        "Erf": _times(_erf),
        "Pow": _times(_pow),
    }
)
