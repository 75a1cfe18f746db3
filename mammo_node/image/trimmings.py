"""What trimming cuts away from a model's input, told by one column and one row of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float32]


def trimmings(
    tensor: Tensor, kept: tuple[slice, slice], names: tuple[str, str]
) -> Mapping[str, Tensor]:
    """Return the mean column and the mean row of what is cut away.

    Parameters
    ----------
    tensor : (1, channels, rows, columns) float32
        The whole input.
    kept : (slice, slice)
        Rows and columns that stay.
    names : (str, str)
        Inputs for column and row.

    Returns
    -------
    mapping of str to ndarray
        (1, channels, rows, 1) and (1, channels, 1, columns) float32, zeros where nothing is cut
        away in that direction: nothing comes of them then.
    """
    rows, columns = kept
    return {names[0]: _mean(tensor, columns, 3), names[1]: _mean(tensor, rows, 2)}


def _mean(tensor: Tensor, kept: slice, axis: int) -> Tensor:
    lines = np.moveaxis(tensor, axis, 0)
    cut = [part for part in (lines[: kept.start], lines[kept.stop :]) if len(part)]
    if not cut:
        return np.zeros_like(np.moveaxis(lines[:1], 0, axis))
    total = np.sum([part.sum(axis=0, dtype=np.float64) for part in cut], axis=0)
    mean = total / sum(len(part) for part in cut)
    return np.expand_dims(mean.astype(np.float32), axis)
