"""Reading attributes of datasets that other people made: a garbled value counts as absent.

pydicom converts an element when it is first touched, and a malformed one raises then, with
whatever its converter happened to raise. These accessors are the one place that knows.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID

#: What pydicom 3.0 is known to raise while it converts a malformed element: bad numbers and
#: lengths, unknown VRs, wrong character sets, truncated or endlessly nested sequences.
MALFORMED = (
    BytesLengthException,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    struct.error,
    OSError,
    RecursionError,
    AssertionError,
)

#: What pydicom makes of text and numbers (UID, DSfloat, IS and the like derive from these).
_SCALARS = (str, int, float, Decimal)


def value(ds: Dataset, keyword: str) -> Any:
    """Return the attribute's value, or None when it is absent, empty or garbled."""
    try:
        found = ds.get(keyword)
    except MALFORMED:
        return None
    return None if found in ("", b"") else found


def value_at(ds: Dataset, group: int, element: int) -> Any:
    """Return the value at a tag without a keyword of its own (repeating groups), or None."""
    try:
        return getattr(ds.get((group, element)), "value", None)
    except MALFORMED:
        return None


def values(ds: Dataset, keyword: str) -> tuple[Any, ...]:
    """Return all values of a multi-valued attribute; a single one as a tuple of one."""
    found = value(ds, keyword)
    if found is None:
        return ()
    return tuple(found) if isinstance(found, (MultiValue, list, tuple)) else (found,)


def words(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Return all values as text without padding, in the case they have; '' for other types.

    A garbled value representation can put a sequence where a word is expected, and its text
    would be a whole dataset.
    """
    found = values(ds, keyword)
    return tuple(str(v).strip(" \0") if isinstance(v, _SCALARS) else "" for v in found)


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Return all values as upper-case text without padding; '' for an empty value."""
    return tuple(word.upper() for word in words(ds, keyword))


def text(ds: Dataset, keyword: str) -> str | None:
    """Return the first value as upper-case text without padding, or None."""
    found = texts(ds, keyword)
    return (found[0] or None) if found else None


def uid(ds: Dataset, keyword: str) -> UID | None:
    """Return the attribute's only value as a UID, or None when it is not one."""
    found = values(ds, keyword)
    return found[0] if len(found) == 1 and isinstance(found[0], UID) else None


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """Return all values as finite floats; empty when any of them is not a number."""
    try:
        found = tuple(float(number) for number in values(ds, keyword))
    except (ValueError, TypeError, OverflowError):
        return ()
    return found if all(math.isfinite(number) for number in found) else ()


def number(ds: Dataset, keyword: str) -> float | None:
    """Return the first value as a finite float, or None."""
    found = numbers(ds, keyword)
    return found[0] if found else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """Return the first value as an integer, or None when it is absent or not whole."""
    found = number(ds, keyword)
    return int(found) if found is not None and found == int(found) else None


def items(ds: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """Return the items of a sequence; none when it is absent or not a sequence."""
    found = value(ds, keyword)
    return tuple(found) if isinstance(found, Sequence) else ()


def functional_groups(ds: Dataset) -> tuple[Dataset, ...]:
    """Return the shared functional group and the first frame's own (PS3.3 C.7.6.16)."""
    shared = items(ds, "SharedFunctionalGroupsSequence")[:1]
    per_frame = items(ds, "PerFrameFunctionalGroupsSequence")[:1]
    return shared + per_frame


def codes(ds: Dataset, keyword: str) -> tuple[tuple[str, str], ...]:
    """Return (Code Value, Code Meaning) of each item of a code sequence, upper-case."""
    found = items(ds, keyword)
    return tuple((text(i, "CodeValue") or "", text(i, "CodeMeaning") or "") for i in found)
