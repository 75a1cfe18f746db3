"""Words that several data sets share, and what they mean here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.records import Density, ImageRecord
from mammo_node.vocabulary import Laterality, View

SIDES = MappingProxyType(
    {
        "L": Laterality.LEFT,
        "LEFT": Laterality.LEFT,
        "R": Laterality.RIGHT,
        "RIGHT": Laterality.RIGHT,
    }
)
VIEWS = MappingProxyType({view.value: view for view in View})
DENSITIES: Mapping[str, Density | None] = MappingProxyType(
    {
        # Met in CBIS-DDSM: nobody read it.
        "0": None,
        **{category.value: category for category in Density},
        **{f"DENSITY {category}": category for category in Density},
        **dict(zip("1234", Density, strict=True)),
    }
)
"""ACR composition as letters or as the older numbers 1 to 4."""

_SUSPICIOUS = "456"
_NOT_SUSPICIOUS = "123"


def suspicious(assessment: str) -> bool | None:
    """Return whether a BI-RADS assessment says malignant; None for 0 or none.

    Takes `4a`, `BI-RADS 4` and the like.
    """
    digits = [character for character in assessment if character.isdigit()]
    if len(digits) != 1:
        return None
    if digits[0] in _SUSPICIOUS:
        return True
    return False if digits[0] in _NOT_SUSPICIOUS else None


def present(records: list[ImageRecord], *, skip_missing: bool) -> list[ImageRecord]:
    """Return the records whose image is there.

    Raises
    ------
    GroundTruthError
        If one is missing and may not be, or if none is there.
    """
    found = [record for record in records if record.path is not None and record.path.is_file()]
    missing = [record for record in records if record.path is None or not record.path.is_file()]
    if missing and (not skip_missing or not found):
        first = missing[0]
        raise GroundTruthError(
            f"{len(missing)} of {len(records)} images are not there; the first is"
            f" {first.path or first.image_id}. Check the folder, or leave them out with"
            " --skip-missing"
        )
    return found
