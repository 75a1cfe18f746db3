"""Pixels that mean nothing: Pixel Padding Value and its range (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mammo_node.header import attributes


def padding_mask(ds: Dataset, stored: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_] | None:
    """Return where padding is, or None when the header declares none or there is none.

    Parameters
    ----------
    ds : Dataset
        Header with Pixel Padding Value (0028,0120) and perhaps its Range Limit (0028,0121),
        both inclusive, in either order.
    stored : ndarray
        (rows, columns) stored values, sign-extended.
    """
    value = attributes.integer(ds, "PixelPaddingValue")
    if value is None:
        return None
    limit = attributes.integer(ds, "PixelPaddingRangeLimit")
    ends = [_as_stored(end, stored.dtype) for end in (value, value if limit is None else limit)]
    mask = (stored >= min(ends)) & (stored <= max(ends))
    return mask if mask.any() else None


def _as_stored(value: int, dtype: np.dtype[np.integer]) -> int:
    """Undo a value representation of the wrong sign: US 63536 stands for -2000 and back."""
    if dtype.kind == "i" and value > np.iinfo(dtype).max:
        return value - 2**16
    return value + 2**16 if dtype.kind == "u" and value < 0 else value
