"""From studies to a folder of crops, study by study; what is there already is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mammo_node.crops.cutting import BREASTS, IMAGES, LABELS, MASKS, Settings, cut_image
from mammo_node.crops.index import write_index
from mammo_node.crops.pseudonym import pseudonym
from mammo_node.crops.record import Crop, StudyRecord, load, save
from mammo_node.crops.sources import Opened, Source
from mammo_node.errors import CropsError, MammoNodeError
from mammo_node.header import attributes
from mammo_node.image.reader import read_header, read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import Refusal

RECORDS = "records"
#: Stamp of a record whose crops are being made anew: of no settings, and in no index.
UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of it."""

    studies: int = 0
    there_before: int = 0
    crops: int = 0
    failures: tuple[str, ...] = ()
    """One line for each study that could not be done: its UID and why."""


def collect(
    sources: Iterable[Source],
    settings: Settings,
    policy: Policy,
    folder: Path,
    progress: Callable[[], None] = lambda: None,
) -> Collected:
    """Cut the lesions of all studies out, and write the index.

    A study that fails is told of and left out; the others are made all the same. When this is
    cut short, what was made stands in the records, and the next call goes on after it.

    Raises
    ------
    CropsError
        If the folder cannot be written, or holds something else.
    """
    done = before = 0
    failures: list[str] = []
    try:
        for source in sources:
            path = folder / RECORDS / f"{pseudonym(source.study_instance_uid)}.json"
            stamp, old = f"{source.stamp}; {settings.stamp}", load(path)
            if _is_there(old, source, stamp):
                before += 1
            else:
                try:
                    with source.opened() as study:
                        if old is not None:  # its pictures are overwritten from here on
                            save(replace(old, stamp=UNFINISHED), path)
                        record = _record(study, stamp, settings, policy, folder)
                    save(record, path)
                    _sweep(folder, old, record)
                    done += 1
                except CropsError:
                    raise
                except MammoNodeError as error:
                    failures.append(f"{source.study_instance_uid}: {error}")
            progress()
    finally:
        records = all_records(folder)
        write_index(folder, records)
    crops = sum(len(record.crops) for record in records)
    return Collected(done + before, before, crops, tuple(failures))


def all_records(folder: Path) -> list[StudyRecord]:
    """Return the records of a folder whose crops are all there, in the order of their names."""
    found = map(load, sorted((folder / RECORDS).glob("*.json")))
    return [record for record in found if record is not None and record.stamp != UNFINISHED]


def _is_there(record: StudyRecord | None, source: Source, stamp: str) -> bool:
    if record is None or record.stamp != stamp:
        return False
    return set(record.instances) == set(map(pseudonym, source.sop_instance_uids))


def _sweep(folder: Path, old: StudyRecord | None, new: StudyRecord) -> None:
    """Delete crops of an earlier run that are none any more."""
    left = {crop.name for crop in old.crops} if old else set()
    for name in left - {crop.name for crop in new.crops}:
        for kind in (IMAGES, MASKS, BREASTS):
            (folder / kind / f"{name}.png").unlink(missing_ok=True)
        (folder / LABELS / f"{name}.txt").unlink(missing_ok=True)


def _record(
    study: Opened, stamp: str, settings: Settings, policy: Policy, folder: Path
) -> StudyRecord:
    instances = {instance.ref.sop_instance_uid: instance for instance in study.instances}
    crops: list[Crop] = []
    analysed = 0
    for view in study.result.views:
        instance = instances.get(view.ref.sop_instance_uid)
        if view.refusal is not None or instance is None:
            continue
        image = read_mammogram(instance.path, instance.ref, policy)
        if isinstance(image, Refusal):
            continue
        analysed += 1
        said = attributes.text(read_header(instance.path), "BurnedInAnnotation")
        crops += cut_image(image, view, settings, folder, burned_in=said != "NO")
    return StudyRecord(
        stamp=stamp,
        instances=tuple(sorted(map(pseudonym, study.sop_instance_uids))),
        analysed=analysed,
        crops=tuple(crops),
    )
