"""Which codes mean the same: SNOMED RT and SNOMED CT name one concept by two codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from pydicom.sr.coding import Code

from mammo_node.vocabulary import CodedConcept

_T = TypeVar("_T")
#: Designators that meant SNOMED RT over the years (PS3.16 8.1.1).
_SNOMED_RT: Final = frozenset({"SRT", "SNM3", "99SDM"})


def same(one: CodedConcept, other: CodedConcept) -> bool:
    """Whether two codes stand for one concept, whatever their meanings say."""
    if one.value == other.value and one.scheme == other.scheme:
        return True
    if one.scheme not in _SNOMED_RT and other.scheme not in _SNOMED_RT:
        return False
    return bool(_code(one) == _code(other))


def one_of(code: CodedConcept | None, others: Iterable[CodedConcept]) -> bool:
    """Whether a code stands for one of these concepts."""
    return code is not None and any(same(code, other) for other in others)


def key_of(code: CodedConcept | None, table: Mapping[_T, CodedConcept]) -> _T | None:
    """Return what a table calls a concept, or None when it does not know it."""
    if code is None:
        return None
    return next((key for key, value in table.items() if same(code, value)), None)


def _code(code: CodedConcept) -> Code:
    scheme = "SRT" if code.scheme in _SNOMED_RT else code.scheme
    return Code(code.value, scheme, "")
