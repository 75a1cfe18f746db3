"""Specific Character Set (0008,0005): what it can carry, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.dataset import Dataset
from pydicom.valuerep import TEXT_VR_DELIMS

from mammo_node.header import attributes

#: VRs whose values are text in the Specific Character Set (PS3.5 6.2).
TEXT_VRS: Final = frozenset({"LO", "SH", "PN", "ST", "LT", "UT", "UC"})
_DEFAULT_REPERTOIRE = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
#: PS3.5 6.2: the single-byte default repertoire has this in every character set.
_REPLACEMENT = "?"


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """Specific Character Set of one object: its terms, none for ASCII."""

    terms: tuple[str, ...]

    @classmethod
    def parse(cls, value: str) -> Self:
        """Return the set of a value as it stands in DICOM: terms with backslashes between."""
        return cls(tuple(term.strip(" \0") for term in value.split("\\")))

    @classmethod
    def of(cls, ds: Dataset) -> Self:
        """Return the set that a dataset declares."""
        found = attributes.values(ds, "SpecificCharacterSet")
        return cls(tuple(str(term).strip(" \0") for term in found))

    def __str__(self) -> str:
        return "\\".join(self.terms) or "ASCII"

    @property
    def is_default(self) -> bool:
        """Whether it is the default repertoire, ASCII, alone."""
        return set(self.terms) <= _DEFAULT_REPERTOIRE

    def apply(self, ds: Dataset) -> None:
        """Declare it on a dataset."""
        if any(self.terms):
            ds.SpecificCharacterSet = list(self.terms) if len(self.terms) > 1 else self.terms[0]

    def can_carry(self, texts: Iterable[str]) -> bool:
        """Whether all of the texts come out of it as they went in."""
        # pydicom reads the default repertoire as Latin-1; the standard has ASCII only.
        if self.is_default:
            return all(text.isascii() for text in texts)
        encodings = convert_encodings(list(self.terms))
        # Each once: codes and their schemes stand in a report hundreds of times.
        return all(_survives(text, encodings) for text in set(texts))

    def legible(self, text: str) -> tuple[str, int]:
        """Return a text that the set can carry, and how many characters became ``?`` in it."""
        if self.can_carry([text]):
            return text, 0
        kept = [c if self.can_carry([c]) else _REPLACEMENT for c in text]
        return "".join(kept), sum(a != b for a, b in zip(kept, text, strict=True))


def _survives(text: str, encodings: Sequence[str]) -> bool:
    try:
        return decode_bytes(encode_string(text, encodings), encodings, TEXT_VR_DELIMS) == text
    except (UnicodeError, LookupError, ValueError):
        return False
