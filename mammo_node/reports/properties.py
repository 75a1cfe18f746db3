"""What reports of both kinds say of a finding in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mammo_node.encode import anatomy, codes
from mammo_node.encode.cad import concepts
from mammo_node.encode.codes import concept
from mammo_node.header import attributes
from mammo_node.reports.found import Algorithm, Measured, Quality
from mammo_node.reports.same import key_of, one_of, same
from mammo_node.reports.tree import Item
from mammo_node.reports.tree import concept as concept_in
from mammo_node.vocabulary import CodedConcept

#: What counts as the score, the first of these that there is: certainty of finding, of
#: feature, probability of cancer.
_SCORES: Final = (
    codes.CERTAINTY_OF_FINDING,
    concept("111011", "DCM", "Certainty of Feature"),
    concept("111047", "DCM", "Probability of cancer"),
)
_TO_MM: Final = {"mm": 1.0, "cm": 10.0, "um": 0.001}
#: Names and codes that have a place of their own in :class:`ReadFinding`.
_ALGORITHM: Final = (codes.ALGORITHM_NAME, codes.ALGORITHM_VERSION, codes.ALGORITHM_PARAMETERS)
_OWN_PLACE: Final = (
    codes.FINDING,
    codes.FINDING_SITE,
    codes.TRACKING_IDENTIFIER,
    concepts.RENDERING_INTENT,
    concepts.SINGLE_IMAGE_FINDING,
    *_ALGORITHM,
)


def label_of(code: CodedConcept | None, name: str | None) -> str | None:
    """Return what our models call a finding; None for what they have no name for.

    A tracking identifier of ours ('R-MLO-1: mass') says it, where the code does not.
    """
    said = (name or "").rpartition(": ")[2]
    if said in codes.FINDINGS:
        return said
    # CID 6014 calls a mass in one image a density.
    return "mass" if one_of(code, (concepts.MASS_IN_ONE_IMAGE,)) else key_of(code, codes.FINDINGS)


def algorithm_of(items: Iterable[Item]) -> Algorithm:
    """Return who found it, from the items of TID 4019 among these."""
    found = [item for item in items if item.name is not None]
    texts = {
        name: [i.text for i in found if i.name and same(i.name, name) and i.text]
        for name in _ALGORITHM
    }
    names, versions, parameters = (texts[name] for name in _ALGORITHM)
    return Algorithm(
        names[0] if names else None, versions[0] if versions else None, tuple(parameters)
    )


def measured_in(items: Iterable[Item]) -> tuple[Measured, ...]:
    """Return the numbers among these items that have one."""
    return tuple(_measured(items))


def score_in(measured: Iterable[Measured]) -> float | None:
    """Return the score as 0..1; percent are divided, other units are taken as they are."""
    found = list(measured)
    for score in _SCORES:
        part = part_of(number for number in found if same(number.concept, score))
        if part is not None:
            return part
    return None


def part_of(numbers: Iterable[Measured]) -> float | None:
    """Return the first of these numbers as 0..1: percent are divided."""
    for number in numbers:
        scale = 100 if number.unit == codes.PERCENT.value or number.value > 1 else 1
        return round(number.value / scale, 6)
    return None


def size_in(measured: Iterable[Measured]) -> float | None:
    """Return the longest length in mm; a distance to something else is no size."""
    sizes = (n for n in measured if not one_of(n.concept, anatomy.DISTANCES))
    lengths = [mm for mm in map(millimetres, sizes) if mm is not None]
    return max(lengths, default=None)


def millimetres(number: Measured) -> float | None:
    """Return a length in mm; None for what is not one."""
    scale = _TO_MM.get(number.unit)
    return None if scale is None else number.value * scale


def qualities_in(items: Iterable[Item]) -> tuple[Quality, ...]:
    """Return the coded properties that have no place of their own."""
    return tuple(
        Quality(item.name, item.code)
        for item in items
        if item.value_type == "CODE"
        and item.name is not None
        and item.code is not None
        and not one_of(item.name, _OWN_PLACE)
    )


def words_in(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the texts that have no place of their own."""
    return tuple(
        item.text
        for item in items
        if item.value_type == "TEXT" and item.text and not one_of(item.name, _OWN_PLACE)
    )


def _measured(items: Iterable[Item]) -> Iterator[Measured]:
    for item in items:
        values = attributes.items(item.ds, "MeasuredValueSequence")
        number = attributes.number(values[0], "NumericValue") if values else None
        if item.name is not None and number is not None:
            unit = concept_in(values[0], "MeasurementUnitsCodeSequence")
            yield Measured(item.name, number, unit.value if unit else "")
