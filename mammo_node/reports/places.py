"""Where in its breast a finding lies: by the codes of a report, or by its words."""

from __future__ import annotations

from collections.abc import Iterable

from mammo_node.encode import anatomy, sentences
from mammo_node.reports.found import Measured, Quality
from mammo_node.reports.properties import millimetres
from mammo_node.reports.same import key_of, one_of, same
from mammo_node.reports.tree import Item
from mammo_node.vocabulary import CodedConcept, Location


def location_of(
    site: Item | None, qualities: Iterable[Quality], measured: Iterable[Measured]
) -> Location | None:
    """Return what the site, coded properties and distances of a finding tell of its place.

    The part of the breast may be the site itself, its topographical modifier (TID 1419), or a
    property of the finding (TID 4206).
    """
    said = list(qualities)
    modifiers = site.named(anatomy.TOPOGRAPHICAL_MODIFIER) if site else ()
    parts = [site.code if site else None, *(item.code for item in modifiers)]
    parts += _values(said, anatomy.QUADRANT_LOCATION, anatomy.CLOCKFACE)
    quadrants = (key_of(part, anatomy.QUADRANTS) for part in parts)
    hours = (key_of(part, anatomy.CLOCK) for part in parts)
    depths = (key_of(value, anatomy.DEPTHS) for value in _values(said, anatomy.DEPTH))
    numbers = list(measured)
    found = Location(
        next((quadrant for quadrant in quadrants if quadrant is not None), None),
        next((hour for hour in hours if hour is not None), None),
        next((depth for depth in depths if depth is not None), None),
        _distance(numbers, anatomy.DISTANCE_FROM_NIPPLE),
        _distance(numbers, anatomy.DISTANCE_FROM_SKIN),
    )
    return None if found == Location() else found


def of_finding(name: str | None, statements: Iterable[str]) -> tuple[str, ...]:
    """Return what a report's statements say of the finding with that tracking identifier."""
    short = (name or "").partition(": ")[0]
    if not short:
        return ()
    return tuple(said for words in statements for said in sentences.of_finding(short, words))


def location_in(words: Iterable[str]) -> Location | None:
    """Return the place that words of a finding say."""
    return next((found for found in map(sentences.location_in, words) if found), None)


def _values(qualities: Iterable[Quality], *names: CodedConcept) -> list[CodedConcept]:
    return [quality.value for quality in qualities if one_of(quality.concept, names)]


def _distance(measured: Iterable[Measured], name: CodedConcept) -> float | None:
    found = (millimetres(number) for number in measured if same(number.concept, name))
    return next((mm for mm in found if mm is not None), None)
