"""What results take over from a source image's header, whatever state that is in.

Rules:

* An answer is never lost because of a header: a value that its VR does not allow (a date
  of '00000000', a sex of 'W') is left out, since it would make our object invalid too.
* Names, IDs and descriptions are kept as they are, also when they are too long: an archive
  files results by them, and a shortened Patient ID is another patient.
* The source is not changed, not even by converting its elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.valuerep import PersonName

from mammo_node.header import attributes
from mammo_node.header.character_set import TEXT_VRS

#: PS3.5 6.1.3: control characters that text may hold; ESC belongs to the character sets.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_SEXES = frozenset({"M", "F", "O"})
_YES_NO = frozenset({"YES", "NO"})


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{8}", text))


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


#: What a value must look like, by VR (PS3.5 6.2); VRs that are not here are free text.
_VR_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "DA": _is_date,
        "TM": _matches(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?"),
        "AS": _matches(r"\d{3}[DWMY]"),
        "CS": _matches(r"[A-Z0-9 _]{1,16}"),
        "UI": _matches(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+"),
        "DS": _matches(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    }
)
#: Enumerated values (PS3.3 C.7.1.1).
_ENUMERATED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"PatientSex": _SEXES, "PatientIdentityRemoved": _YES_NO}
)


def source_value(source: Dataset, keyword: str) -> Any:
    """Return the value to take over, or None when it is absent, empty or not legal."""
    value = attributes.value(source, keyword)
    if value is None or not str(value).strip(" \0"):
        return None
    vr = dictionary_VR(keyword)
    if vr in TEXT_VRS:
        return _clean(value)
    text = str(value).strip(" \0")
    check = _VR_CHECKS.get(vr)
    allowed = _ENUMERATED.get(keyword)
    legal = (check is None or check(text)) and (allowed is None or text in allowed)
    return text if legal else None


def _clean(value: Any) -> Any:
    if isinstance(value, (str, PersonName)):
        return value if not _CONTROL.search(str(value)) else _CONTROL.sub("", str(value))
    return [_clean(part) for part in value]


def untouched(header: Dataset) -> Dataset:
    """Return a copy whose elements can be converted without converting the original's.

    Elements that pydicom cannot even hand out are left out.
    """
    copy = Dataset({tag: item for tag in header.keys() if (item := _item(header, tag))})  # noqa: SIM118
    implicit, little = header.original_encoding
    copy.set_original_encoding(implicit, little, header.original_character_set)
    return copy


def _item(header: Dataset, tag: BaseTag) -> DataElement | RawDataElement | None:
    try:
        return header.get_item(tag)
    except attributes.MALFORMED:
        return None


def raw_texts(header: Dataset, keywords: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of text attributes that have not been decoded since they were read."""
    found = {keyword: header.get_item(keyword) for keyword in keywords if keyword in header}
    return {
        keyword: item.value.rstrip(b" \0")
        for keyword, item in found.items()
        if isinstance(item, RawDataElement) and dictionary_VR(keyword) in TEXT_VRS and item.value
    }


def put(ds: Dataset, keyword: str, value: Any) -> None:
    """Set an attribute without judging its length; None makes it empty (Type 2)."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101 - keywords are written in our code
    vr = dictionary_VR(keyword)
    ds[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def copy_required(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    """Copy Type 2 attributes; what is absent or illegal in the source becomes empty."""
    for keyword in keywords:
        put(target, keyword, source_value(source, keyword))


def copy_optional(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    """Copy Type 3 attributes; what is absent or illegal in the source is left out."""
    for keyword in keywords:
        value = source_value(source, keyword)
        if value is not None:
            put(target, keyword, value)
