"""Where in its breast a finding lies, as a measurement group says it (PS3.16 TID 1410, 1419)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from highdicom.sr import FindingSite, Measurement, QualitativeEvaluation

from mammo_node.encode import anatomy, codes
from mammo_node.vocabulary import CodedConcept, Laterality, Location

_MM_DECIMALS: Final = 2


def finding_site(laterality: Laterality | None, location: Location | None = None) -> FindingSite:
    """Return the breast, with side and part of it as modifiers, as far as they are known."""
    side = codes.LATERALITIES.get(laterality) if laterality else None
    part = anatomy.QUADRANTS.get(location.quadrant) if location and location.quadrant else None
    return FindingSite(
        anatomic_location=codes.sr_concept(codes.BREAST),
        laterality=codes.sr_concept(side) if side else None,
        topographical_modifier=codes.sr_concept(part) if part else None,
    )


def evaluations(location: Location | None) -> list[QualitativeEvaluation]:
    """Return clock face and depth, for which the site has no row."""
    return [
        QualitativeEvaluation(codes.sr_concept(name), codes.sr_concept(value))
        for name, value in _coded(location)
    ]


def _coded(location: Location | None) -> Iterator[tuple[CodedConcept, CodedConcept]]:
    if location is not None and location.clock is not None:
        yield anatomy.CLOCKFACE, anatomy.CLOCK[location.clock]
    if location is not None and location.depth is not None:
        yield anatomy.DEPTH, anatomy.DEPTHS[location.depth]


def distances(location: Location | None) -> list[Measurement]:
    """Return the distances to nipple and skin in mm."""
    if location is None:
        return []
    found = zip(anatomy.DISTANCES, (location.nipple_mm, location.skin_mm), strict=True)
    return [
        Measurement(
            name=codes.sr_concept(name),
            value=round(value_mm, _MM_DECIMALS),
            unit=codes.sr_concept(codes.MILLIMETER),
        )
        for name, value_mm in found
        if value_mm is not None
    ]
