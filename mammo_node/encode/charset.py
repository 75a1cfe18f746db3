"""The character set of a result: the source's wherever that can be kept.

Text that was not decoded since it was read is passed on as the bytes that it came in. Only
where the source's set cannot be kept (unknown term, or our own text has letters outside of
it) is UTF-8 declared, in which nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pydicom.charset import convert_encodings, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mammo_node.header.character_set import TEXT_VRS, CharacterSet

UTF_8: Final = "ISO_IR 192"
#: PS3.5 6.1.3: control characters that text may not hold; ESC belongs to the character sets.
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def declare_character_set(source: Dataset, target: Dataset, raw: Mapping[str, bytes]) -> None:
    """Declare the character set of ``target``: the source's, or UTF-8 where that cannot be.

    Parameters
    ----------
    source : Dataset
        The source header.
    target : Dataset
        Complete but for its Specific Character Set.
    raw : mapping of str to bytes
        Text attributes as they came, see :func:`raw_texts`.
    """
    own = CharacterSet.of(source)
    as_they_came = {k: v for k, v in raw.items() if k in target and _can_be_restored(target[k], v)}
    if all(term in python_encoding for term in own.terms) and own.can_carry(
        _texts(target, as_they_came)
    ):
        own.apply(target)
        _restore(target, as_they_came)
    else:
        CharacterSet((UTF_8,)).apply(target)


def _can_be_restored(element: DataElement, value: bytes) -> bool:
    return element.value is not None and not _CONTROL_BYTES.search(value)


def _restore(ds: Dataset, raw: Mapping[str, bytes]) -> None:
    """Put text back as bytes; pydicom writes such elements as they are."""
    # Without this pydicom takes the bytes for another character set's and decodes them.
    charset = ds.get("SpecificCharacterSet")
    ds.set_original_encoding(False, True, convert_encodings(charset) if charset else None)
    for keyword, value in raw.items():
        tag = Tag(keyword)
        padded = value + b" " * (len(value) % 2)
        ds[tag] = RawDataElement(tag, dictionary_VR(keyword), len(padded), padded, 0, False, True)


def _texts(ds: Dataset, left_out: Iterable[str]) -> Iterable[str]:
    for element in ds.iterall():
        if element.VR in TEXT_VRS and element.value is not None:
            if element.keyword in left_out:
                continue
            values = [element.value] if element.VM <= 1 else list(element.value)
            for value in values:
                yield from str(value).split("=") if element.VR == "PN" else [str(value)]
