"""What ``--truth`` may name: a CSV file, a data set, or phantoms."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate import datasets, phantoms, table
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.samples import ListedTruth, Truth


def open_truth(
    words: str,
    *,
    data: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    skip_missing: bool = False,
) -> Truth:
    """Find out what the words name, and read it.

    Parameters
    ----------
    words : str
        A CSV file, the name of a data set, or ``phantom:FIRST-LAST``.
    data : Path, optional
        Root of the data set, or of the paths in the CSV file.
    split : str, optional
        Only images of this part, as the data set's own split calls it.
    limit : int, optional
        Only the first so many patients.
    skip_missing : bool
        Leave images out that are not there.

    Raises
    ------
    GroundTruthError
        Saying what is wrong and what is known.
    """
    if words.startswith("phantom"):
        if split is not None:
            raise GroundTruthError(f"{words}: phantoms have no parts: --split goes with tables")
        made = phantoms.parse(words)
        studies = made.studies if limit is None else min(limit, made.studies)
        return phantoms.PhantomTruth(made.name, made.first_seed, studies, made.options)
    records = _records(words, data, skip_missing=skip_missing)
    if split is not None:
        records = _of_split(records, split)
    if limit is not None:
        names = list(dict.fromkeys(record.patient for record in records))[:limit]
        records = [record for record in records if record.patient in set(names)]
    if not records:
        raise GroundTruthError(f"{words}: there is no image in it")
    return ListedTruth(words if split is None else f"{words}, {split}", records)


def _records(words: str, data: Path | None, *, skip_missing: bool) -> list[ImageRecord]:
    if words in datasets.READERS:
        if data is None:
            raise GroundTruthError(f"{words}: --data must name the folder of the data set")
        return datasets.load(words, data, skip_missing=skip_missing)
    path = Path(words)
    if not path.is_file():
        known = ", ".join(datasets.READERS)
        raise GroundTruthError(
            f"{words}: is no file, and no data set ({known}); phantoms are phantom:FIRST-LAST"
        )
    records = table.read(path, data)
    missing = [r for r in records if r.path is not None and not r.path.is_file()]
    if missing and not skip_missing:
        raise GroundTruthError(
            f"{path}: {len(missing)} of {len(records)} images are not there; the first is"
            f" {missing[0].path}. Name the folder that the paths start from with --data, or leave"
            " them out with --skip-missing"
        )
    return [r for r in records if r.path is None or r.path.is_file()]


def _of_split(records: list[ImageRecord], split: str) -> list[ImageRecord]:
    found = [record for record in records if record.split == split]
    if not found:
        parts = Counter(record.split for record in records)
        known = ", ".join(f"{part} ({count})" for part, count in parts.items() if part)
        raise GroundTruthError(
            f"--split {split}: there is no such part ({known or 'there are none'})"
        )
    return found
