"""From pixel cells to stored values: Bits Stored out of Bits Allocated (PS3.5 8.1.1).

Bits above and below the stored ones are no part of the value. They may hold a retired
overlay plane, or the sign's extension; anything else in them means that Bits Stored is
wrong, and masking would then wrap bright pixels around to dark ones without a word.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mammo_node.errors import PixelDataError
from mammo_node.header import attributes
from mammo_node.image.decoders import Cells, PixelFormat

#: Overlay Bit Position (60xx,0102) in groups 6000 to 601E, even ones (PS3.3 C.9.2).
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_OVERLAY_BIT_POSITION = 0x0102
_OVERLAY_DATA = 0x3000

#: Part of the range by which lossy compression may overshoot: ringing at the sharpest edges.
_OVERSHOOT = 8


def pixel_format(ds: Dataset, max_pixels: int) -> PixelFormat:
    """Read and check the Image Pixel module's description (PS3.3 C.7.6.3).

    Raises
    ------
    PixelDataError
        A value is missing, impossible, or larger than any mammogram.
    """
    rows, columns = _required(ds, "Rows"), _required(ds, "Columns")
    allocated, stored = _required(ds, "BitsAllocated"), _required(ds, "BitsStored")
    high_bit = attributes.integer(ds, "HighBit")
    high_bit = stored - 1 if high_bit is None else high_bit
    if rows * columns > max_pixels:
        raise PixelDataError(f"{rows} x {columns} pixels are more than any mammogram has")
    if allocated not in (8, 16):
        raise PixelDataError(f"Bits Allocated is {allocated}, not 8 or 16")
    if not 1 <= stored <= high_bit + 1 <= allocated:
        raise PixelDataError(
            f"Bits Stored {stored} and High Bit {high_bit} do not fit into {allocated} bits"
        )
    signed = attributes.integer(ds, "PixelRepresentation") == 1
    return PixelFormat(rows, columns, allocated, stored, high_bit, signed)


def _required(ds: Dataset, keyword: str) -> int:
    value = attributes.integer(ds, keyword)
    if value is None or value <= 0:
        raise PixelDataError(f"{keyword} is missing or not a positive number")
    return value


def overlay_bits(ds: Dataset) -> int:
    """Return a mask of the cell's bits that embedded overlay planes take (retired)."""
    mask = 0
    for group in _OVERLAY_GROUPS:
        position = attributes.value_at(ds, group, _OVERLAY_BIT_POSITION)
        embedded = (group, _OVERLAY_DATA) not in ds
        if embedded and isinstance(position, int) and 0 <= position < 16:
            mask |= 1 << position
    return mask


def without_overshoot(cells: Cells, described: PixelFormat) -> Cells:
    """Clip what lossy compression added to the ends of the range that Bits Stored allows.

    Encoders that compress the whole cell leave room for it (12 bits stored, a stream of 16).
    More than an eighth of the range is no overshoot, and is left for `stored_values` to refuse.
    """
    if described.signed and cells.dtype.kind != "i":
        return cells
    values = 1 << described.bits_stored
    lowest, highest = (-values // 2, values // 2 - 1) if described.signed else (0, values - 1)
    room = values // _OVERSHOOT
    least, greatest = int(cells.min()), int(cells.max())
    beyond = least < lowest or greatest > highest
    if not beyond or least < lowest - room or greatest > highest + room:
        return cells
    return np.clip(cells, max(lowest, least), min(highest, greatest))


def stored_values(
    cells: Cells, described: PixelFormat, overlays: int = 0
) -> npt.NDArray[np.integer]:
    """Take the stored values out of the cells.

    Parameters
    ----------
    cells : ndarray
        (rows, columns), as decoded; signed when the decoder extended the sign.
    described : PixelFormat
        Where in a cell the value is.
    overlays : int
        Bits that overlay planes take, from `overlay_bits`.

    Returns
    -------
    ndarray
        (rows, columns) uint8 or uint16, or int16 when signed; contiguous.

    Raises
    ------
    PixelDataError
        Bits outside the stored ones are in use and nothing accounts for them.
    """
    words = _words(cells)
    shift = described.high_bit + 1 - described.bits_stored
    mask = (1 << described.bits_stored) - 1
    unused = int(np.bitwise_or.reduce(words, axis=None)) & ~(mask << shift) & ~overlays
    values: npt.NDArray[np.integer] = words
    if unused or shift or overlays:
        values = (words >> shift) & words.dtype.type(mask & np.iinfo(words.dtype).max)
    if described.signed:
        values = _sign_extended(values, described.bits_stored)
    if unused and not _is_sign(words, values, shift):
        raise PixelDataError(f"pixel values do not fit into Bits Stored {described.bits_stored}")
    return values


def _words(cells: Cells) -> npt.NDArray[np.unsignedinteger]:
    wide = cells.astype(np.int16) if cells.dtype.kind == "i" else cells
    return np.ascontiguousarray(wide).view(np.dtype(f"u{wide.itemsize}"))


def _sign_extended(words: npt.NDArray[np.integer], bits: int) -> npt.NDArray[np.integer]:
    spare = 16 - bits
    return (words.astype(np.uint16) << spare).view(np.int16) >> spare


def _is_sign(
    words: npt.NDArray[np.unsignedinteger], values: npt.NDArray[np.integer], shift: int
) -> bool:
    """Whether the unused bits are nothing but the sign, extended over the whole cell."""
    if values.dtype.kind != "i":
        return False
    return bool(np.array_equal(words.view(f"i{words.itemsize}") >> shift, values))
