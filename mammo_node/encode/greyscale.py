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

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from mammo_node.encode import source
from mammo_node.header import attributes

MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
_VOI_FUNCTIONS = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})
_MOST_LUT_ENTRIES = 65536
_DESCRIPTOR_VALUES = 3


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
    """Copy one LUT item, or None when its data are not as its descriptor says."""
    descriptor = [int(n) for n in attributes.numbers(item, "LUTDescriptor")]
    data = attributes.value(item, "LUTData")
    if len(descriptor) != _DESCRIPTOR_VALUES or data is None:
        return None
    entries = descriptor[0] or _MOST_LUT_ENTRIES
    packed = _packed(data)
    if packed is None or len(packed) not in (2 * entries, entries, entries + 1):
        return None
    lut = Dataset()
    signed = descriptor[1] < 0
    lut.add_new("LUTDescriptor", "SS" if signed else "US", descriptor)
    lut.add_new("LUTData", "OW", packed)
    source.copy_optional(item, lut, ["LUTExplanation"])
    if keyword == "ModalityLUTSequence":
        source.put(lut, "ModalityLUTType", source.source_value(item, "ModalityLUTType") or "US")
    return lut


def _packed(data: Any) -> bytes | None:
    if isinstance(data, bytes):
        return data
    values = data if isinstance(data, (list, MultiValue)) else [data]
    try:
        return struct.pack(f"<{len(values)}H", *(int(v) & 0xFFFF for v in values))
    except (struct.error, ValueError, TypeError):
        return None
