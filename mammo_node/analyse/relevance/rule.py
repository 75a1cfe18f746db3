"""What a rule is: from the gradient of a node's outputs to that of its inputs.

A rule is given the node, the gradients of its outputs (None where nothing depends on one) and which
inputs are wanted, and returns the gradients of those by their place. Tensors are those of the
forward pass, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from onnx import NodeProto, helper

from mammo_node.analyse.relevance.writer import Writer

Gradients = Sequence[str | None]
Rule = Callable[[Writer, NodeProto, Gradients, Collection[int]], dict[int, str]]


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """Return an attribute of a node, or what holds without it."""
    for one in node.attribute:
        if one.name == name:
            value = helper.get_attribute_value(one)
            return value.decode() if isinstance(value, bytes) else value
    return default


def only(gradients: Gradients) -> str:
    """Return the gradient of the only output that has one."""
    (found,) = [gradient for gradient in gradients if gradient is not None]
    return found
