"""Stored values: how a vendor would keep a phantom's greys, and what it tells about showing them.

What is stored is an exact image of `PhantomView.pixels` wherever the vendor keeps at least 12 bits
(air that is marked as padding apart): scaled, moved and perhaps inverted. The window, sigmoid or
table that comes with it is for showing it, as with real images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.look import Look
from mammo_node.phantom.raw import RAW_BITS
from mammo_node.phantom.vendors import MONOCHROME1, SIGMOID, VOI_LUT
from mammo_node.phantom.view import FULL_SCALE, PhantomView

_PIXEL_BITS = 12
#: Windows as (explanation, width relative to the normal one).
_WINDOWS = (("NORMAL", 1.0), ("HARDER", 0.8), ("SOFTER", 1.25))
_LUT_BITS = 12


@dataclass(frozen=True, slots=True)
class Window:
    """A window on the stored values (PS3.3 C.11.2.1.2)."""

    explanation: str
    centre: float
    width: float


@dataclass(frozen=True, slots=True)
class Table:
    """A VOI LUT (PS3.3 C.11.2.1.1): `data` for stored values from 0 up, of 12 bits."""

    explanation: str
    data: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Stored:
    """Pixel data and its description.

    `values` is (rows, columns) uint8 or uint16; `padding` is the inclusive range of values that
    mean air, lower first, or None.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    bits_stored: int
    photometric: str
    windows: tuple[Window, ...]
    sigmoid: bool
    tables: tuple[Table, ...]
    padding: tuple[int, int] | None


def store(view: PhantomView, look: Look) -> Stored:
    """Keep a view as the study's vendor would."""
    if look.for_processing:
        # Nothing is said about showing detector values; bright is little absorption.
        return Stored(view.pixels, RAW_BITS, MONOCHROME1, (), False, (), None)
    bits = look.bits_stored
    inverse = look.photometric == MONOCHROME1
    values = _scaled(view.pixels, bits, inverse=inverse, padded=look.maker.padded)
    low, high = _shown_range(view, values, look)
    windows, tables = _for_showing(look, low, high, bits)
    padding = _padded(values, view, bits, inverse=inverse) if look.maker.padded else None
    kept = values.astype(np.uint8) if bits == 8 else values
    sigmoid = look.voi == SIGMOID
    return Stored(kept, bits, look.photometric, windows, sigmoid, tables, padding)


def _scaled(
    pixels: NDArray[np.uint16], bits: int, *, inverse: bool, padded: bool
) -> NDArray[np.uint16]:
    """Scale to `bits`; more than 12 bits leave room at both ends, as real ones do."""
    wide = pixels.astype(np.int64)
    if bits < _PIXEL_BITS:
        wide >>= _PIXEL_BITS - bits
    elif bits > _PIXEL_BITS:
        gain = (2**bits - 1) * 3 // 4 // FULL_SCALE
        wide = wide * max(1, gain) + 2 ** (bits - 4)
    if padded:
        # The lowest value is for air alone.
        wide = np.maximum(wide, 1)
    return np.asarray(2**bits - 1 - wide if inverse else wide, dtype=np.uint16)


def _padded(
    values: NDArray[np.uint16], view: PhantomView, bits: int, *, inverse: bool
) -> tuple[int, int]:
    """Mark air in `values`, in place; lead letters are not air."""
    padding = 2**bits - 1 if inverse else 0
    values[(view.pixels == 0) & ~view.landmarks.breast] = padding
    return padding, padding


def _shown_range(view: PhantomView, values: NDArray[np.uint16], look: Look) -> tuple[float, float]:
    """Find the stored values to be shown as black and white, lower first."""
    if look.film is not None:
        return 0.0, float(2**look.bits_stored - 1)
    inside = values[view.landmarks.breast]
    if not inside.size:
        return 0.0, float(2**look.bits_stored - 1)
    low, high = (float(v) for v in np.percentile(inside, [0.5, 99.8]))
    return low, max(high, low + 8.0)


def _for_showing(
    look: Look, low: float, high: float, bits: int
) -> tuple[tuple[Window, ...], tuple[Table, ...]]:
    centre, width = (low + high) / 2.0, high - low
    if look.film is not None:
        return (Window("NORMAL", 2.0 ** (bits - 1), 2.0**bits),), ()
    if look.voi == VOI_LUT:
        tables = tuple(
            Table(name, _curve(centre, factor * width, bits)) for name, factor in _WINDOWS
        )
        return (), tables
    return tuple(Window(n, round(centre), max(2, round(f * width))) for n, f in _WINDOWS), ()


def _curve(centre: float, width: float, bits: int) -> NDArray[np.uint16]:
    """Make a table with a toe and a shoulder, steepest at `centre`."""
    stored = np.arange(2**bits, dtype=np.float64)
    rise = 1.0 / (1.0 + np.exp(np.clip(-4.0 * (stored - centre) / width, -60.0, 60.0)))
    return np.asarray(np.round(rise * (2**_LUT_BITS - 1)), dtype=np.uint16)
