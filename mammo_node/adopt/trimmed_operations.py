"""Operations on the part of an image that is left by trimming, with the statistics of the whole.

What trimming cuts away is air: nearly the same in each of its columns, and in each of its rows. So
one column of it, as high as the whole image, and one row, as wide, say all of it that group norm
needs. Both go the way of the image through the same weights, at a fraction of a hundredth of its
work; wherever the network normalises, they count for the columns and rows that are not there.

The cut edges themselves are convolved with zeros beyond, as the edges of the whole image are: of
what the far edge does to the statistics, nothing is missing then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol

from mammo_node.adopt.retinanet_network import GroupNorm, Operations, Sides, Value, Weights


class TrimmableOperations(Operations[Value], Protocol[Value]):
    """Operations that also work on strips, and normalise with statistics from elsewhere."""

    def widened(self, value: Value, rows: int, columns: int) -> Value:
        """Repeat a map of one row or one column to that many, where it has just one."""

    def factors(
        self, value: Value, norm: GroupNorm, beyond: tuple[Value, Value] | None = None
    ) -> tuple[Value, Value, Value]:
        """Return mean, factor and offset of each channel that normalise a map.

        Parameters
        ----------
        beyond : (value, value), optional
            A column (1, channels, rows of the whole, 1) and a row (1, channels, 1, columns of
            the whole) of what the map goes on with: the statistics are those of the whole.
        """

    def scaled(self, value: Value, factors: tuple[Value, Value, Value]) -> Value:
        """Subtract a mean, multiply by a factor and add an offset, each channel its own."""


@dataclass(frozen=True, slots=True)
class Trimmed(Generic[Value]):
    """A map of the part, and a column and a row of what was cut away."""

    part: Value
    column: Value
    row: Value


class TrimmedOperations(Generic[Value]):
    """Does everything to part, column and row alike; values are :class:`Trimmed`."""

    def __init__(self, ops: TrimmableOperations[Value]) -> None:
        self._ops = ops

    def conv(
        self, value: Trimmed[Value], weight: Weights, bias: Weights, *, stride: int, padding: Sides
    ) -> Trimmed[Value]:
        """Convolve; beside a column are columns like it, beside a row rows."""
        ops, (rows, columns) = self._ops, weight.shape[-2:]
        column, row = value.column, value.row
        if columns > 1:
            column = ops.widened(column, 1, columns)
        if rows > 1:
            row = ops.widened(row, rows, 1)
        return Trimmed(
            ops.conv(value.part, weight, bias, stride=stride, padding=padding),
            ops.conv(column, weight, bias, stride=stride, padding=(padding[0], 0)),
            ops.conv(row, weight, bias, stride=stride, padding=(0, padding[1])),
        )

    def relu(self, value: Trimmed[Value]) -> Trimmed[Value]:
        """Cut off what is negative."""
        ops = self._ops
        return Trimmed(ops.relu(value.part), ops.relu(value.column), ops.relu(value.row))

    def max_pool(self, value: Trimmed[Value]) -> Trimmed[Value]:
        """Maximum of 3 x 3, stride 2, padding 1: of strips, that of three cells."""
        pool = self._ops.max_pool
        return Trimmed(pool(value.part), pool(value.column), pool(value.row))

    def add(self, value: Trimmed[Value], other: Trimmed[Value]) -> Trimmed[Value]:
        """Add."""
        return Trimmed(
            self._ops.add(value.part, other.part),
            self._ops.add(value.column, other.column),
            self._ops.add(value.row, other.row),
        )

    def enlarge(self, value: Trimmed[Value], like: Trimmed[Value]) -> Trimmed[Value]:
        """Repeat pixels up to the rows and columns of another value."""
        return Trimmed(
            self._ops.enlarge(value.part, like.part),
            self._ops.enlarge(value.column, like.column),
            self._ops.enlarge(value.row, like.row),
        )

    def group_norm(self, value: Trimmed[Value], norm: GroupNorm) -> Trimmed[Value]:
        """Normalise groups of channels by the mean and deviation that the whole has."""
        factors = self._ops.factors(value.part, norm, (value.column, value.row))
        return Trimmed(
            self._ops.scaled(value.part, factors),
            self._ops.scaled(value.column, factors),
            self._ops.scaled(value.row, factors),
        )

    def rows(self, value: Trimmed[Value], numbers: int) -> Trimmed[Value]:
        """Rows of the part; strips have no anchors."""
        return replace(value, part=self._ops.rows(value.part, numbers))

    def join(self, values: Sequence[Trimmed[Value]]) -> Trimmed[Value]:
        """Put rows one after the other."""
        return replace(values[0], part=self._ops.join([value.part for value in values]))
