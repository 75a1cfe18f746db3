"""What of a header's text can be printed: the letters that are there, never boxes in their place.

A name of which one component group can be printed (PS3.5 6.2.1: alphabetic, ideographic,
phonetic) is printed in that one. What cannot be printed at all is said not to be, in words:
an ID with a letter left out would be another patient's.
"""

from __future__ import annotations

from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from mammo_node.encode import source
from mammo_node.encode.typeface import can_write

NOT_PRINTABLE: Final = "(in letters that this page cannot print: see the DICOM header)"
UNKNOWN: Final = "\u2013"


def text_of(header: Dataset, keyword: str) -> str:
    """Return an attribute as it is printed: a dash where it is empty."""
    value = source.source_value(header, keyword)
    if value is None:
        return UNKNOWN
    return person_name(value) if isinstance(value, PersonName) else plain_text(value)


def plain_text(value: Any) -> str:
    """Return a text on one line, or the words that it cannot be printed."""
    text = " ".join(str(value).split())
    return text if can_write(text) else NOT_PRINTABLE


def person_name(name: PersonName) -> str:
    """Return 'Family, Prefix Given Middle Suffix' of the first group that can be printed."""
    groups = [_spelled(group) for group in str(name).split("=")]
    printable = [group for group in groups if group and can_write(group)]
    return next(iter(printable), NOT_PRINTABLE if any(groups) else UNKNOWN)


def _spelled(group: str) -> str:
    family, given, middle, prefix, suffix, *_ = [*(p.strip() for p in group.split("^")), *[""] * 5]
    rest = " ".join(part for part in (prefix, given, middle, suffix) if part)
    return ", ".join(part for part in (family, rest) if part)
