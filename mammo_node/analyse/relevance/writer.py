"""Nodes, constants and names that are added to an ONNX graph. Values are names of tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

#: From this opset on axes of ReduceSum, Squeeze and Unsqueeze are inputs.
LEAST_OPSET = 13
#: From this opset on axes of the other reductions are inputs too.
_AXES_ARE_INPUTS = 18
#: Reshape can be told from this opset on that a side of 0 is meant.
_HAS_ALLOWZERO = 14

Shape = tuple[int | str | None, ...]


class NoGradient(Exception):
    """A node has no rule here; the text says which and why. Never leaves the package."""


class Writer:
    """Collects what is added.

    Parameters
    ----------
    opset : int
        Of the default domain; at least :data:`LEAST_OPSET`.
    taken : iterable of str
        Names that the graph has already.
    shapes : mapping of str to tuple
        What is known of tensors: a side is a number, a symbol, or None.
    constants : mapping of str to ndarray
        Values that are known when the graph is made.
    """

    def __init__(
        self,
        opset: int,
        taken: Iterable[str],
        shapes: Mapping[str, Shape],
        constants: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.opset, self._taken = opset, set(taken)
        self._shapes, self._constants = shapes, constants
        self._count = 0

    def op(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node with one output; return its name."""
        return self.ops(kind, inputs, 1, **attributes)[0]

    def ops(self, kind: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """Add a node; return the names of its outputs."""
        names = [self._name(kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def floats(self, value: npt.ArrayLike) -> str:
        """Add a float32 constant."""
        return self._constant(np.asarray(value, dtype=np.float32))

    def ints(self, value: npt.ArrayLike) -> str:
        """Add an int64 constant."""
        return self._constant(np.asarray(value, dtype=np.int64))

    def reduce(self, kind: str, value: str, axes: Sequence[int], *, keepdims: bool = True) -> str:
        """Add ReduceSum, ReduceMean and the like over fixed axes."""
        if kind == "ReduceSum" or self.opset >= _AXES_ARE_INPUTS:
            return self.op(kind, [value, self.ints(list(axes))], keepdims=int(keepdims))
        return self.op(kind, [value], axes=list(axes), keepdims=int(keepdims))

    def shape(self, value: str) -> str:
        """Return the shape of a tensor, (rank,) int64."""
        return self.op("Shape", [value])

    def side(self, value: str, axis: int) -> str:
        """Return one side of a tensor, (1,) int64."""
        return self.op("Gather", [self.shape(value), self.ints([axis])], axis=0)

    def reshaped_like(self, value: str, like: str) -> str:
        """Return a tensor in the shape of another one with as many numbers."""
        zero = {"allowzero": 1} if self.opset >= _HAS_ALLOWZERO else {}
        return self.op("Reshape", [value, self.shape(like)], **zero)

    def filled_like(self, like: str, number: float = 0.0) -> str:
        """Return a tensor of one number in the shape of another."""
        return self.op("Expand", [self.floats(number), self.shape(like)])

    def total(self, values: Sequence[str]) -> str:
        """Return the sum of tensors of one shape."""
        return values[0] if len(values) == 1 else self.op("Sum", values)

    def rank(self, value: str) -> int:
        """Return how many sides a tensor has.

        Raises
        ------
        NoGradient
            If the file does not say so.
        """
        if value not in self._shapes:
            raise NoGradient(f"nothing is known of the shape of {value}")
        return len(self._shapes[value])

    def known(self, value: str) -> npt.NDArray[Any] | None:
        """Return a tensor that is known already, or None."""
        return self._constants.get(value)

    def same_shape(self, one: str, other: str) -> bool:
        """Whether two tensors have one shape for certain."""
        shapes = self._shapes.get(one), self._shapes.get(other)
        return shapes[0] == shapes[1] and shapes[0] is not None and None not in shapes[0]

    def summed_to(self, gradient: str, value: str, like: str) -> str:
        """Undo broadcasting: sum a gradient in the shape of ``like`` to that of ``value``."""
        if self.same_shape(value, like):
            return gradient
        wide, narrow = self.shape(gradient), self.shape(value)
        # Sides that broadcasting puts in front count as ones.
        missing = self.op("Sub", [self.op("Shape", [wide]), self.op("Shape", [narrow])])
        ones = self.op("Expand", [self.ints([1]), missing])
        padded = self.op("Concat", [ones, narrow], axis=0)
        differs = self.op("Not", [self.op("Equal", [wide, padded])])
        axes = self.op("Squeeze", [self.op("NonZero", [differs]), self.ints([0])])
        summed = self.op("ReduceSum", [gradient, axes], keepdims=1, noop_with_empty_axes=1)
        return self.reshaped_like(summed, value)

    def _constant(self, value: npt.NDArray[Any]) -> str:
        name = self._name("c")
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def _name(self, stem: str) -> str:
        while True:
            self._count += 1
            name = f"relevance_{stem}_{self._count}"
            if name not in self._taken:
                return name
