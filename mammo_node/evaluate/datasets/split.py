"""Who is trained on, who is tuned on, who is tested on: by patient, and the same every time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mammo_node.evaluate.records import ImageRecord

TEST = "test"


@dataclass(frozen=True, slots=True)
class Split:
    """Records of three groups without a patient in common."""

    training: tuple[ImageRecord, ...]
    validation: tuple[ImageRecord, ...]
    test: tuple[ImageRecord, ...]


def split_by_patient(
    records: Sequence[ImageRecord],
    *,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
) -> Split:
    """Split a data set.

    A patient's group comes from a hash of seed and name: adding patients moves none of the others.
    Where the data set has an official split it holds: `test` is then not used. A patient who
    stands in both of its parts (CBIS-DDSM has some) is tested on, and not trained on.

    Parameters
    ----------
    records
        Of one data set.
    validation, test
        Shares of the patients, 0 to 1; `validation` of those not tested on.
    seed
        Another seed, another split.
    """
    tested = {record.patient for record in records if record.split == TEST}
    official = any(record.split is not None for record in records)
    groups: dict[str, list[ImageRecord]] = {"training": [], "validation": [], "test": []}
    for record in records:
        if official and record.patient in tested:
            # Only its official test images: figures must compare with those of other people.
            if record.split == TEST:
                groups["test"].append(record)
            continue
        drawn = _share(record.patient, seed, "test")
        if not official and drawn < test:
            groups["test"].append(record)
        elif _share(record.patient, seed, "validation") < validation:
            groups["validation"].append(record)
        else:
            groups["training"].append(record)
    return Split(*(tuple(groups[name]) for name in ("training", "validation", "test")))


def _share(patient: str, seed: int, purpose: str) -> float:
    digest = hashlib.sha256(f"{seed} {purpose} {patient}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
