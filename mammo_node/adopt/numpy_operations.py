"""The network's operations in plain numpy: slow, and independent of any runtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class NumpyOperations:
    """Computes at once; values are (1, channels, rows, columns) float32."""

    def conv(self, value: Array, weight: Array, bias: Array, *, stride: int, padding: int) -> Array:
        """Convolve, as cross-correlation."""
        windows = _windows(_padded(value, padding, 0.0), weight.shape[-1], stride)
        result = np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4)))
        return np.asarray(result + bias[:, None, None], dtype=np.float32)[np.newaxis]

    def relu(self, value: Array) -> Array:
        """Cut off what is negative."""
        return np.maximum(value, np.float32(0.0))

    def max_pool(self, value: Array) -> Array:
        """Maximum of 3 x 3, stride 2, padding 1."""
        windows = _windows(_padded(value, 1, -np.inf), 3, 2)
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

    def group_norm(
        self, value: Array, groups: int, scale: Array, offset: Array, epsilon: float
    ) -> Array:
        """Normalise groups of channels, then scale and offset each channel."""
        grouped = value.reshape(groups, -1).astype(np.float64)
        mean, variance = grouped.mean(axis=1), grouped.var(axis=1)
        normal = (grouped - mean[:, None]) / np.sqrt(variance[:, None] + epsilon)
        result = normal.reshape(value.shape) * scale[:, None, None] + offset[:, None, None]
        return np.asarray(result, dtype=np.float32)

    def rows(self, value: Array, numbers: int) -> Array:
        """(1, anchors * numbers, rows, columns) to (rows * columns * anchors, numbers)."""
        _, channels, rows, columns = value.shape
        split = value.reshape(channels // numbers, numbers, rows, columns)
        return split.transpose(2, 3, 0, 1).reshape(-1, numbers)

    def join(self, values: Sequence[Array]) -> Array:
        """Put rows one after the other."""
        return np.concatenate(list(values))


def _padded(value: Array, padding: int, fill: float) -> Array:
    widths = ((0, 0), (padding, padding), (padding, padding))
    return np.pad(value[0], widths, constant_values=np.float32(fill))


def _windows(padded: Array, side: int, stride: int) -> Array:
    """(channels, rows, columns, side, side) of every place."""
    views = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return views[:, ::stride, ::stride]
