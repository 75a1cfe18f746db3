"""Which breast: Image Laterality and what stands in for it.

A finding in the wrong breast is the worst answer there is, so image-level attributes that
contradict each other give no laterality at all. The series-level Laterality (0020,0060) is
heard only when no image-level attribute speaks: a series may hold both breasts, and
modalities are known to leave the first image's side there.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from mammo_node.header import attributes
from mammo_node.vocabulary import Laterality

#: CID 244 Laterality, as Anatomic Region Modifier: SNOMED CT and its older SNOMED-RT codes.
_LATERALITY_CODES = {
    "24028007": Laterality.RIGHT,
    "G-A100": Laterality.RIGHT,
    "7771000": Laterality.LEFT,
    "G-A101": Laterality.LEFT,
}
_LATERALITY_VALUES = {"R": Laterality.RIGHT, "L": Laterality.LEFT}
#: Image Laterality 'B': both breasts in one image (cleavage view); no single side.
_BOTH = "B"


@dataclass(frozen=True, slots=True)
class LateralityEvidence:
    """The side, or why there is none.

    ``laterality`` is None when nothing says it, when it is both, or when sources conflict;
    ``conflict`` and ``both`` tell these apart.
    """

    laterality: Laterality | None
    conflict: bool = False
    both: bool = False


def laterality_evidence(ds: Dataset) -> LateralityEvidence:
    """Weigh what the header says about the side (PS3.3 C.8.11.7, C.7.3.1, C.7.6.16.2.8)."""
    found = _image_level(ds) or _series_level(ds)
    if _BOTH in found:
        return LateralityEvidence(None, both=True)
    if len(found) > 1:
        return LateralityEvidence(None, conflict=True)
    return LateralityEvidence(_LATERALITY_VALUES[found.pop()] if found else None)


def _image_level(ds: Dataset) -> set[str]:
    found = {attributes.text(ds, "ImageLaterality")}
    for group in attributes.functional_groups(ds):
        for anatomy in attributes.items(group, "FrameAnatomySequence"):
            found.add(attributes.text(anatomy, "FrameLaterality"))
    for region in attributes.items(ds, "AnatomicRegionSequence"):
        for code, _ in attributes.codes(region, "AnatomicRegionModifierSequence"):
            found.add(_LATERALITY_CODES.get(code))
    return _known(found)


def _series_level(ds: Dataset) -> set[str]:
    return _known({attributes.text(ds, "Laterality")})


def _known(found: set[str | None]) -> set[str]:
    return {side for side in found if side in _LATERALITY_VALUES or side == _BOTH} - {None}
