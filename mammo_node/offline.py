"""Without a node: DICOM files in; result objects, JSON and overlays out."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset

from mammo_node.encode.extract import extract
from mammo_node.encode.overlay import render_overlay, write_overlay
from mammo_node.encode.summary import study_json
from mammo_node.errors import ConfigurationError, ImageError
from mammo_node.header import attributes
from mammo_node.header.part10 import dataset_offset
from mammo_node.image.presentation import render
from mammo_node.image.reader import read_header, read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.pipeline import Answer, Pipeline, SpooledInstance, StudyRequest
from mammo_node.vocabulary import (
    InstanceRef,
    OutputKind,
    Refusal,
    StudyResult,
    ViewResult,
    VoiKind,
)

_IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found under the given paths."""

    studies: Mapping[str, tuple[SpooledInstance, ...]]
    """By Study Instance UID, each in order of SOP Instance UID."""
    skipped: tuple[Path, ...]
    """Files that are not DICOM, or say not who they are."""


def gather(paths: Sequence[Path], progress: Callable[[], None] = lambda: None) -> Gathered:
    """Find the DICOM instances in files and, recursively, folders; a second copy is left out.

    Raises
    ------
    ConfigurationError
        If a path does not exist.
    """
    studies: dict[str, dict[str, SpooledInstance]] = defaultdict(dict)
    skipped = []
    for path in existing_files(paths):
        instance = identify(path)
        progress()
        if instance is None:
            skipped.append(path)
        else:
            studies[instance.ref.study_instance_uid][instance.ref.sop_instance_uid] = instance
    ordered = {
        study: tuple(found[uid] for uid in sorted(found)) for study, found in studies.items()
    }
    return Gathered(ordered, tuple(skipped))


def existing_files(paths: Sequence[Path]) -> list[Path]:
    """Return the named files, and all in the named folders, in order.

    Raises
    ------
    ConfigurationError
        If a path does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: there is no such file or folder")
        files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return files


def identify(path: Path) -> SpooledInstance | None:
    """Return which instance a file is, or None if it is none."""
    try:
        header = read_header(path)
    except (ImageError, OSError):
        return None
    uids = [attributes.text(header, keyword) for keyword in _IDENTIFIERS]
    if not all(uids):
        return None
    sop_class, instance, study, series = (str(uid) for uid in uids)
    return SpooledInstance(
        InstanceRef(sop_class, instance, study, series, content_hash(path, header)), path
    )


def content_hash(path: Path, header: FileDataset) -> str:
    """Return the SHA-256 of the dataset as the network would carry it, without meta information."""
    meta = header.file_meta
    says_length = attributes.integer(meta, "FileMetaInformationGroupLength") is not None
    with path.open("rb") as file:
        file.seek(dataset_offset(meta) if says_length else 0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def analyse(
    pipeline: Pipeline,
    study_instance_uid: str,
    instances: Sequence[SpooledInstance],
    now: datetime,
) -> Answer:
    """Answer one study with every kind of output.

    Raises
    ------
    MammoNodeError
        As :meth:`Pipeline.answer`.
    """
    request = StudyRequest(
        study_instance_uid=study_instance_uid,
        generation=1,
        instances=tuple(instances),
        outputs=tuple(OutputKind),
        content_datetime=now,
    )
    return pipeline.answer(request)


def write_answer(
    answer: Answer, instances: Sequence[SpooledInstance], policy: Policy, folder: Path
) -> list[Path]:
    """Write result objects, ``result.json``, and what people open without a DICOM viewer.

    That is ``overview.png`` and ``report.pdf``, both as they are in the objects, and one
    overlay PNG for each analysed view. An object that is not valid is named ``held-back-...``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, file in enumerate(answer.files, start=1):
        held = "held-back-" if file.held_back is not None else ""
        path = folder / f"{held}{file.kind.value}-{number:02d}.dcm"
        path.write_bytes(file.content)
        written.append(path)
        written += write_extract(pydicom.dcmread(BytesIO(file.content)), folder)
    document = folder / "result.json"
    document.write_text(json.dumps(study_json(answer.result), indent=2) + "\n", encoding="utf-8")
    return [*written, document, *write_overlays(answer.result, instances, policy, folder)]


def write_extract(ds: Dataset, folder: Path) -> list[Path]:
    """Write the picture or document that a result object holds, if it holds one."""
    found = extract(ds)
    if found is None:
        return []
    path = folder / found.name
    path.write_bytes(found.content)
    return [path]


def write_overlays(
    result: StudyResult, instances: Sequence[SpooledInstance], policy: Policy, folder: Path
) -> list[Path]:
    """Draw the findings on each analysed view and return the PNGs."""
    files = {instance.ref.sop_instance_uid: instance for instance in instances}
    paths: list[Path] = []
    for view in result.views:
        if view.refusal is not None:
            continue
        path = folder / f"overlay-{len(paths) + 1:02d}-{view.laterality}-{view.view}.png"
        if draw(result, view, files[view.ref.sop_instance_uid], policy, path):
            paths.append(path)
    return paths


def draw(
    result: StudyResult, view: ViewResult, instance: SpooledInstance, policy: Policy, path: Path
) -> bool:
    """Draw one view; return whether its image could be read."""
    image = read_mammogram(instance.path, instance.ref, policy)
    if isinstance(image, Refusal):
        return False
    write_overlay(path, render_overlay(render(image, VoiKind.WINDOW), result, view))
    return True
