"""The source's own grey-scale pipeline, carried into a presentation state.

Rules (PS3.4 N.2): a presentation state replaces the image's own modality LUT, VOI LUT and
polarity, so what it leaves out is lost on the screen. What applies to the
image by default is copied as it is, and nothing is added:

* Modality LUT: Rescale Slope and Intercept, or the Modality LUT Sequence.
* VOI LUT: the image's default, which is its first window with its function, or its first
  VOI LUT where it has no window. A state holds one of the alternatives that an image may
  have (PS3.3 C.11.8).
* Polarity: INVERSE exactly for MONOCHROME1, whose values grow towards black. The image's
  own Presentation LUT Shape says the same once more and is not applied on top.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from mammo_node.encode import source
from mammo_node.header import attributes

MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_VOI_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
_MOST_LUT_ENTRIES = 65536
_DESCRIPTOR_VALUES = 3
#: Bits per entry that images may have (PS3.3 C.11.2.1.1).
_LUT_BITS = range(8, 17)


def put_greyscale(header: Dataset, ds: Dataset) -> None:
    """Copy modality LUT, VOI LUT and polarity of the image into a presentation state."""
    _put_modality_lut(header, ds)
    voi = _voi_lut(header)
    if voi is not None:
        ds.SoftcopyVOILUTSequence = Sequence([voi])
    inverse = attributes.text(header, "PhotometricInterpretation") == "MONOCHROME1"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"


def _put_modality_lut(header: Dataset, ds: Dataset) -> None:
    luts = _luts(header, "ModalityLUTSequence")
    if luts:
        ds.ModalityLUTSequence = Sequence(luts[:1])
        return
    slope = attributes.number(header, "RescaleSlope")
    intercept = attributes.number(header, "RescaleIntercept")
    if slope is None or intercept is None:
        return
    source.put(ds, "RescaleIntercept", attributes.value(header, "RescaleIntercept"))
    source.put(ds, "RescaleSlope", attributes.value(header, "RescaleSlope"))
    source.put(ds, "RescaleType", source.source_value(header, "RescaleType") or "US")


def _voi_lut(header: Dataset) -> Dataset | None:
    item = _window(header)
    if item is not None:
        return item
    luts = _luts(header, "VOILUTSequence")
    if not luts:
        return None
    item = Dataset()
    item.VOILUTSequence = Sequence(luts[:1])
    return item


def _window(header: Dataset) -> Dataset | None:
    """Return the first window with its function; without a usable width it is no window."""
    centers = attributes.values(header, "WindowCenter")
    widths = attributes.values(header, "WindowWidth")
    numbers = attributes.numbers(header, "WindowWidth")
    if not attributes.numbers(header, "WindowCenter") or not numbers or numbers[0] <= 0:
        return None
    item = Dataset()
    source.put(item, "WindowCenter", centers[0])
    source.put(item, "WindowWidth", widths[0])
    names = source.source_value(header, "WindowCenterWidthExplanation")
    name = names if isinstance(names, str) or not names else names[0]
    if name:
        source.put(item, "WindowCenterWidthExplanation", name)
    function = attributes.text(header, "VOILUTFunction")
    if function in _VOI_FUNCTIONS:
        item.VOILUTFunction = function
    return item


def _luts(header: Dataset, keyword: str) -> list[Dataset]:
    found = (_lut(item, keyword) for item in attributes.items(header, keyword))
    return [lut for lut in found if lut is not None]


def _lut(item: Dataset, keyword: str) -> Dataset | None:
    """Copy one LUT item with entries of 16 bits, the widest that a state may have.

    None when its data are not as its descriptor says. Output of a VOI LUT is relative to
    its number of bits and is scaled with it; that of a modality LUT has a unit and is not.
    """
    descriptor = [int(n) for n in attributes.numbers(item, "LUTDescriptor")]
    if len(descriptor) != _DESCRIPTOR_VALUES or descriptor[2] not in _LUT_BITS:
        return None
    data = _entries(attributes.value(item, "LUTData"), descriptor[0] or _MOST_LUT_ENTRIES)
    if data is None:
        return None
    modality = keyword == "ModalityLUTSequence"
    widened = data if modality else _widened(data, descriptor[2])
    lut = Dataset()
    signed = descriptor[1] < 0
    lut.add_new("LUTDescriptor", "SS" if signed else "US", [descriptor[0], descriptor[1], 16])
    lut.add_new("LUTData", "OW", widened.astype("<u2").tobytes())
    source.copy_optional(item, lut, ["LUTExplanation"])
    if modality:
        source.put(lut, "ModalityLUTType", source.source_value(item, "ModalityLUTType") or "US")
    return lut


def _widened(data: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint16]:
    most = (1 << bits) - 1
    scaled = np.minimum(data, most).astype(np.float64) * (_MOST_LUT_ENTRIES - 1) / most
    return np.asarray(np.rint(scaled), dtype=np.uint16)


def _entries(data: Any, entries: int) -> npt.NDArray[np.uint16] | None:
    """Return LUT Data as words: they come as words (US, OW) or as bytes (PS3.3 C.11.1.1)."""
    packed = _packed(data)
    if packed is None or len(packed) not in (2 * entries, entries, entries + 1):
        return None
    words = len(packed) == 2 * entries
    return np.frombuffer(packed, "<u2" if words else "u1")[:entries].astype(np.uint16)


def _packed(data: Any) -> bytes | None:
    if isinstance(data, bytes):
        return data
    values = data if isinstance(data, (list, MultiValue)) else [data]
    try:
        return struct.pack(f"<{len(values)}H", *(int(value) & 0xFFFF for value in values))
    except (struct.error, ValueError, TypeError):
        return None
