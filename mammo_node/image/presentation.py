"""From stored values to greys: modality, values of interest, polarity (PS3.4 N.2).

The whole pipeline depends on the stored value alone, and there are at most 65536 of those:
it is worked out once as a table in float64 and applied by lookup (a SIGMOID by formula costs
six times as much).
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mammo_node.header import attributes
from mammo_node.vocabulary import (
    LookupTable,
    MammoImage,
    Presentation,
    VoiFunction,
    VoiKind,
    Window,
)

_Float = npt.NDArray[np.float64]
_Grey = TypeVar("_Grey", bound=np.generic)

#: PS3.3 C.11.1.1: a LUT Descriptor's first value 0 means 2^16 entries.
_FULL_LUT = 2**16
_WHOLE = (slice(None), slice(None))
#: Rows that are looked up at a time.
_STRIP = 16


def from_dataset(ds: Dataset) -> Presentation:
    """Read the grey-scale pipeline of a single-frame image; garbled parts count as absent.

    Polarity follows Photometric Interpretation: PS3.3 C.8.11.3 ties Presentation LUT Shape
    to it (INVERSE with MONOCHROME1, IDENTITY with MONOCHROME2), so that applying both would
    invert twice. `polarity_contradicted` tells when the two disagree.
    """
    bits = attributes.integer(ds, "BitsStored") or 16
    signed = attributes.integer(ds, "PixelRepresentation") == 1
    slope = attributes.number(ds, "RescaleSlope")
    return Presentation(
        bits_stored=bits,
        signed=signed,
        slope=slope or 1.0,
        intercept=attributes.number(ds, "RescaleIntercept") or 0.0,
        modality_lut=next(iter(_tables(ds, "ModalityLUTSequence", signed=signed)), None),
        windows=_windows(ds),
        voi_function=_voi_function(ds),
        voi_luts=_tables(ds, "VOILUTSequence", signed=_may_be_negative(ds, signed=signed)),
        inverse=attributes.text(ds, "PhotometricInterpretation") == "MONOCHROME1",
    )


def polarity_contradicted(ds: Dataset) -> bool:
    """Whether Presentation LUT Shape and Photometric Interpretation name opposite polarities."""
    shape = attributes.text(ds, "PresentationLUTShape")
    if shape not in ("IDENTITY", "INVERSE"):
        return False
    inverse = attributes.text(ds, "PhotometricInterpretation") == "MONOCHROME1"
    return inverse is not (shape == "INVERSE")


def _may_be_negative(ds: Dataset, *, signed: bool) -> bool:
    intercept = attributes.number(ds, "RescaleIntercept") or 0.0
    return not attributes.items(ds, "ModalityLUTSequence") and (signed or intercept < 0)


def _voi_function(ds: Dataset) -> VoiFunction:
    name = attributes.text(ds, "VOILUTFunction") or ""
    return VoiFunction(name) if name in VoiFunction.__members__ else VoiFunction.LINEAR


def _windows(ds: Dataset) -> tuple[Window, ...]:
    centres = attributes.numbers(ds, "WindowCenter")
    widths = attributes.numbers(ds, "WindowWidth")
    words = attributes.words(ds, "WindowCenterWidthExplanation") + ("",) * len(centres)
    return tuple(
        Window(centre, width, word)
        for centre, width, word in zip(centres, widths, words, strict=False)
        if width > 0
    )


def _tables(ds: Dataset, keyword: str, *, signed: bool) -> tuple[LookupTable, ...]:
    found = (_table(item, signed=signed) for item in attributes.items(ds, keyword))
    return tuple(table for table in found if table is not None)


def _table(item: Dataset, *, signed: bool) -> LookupTable | None:
    descriptor = attributes.numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        return None
    entries, first, bits = (int(number) for number in descriptor)
    entries = entries % _FULL_LUT or _FULL_LUT
    data = _entries(attributes.value(item, "LUTData"), entries)
    if data is None or not 1 <= bits <= 16:
        return None
    # The first input value is signed when the input is, whatever its VR says (PS3.3 C.11.2.1.1).
    first = first - _FULL_LUT if signed and first >= _FULL_LUT // 2 else first
    return LookupTable(first, bits, data, " ".join(attributes.words(item, "LUTExplanation")))


def _entries(data: Any, entries: int) -> tuple[int, ...] | None:
    """Return LUT Data, which comes as words (US, OW) or as bytes, two of them to a word."""
    if isinstance(data, bytes):
        wide = len(data) >= 2 * entries
        data = np.frombuffer(data, "<u2" if wide else "u1", count=len(data) // (1 + wide))
    try:
        found = tuple(int(entry) & 0xFFFF for entry in data[:entries])
    except (TypeError, ValueError):
        return None
    return found if len(found) == entries else None


def render(
    image: MammoImage, voi: VoiKind, where: tuple[slice, slice] = _WHOLE
) -> npt.NDArray[np.float32]:
    """Make the greys that a model asks for.

    Parameters
    ----------
    image : MammoImage
        Stored values with their presentation.
    voi : VoiKind
        NONE scales the modality values of the full stored range; WINDOW applies the first
        window, or the first VOI LUT when there is no window, or else scales as NONE does.
    where : (slice, slice), optional
        Rows and columns that are wanted; by default all of them.

    Returns
    -------
    ndarray
        (rows, columns) float32, 0..1, as stored (not flipped), in MONOCHROME2 polarity:
        dense is bright, air is dark. Padding is 0.
    """
    table = grey_table(image.presentation, voi)
    greys = look_up(table, image.stored[where], image.presentation)
    if image.padding is not None:
        greys[image.padding[where]] = 0.0
    return greys


def look_up(
    table: npt.NDArray[_Grey], stored: npt.NDArray[np.integer], presentation: Presentation
) -> npt.NDArray[_Grey]:
    """Apply a table of `grey_table` to (rows, columns) stored values; of any type, as the table."""
    lowest = stored_range(presentation)[0]
    greys = np.empty(stored.shape, dtype=table.dtype)
    # In strips: numpy makes an index of eight bytes for each pixel, which a cache should hold.
    for top in range(0, len(stored), _STRIP):
        strip = stored[top : top + _STRIP]
        index = strip if lowest == 0 else strip.astype(np.int32) - lowest
        # "clip" writes straight into the result; no index is outside the table.
        np.take(table, index, out=greys[top : top + _STRIP], mode="clip")
    return greys


def stored_range(presentation: Presentation) -> tuple[int, int]:
    """Return the least and the greatest stored value that Bits Stored can hold."""
    values = 2**presentation.bits_stored
    return (-values // 2, values // 2 - 1) if presentation.signed else (0, values - 1)


def grey_table(presentation: Presentation, voi: VoiKind) -> npt.NDArray[np.float32]:
    """Return the grey (0..1, MONOCHROME2) of each stored value, from the least one up."""
    lowest, highest = stored_range(presentation)
    modality = _modality(presentation, np.arange(lowest, highest + 1, dtype=np.float64))
    greys = _scale(modality) if voi is VoiKind.NONE else _voi(presentation, modality)
    return np.asarray(1.0 - greys if presentation.inverse else greys, dtype=np.float32)


def _modality(presentation: Presentation, stored: _Float) -> _Float:
    if presentation.modality_lut is not None:
        return _look_up(presentation.modality_lut, stored)
    return stored * presentation.slope + presentation.intercept


def _voi(presentation: Presentation, modality: _Float) -> _Float:
    if presentation.windows:
        return apply_window(modality, presentation.windows[0], presentation.voi_function)
    if presentation.voi_luts:
        table = presentation.voi_luts[0]
        return _unit(_look_up(table, modality) / (2**table.bits - 1))
    return _scale(modality)


def apply_window(values: _Float, window: Window, function: VoiFunction) -> _Float:
    """Apply a window (PS3.3 C.11.2.1.2.1 and C.11.2.1.3) to modality values; 0..1 comes back."""
    if function is VoiFunction.SIGMOID:
        exponent = np.clip(-4.0 * (values - window.centre) / window.width, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)))
    if function is VoiFunction.LINEAR_EXACT:
        return _unit((values - window.centre) / window.width + 0.5)
    if window.width <= 1.0:
        # A step: PS3.3 C.11.2.1.2.1 puts everything up to centre - 0.5 below it.
        return np.asarray(values > window.centre - 0.5, dtype=np.float64)
    return _unit((values - (window.centre - 0.5)) / (window.width - 1.0) + 0.5)


def _unit(values: _Float) -> _Float:
    return np.asarray(np.clip(values, 0.0, 1.0))


def _look_up(table: LookupTable, values: _Float) -> _Float:
    index = np.clip(np.trunc(values) - table.first, 0, len(table.data) - 1).astype(np.intp)
    found: _Float = np.asarray(table.data, dtype=np.float64)[index]
    return found


def _scale(values: _Float) -> _Float:
    least, greatest = float(values.min()), float(values.max())
    return np.asarray((values - least) / (greatest - least or 1.0))
