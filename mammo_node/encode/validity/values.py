"""Whether values are legal: representation, multiplicity, length, characters, enumeration."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from pydicom import config, datadict
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName, validate_value

from mammo_node.encode.validity.complaint import Complaint, inside
from mammo_node.encode.validity.enumerations import ENUMERATIONS
from mammo_node.encode.validity.item import Item

#: VRs whose values pydicom's validators judge.
_TEXT = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)
#: PS3.5 6.2: one value only, a backslash in it is a character.
_SINGLE = frozenset(("LT", "ST", "UT", "UR"))
#: PS3.5 6.1.3: of the control characters only TAB, LF, FF, CR and ESC may stand in text.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_UID_LENGTH = 64
_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)
_PN_GROUPS, _PN_COMPONENTS, _PN_LENGTH = 3, 5, 64


def of_dataset(ds: Item, copied: Collection[str] = ()) -> Iterator[Complaint]:
    """Check every element of a dataset and of the items in it.

    Parameters
    ----------
    ds : Item
        As read back from its bytes.
    copied : collection of str
        Keywords at the top level that are taken over as they are: what they hold is not judged.
    """
    for path, item in ds.walk():
        for keyword, element in item.elements.items():
            if path or keyword not in copied:
                problem = _problem(element, keyword)
                if problem is not None:
                    yield Complaint(inside(path, keyword), problem)


def _problem(element: DataElement, keyword: str) -> str | None:
    if element.tag.is_private:
        return None
    try:
        representations, multiplicity, *_ = datadict.get_entry(element.tag)
    except KeyError:
        return "no attribute of the standard has this tag"
    if element.VR not in representations.split(" or "):
        return f"has the value representation {element.VR}"
    return None if element.is_empty else _problem_of_values(element, keyword, multiplicity)


def _problem_of_values(element: DataElement, keyword: str, multiplicity: str) -> str | None:
    if not _multiplicity_fits(element, multiplicity):
        return f"has {element.VM} values, {multiplicity} are legal"
    values = _values(element)
    if not all(_is_legal(element.VR, value) for value in values):
        return f"has a value that {element.VR} does not allow"
    allowed = ENUMERATIONS.get(keyword)
    if allowed is not None and not all(str(value) in allowed for value in values if value != ""):
        return "has a value that is not one of those enumerated"
    return None


def _values(element: DataElement) -> list[Any]:
    value = element.value
    return list(value) if isinstance(value, (MultiValue, list)) else [value]


def _multiplicity_fits(element: DataElement, multiplicity: str) -> bool:
    """Compare with the dictionary's VM: 1, 1-3, 1-n, 2-2n, 3-3n (PS3.6)."""
    if element.VR in _SINGLE or element.VR in ("OB", "OW", "OF", "UN"):
        return True
    low, _, high = multiplicity.partition("-")
    least, number = int(low), int(element.VM)
    if not high:
        return number == least
    if high.endswith("n"):
        step = int(high[:-1] or 1)
        return number >= least and number % step == 0
    return least <= number <= int(high)


def _is_legal(vr: str, value: Any) -> bool:
    if vr == "UI":
        return is_uid(str(value))
    if vr == "PN":
        return _is_name(value)
    if vr not in _TEXT:
        return True
    text = str(getattr(value, "original_string", value))
    if vr not in ("LT", "ST", "UT") and "\\" in text:
        return False
    try:
        validate_value(vr, text, config.RAISE)
    except ValueError:
        return False
    return not _CONTROL.search(text)


def is_uid(text: str) -> bool:
    """Tell whether a UID is one (PS3.5 9.1): digits, dots, no leading zero, 64 characters."""
    return len(text) <= _UID_LENGTH and _UID.fullmatch(text) is not None


def _is_name(value: Any) -> bool:
    groups = str(value if isinstance(value, PersonName) else PersonName(value)).split("=")
    return len(groups) <= _PN_GROUPS and all(
        len(group) <= _PN_LENGTH
        and group.count("^") < _PN_COMPONENTS
        and not _CONTROL.search(group)
        for group in groups
    )
