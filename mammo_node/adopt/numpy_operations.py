"""The network's operations in plain numpy: slow, and independent of any runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mammo_node.adopt.retinanet_network import GroupNorm

Array = npt.NDArray[np.float32]


class NumpyOperations:
    """Computes at once; values are (1, channels, rows, columns) float32."""

    def conv(
        self, value: Array, weight: Array, bias: Array, *, stride: int, padding: tuple[int, int]
    ) -> Array:
        """Convolve, as cross-correlation."""
        windows = _windows(_padded(value, padding, 0.0), weight.shape[-1], stride)
        result = np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4)))
        return np.asarray(result + bias[:, None, None], dtype=np.float32)[np.newaxis]

    def relu(self, value: Array) -> Array:
        """Cut off what is negative."""
        return np.maximum(value, np.float32(0.0))

    def max_pool(self, value: Array) -> Array:
        """Maximum of 3 x 3, stride 2, padding 1."""
        windows = _windows(_padded(value, (1, 1), -np.inf), 3, 2)
        return np.asarray(windows.max(axis=(3, 4)), dtype=np.float32)[np.newaxis]

    def add(self, value: Array, other: Array) -> Array:
        """Add."""
        return value + other

    def enlarge(self, value: Array, like: Array) -> Array:
        """Repeat pixels up to the rows and columns of another value."""
        rows, columns = (
            np.arange(n) * old // n for n, old in zip(like.shape[2:], value.shape[2:], strict=True)
        )
        return value[:, :, rows][:, :, :, columns]

    def group_norm(self, value: Array, norm: GroupNorm) -> Array:
        """Normalise groups of channels, then scale and offset each channel."""
        return self.scaled(value, self.factors(value, norm))

    def factors(
        self, value: Array, norm: GroupNorm, beyond: tuple[Array, Array] | None = None
    ) -> tuple[Array, Array, Array]:
        """Return mean, factor and offset (channels, 1, 1) that normalise groups of channels."""
        counted = _counted(value, beyond)
        cells = sum(part[0, 0].size * times for part, times in counted)
        mean = _grouped(_total(counted, None) / cells, norm)
        least = _total(counted[:1], mean)
        spread = _grouped(np.maximum(_total(counted, mean), least) / cells, norm)
        factor = norm.scale / np.sqrt(spread + norm.epsilon)
        return _per_channel(mean), _per_channel(factor), _per_channel(norm.offset)

    def scaled(self, value: Array, factors: tuple[Array, Array, Array]) -> Array:
        """Subtract a mean, multiply by a factor and add an offset, each channel its own."""
        mean, factor, offset = factors
        return np.asarray((value - mean) * factor + offset, dtype=np.float32)

    def widened(self, value: Array, rows: int, columns: int) -> Array:
        """Repeat a map of one row or one column."""
        shape = (*value.shape[:2], max(value.shape[2], rows), max(value.shape[3], columns))
        return np.broadcast_to(value, shape)

    def rows(self, value: Array, numbers: int) -> Array:
        """(1, anchors * numbers, rows, columns) to (rows * columns * anchors, numbers)."""
        _, channels, rows, columns = value.shape
        split = value.reshape(channels // numbers, numbers, rows, columns)
        return split.transpose(2, 3, 0, 1).reshape(-1, numbers)

    def join(self, values: Sequence[Array]) -> Array:
        """Put rows one after the other."""
        return np.concatenate(list(values))


def _padded(value: Array, padding: tuple[int, int], fill: float) -> Array:
    widths = ((0, 0), *((side, side) for side in padding))
    return np.pad(value[0], widths, constant_values=np.float32(fill))


def _windows(padded: Array, side: int, stride: int) -> Array:
    """(channels, rows, columns, side, side) of every place."""
    views = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return views[:, ::stride, ::stride]


def _counted(value: Array, beyond: tuple[Array, Array] | None) -> list[tuple[Array, int]]:
    """Return maps, and how often each of their cells counts."""
    if beyond is None:
        return [(value, 1)]
    column, row = beyond
    (rows, columns), all_rows, all_columns = value.shape[2:], column.shape[2], row.shape[3]
    below, beside = all_rows - rows, all_columns - columns
    middle = all_rows // 2
    # Where rows and columns are both missing, column and row have both counted.
    corner = (column[:, :, middle : middle + 1], -below * beside)
    return [(value, 1), (column, beside), (row, below), corner]


def _total(
    counted: list[tuple[Array, int]], mean: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Sum each channel, or the squares of how far it is from a mean."""
    total = np.zeros(counted[0][0].shape[1])
    for part, times in counted:
        cells = part[0].reshape(part.shape[1], -1).astype(np.float64)
        left = cells if mean is None else (cells - mean[:, np.newaxis]) ** 2
        total += times * left.sum(axis=1)
    return total


def _grouped(values: npt.NDArray[np.float64], norm: GroupNorm) -> npt.NDArray[np.float64]:
    """Return for each channel the mean of its group."""
    means = values.reshape(norm.groups, -1).mean(axis=1)
    return np.repeat(means, len(values) // norm.groups)


def _per_channel(values: npt.NDArray[np.floating]) -> Array:
    return values.astype(np.float32)[:, np.newaxis, np.newaxis]
