"""What the maps over the images show, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mammo_node.vocabulary import MapKind, ViewPicture

_MEANINGS: Final[Mapping[MapKind, str]] = MappingProxyType(
    {
        MapKind.SCORES: "how much each place scores",
        MapKind.GRADIENT: "what spoke for the findings",
        MapKind.OCCLUSION: "what a finding's score loses when a place is covered",
    }
)
_UNKNOWN: Final = "what made the models score"


def kinds_of(pictures: Mapping[str, ViewPicture]) -> tuple[MapKind, ...]:
    """Return which kinds of maps a study's pictures have, in the order of the kinds."""
    found = {kind for picture in pictures.values() for kind in picture.map_kinds}
    return tuple(kind for kind in MapKind if kind in found)


def named(kinds: tuple[MapKind, ...]) -> str:
    """Return 'relevance maps (gradient x input)', as far as it is known how they were made."""
    return f"relevance maps ({', '.join(kinds)})" if kinds else "relevance maps"


def explained(kinds: tuple[MapKind, ...]) -> str:
    """Return one sentence for below a picture: what its colours mean."""
    meanings = [f"{kind}, {_MEANINGS[kind]}" for kind in kinds] or [_UNKNOWN]
    return f"Relevance: {'; '.join(meanings)}. Brighter for more."


def maker(kinds: tuple[MapKind, ...], models: str) -> str:
    """Return the name of the algorithm that made a map: 'gradient x input of lesion-detector'."""
    return f"{', '.join(kinds)} of {models}" if kinds else models
