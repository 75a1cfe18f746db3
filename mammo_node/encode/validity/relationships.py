"""Which content item may stand in which relationship to which other, by SOP class.

PS3.3 A.35.13 (Comprehensive 3D SR), A.35.5 (Mammography CAD SR), A.35.4 (Key Object Selection):
the tables of relationship content constraints, for the value types that we know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a constraint table; ``by_reference`` lists targets that may be referred to."""

    relationship: str
    sources: frozenset[str]
    targets: frozenset[str]
    by_reference: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rows of one SOP class, and the root template that it is used with."""

    template: str
    rows: tuple[Row, ...]

    def allow(
        self, source: str, relationship: str, target: str, *, by_reference: bool = False
    ) -> bool:
        """Tell whether a relationship is legal."""
        return any(
            row.relationship == relationship
            and source in row.sources
            and target in (row.by_reference if by_reference else row.targets)
            for row in self.rows
        )


_OBSERVATIONS = _words("TEXT CODE NUM")
_PLAIN = _words("TEXT CODE NUM DATETIME DATE TIME UIDREF PNAME")
_OBJECTS = _words("COMPOSITE IMAGE WAVEFORM")
_ANY = _PLAIN | _OBJECTS | _words("SCOORD CONTAINER")
_WITHOUT_CONTAINER = _ANY - _words("CONTAINER")

_COMPREHENSIVE_3D = Rules(
    "1500",
    (
        Row("CONTAINS", _words("CONTAINER"), _ANY, _WITHOUT_CONTAINER),
        Row(
            "HAS OBS CONTEXT",
            _OBSERVATIONS | _words("CONTAINER"),
            _PLAIN | _words("COMPOSITE"),
            _PLAIN | _words("COMPOSITE"),
        ),
        Row(
            "HAS ACQ CONTEXT",
            _OBJECTS | _words("CONTAINER NUM"),
            _PLAIN | _words("CONTAINER"),
            _PLAIN | _words("CONTAINER"),
        ),
        Row("HAS CONCEPT MOD", _ANY, _words("TEXT CODE")),
        Row("HAS PROPERTIES", _OBSERVATIONS, _ANY, _ANY),
        Row("HAS PROPERTIES", _words("PNAME"), _PLAIN - _words("NUM"), _PLAIN - _words("NUM")),
        Row("INFERRED FROM", _OBSERVATIONS, _ANY, _ANY),
        Row("SELECTED FROM", _words("SCOORD"), _words("IMAGE"), _words("IMAGE")),
    ),
)
_PROPERTIES = _words("CONTAINER TEXT CODE NUM DATE IMAGE SCOORD UIDREF")
_INFERENCES = _words("CODE NUM SCOORD CONTAINER TEXT IMAGE")
_MAMMOGRAPHY_CAD = Rules(
    "4000",
    (
        Row("CONTAINS", _words("CONTAINER"), _words("CODE NUM SCOORD IMAGE CONTAINER TEXT DATE")),
        Row(
            "HAS OBS CONTEXT",
            _OBSERVATIONS | _words("CONTAINER"),
            _words("TEXT CODE NUM DATE TIME PNAME UIDREF COMPOSITE"),
        ),
        Row("HAS ACQ CONTEXT", _words("IMAGE"), _words("TEXT CODE DATE TIME NUM")),
        Row("HAS CONCEPT MOD", _words("CONTAINER CODE NUM COMPOSITE"), _words("TEXT CODE")),
        Row("HAS PROPERTIES", _OBSERVATIONS, _PROPERTIES, _PROPERTIES),
        Row("INFERRED FROM", _words("CODE NUM"), _INFERENCES, _INFERENCES),
        Row("SELECTED FROM", _words("SCOORD"), _words("IMAGE"), _words("IMAGE")),
    ),
)
_KEY_OBJECTS = Rules(
    "2010",
    (
        Row("CONTAINS", _words("CONTAINER"), _OBJECTS | _words("TEXT")),
        Row("HAS OBS CONTEXT", _words("CONTAINER"), _words("TEXT CODE UIDREF PNAME")),
        Row("HAS CONCEPT MOD", _words("CONTAINER"), _words("CODE")),
    ),
)

#: SOP Class UID -> rules.
RULES: Final[Mapping[str, Rules]] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.88.34": _COMPREHENSIVE_3D,
        "1.2.840.10008.5.1.4.1.1.88.50": _MAMMOGRAPHY_CAD,
        "1.2.840.10008.5.1.4.1.1.88.59": _KEY_OBJECTS,
    }
)
