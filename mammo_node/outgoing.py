"""From a study's result to the files that may leave: made kind by kind, then judged.

Rules:

* One kind that cannot be made takes none of the others with it.
* What is judged are the bytes that would leave; what is not valid is held back, and so is
  what refers to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydicom.dataset import Dataset

from mammo_node.encode import modules
from mammo_node.encode.objects import EncodedObject, Equipment, PriorResult
from mammo_node.encode.study import encode_study
from mammo_node.encode.validity import Context, complaints, summary
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import InstanceRef, OutputKind, StudyResult, ViewPicture


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One result object as a PS3.10 file."""

    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    content: bytes
    held_back: str | None = None
    """What is wrong with it, if it must not leave."""


@dataclass(frozen=True, slots=True)
class Unmade:
    """A kind of object that could not be made, and why."""

    kind: OutputKind
    reason: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What came of encoding."""

    files: tuple[ResultFile, ...]
    unmade: tuple[Unmade, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """What result objects are made from, and may speak of."""

    headers: Mapping[str, Dataset]
    """Source headers without pixels by SOP Instance UID."""
    instances: tuple[InstanceRef, ...]
    """Every image of the study, also those without a readable header."""
    predecessors: tuple[PriorResult, ...]
    pictures: Mapping[str, ViewPicture]


def make(
    result: StudyResult,
    sources: Sources,
    outputs: Collection[OutputKind],
    equipment: Equipment,
    content_datetime: datetime,
) -> Outgoing:
    """Encode a result into each kind that is wanted, and judge what was made.

    Raises
    ------
    EncodingError
        If there is no header at all, or nothing of what is wanted can be made.
    """
    files: list[ResultFile] = []
    unmade: list[Unmade] = []
    for kind in (kind for kind in OutputKind if kind in outputs):
        try:
            files += _made(kind, result, sources, equipment, content_datetime)
        except EncodingError as error:
            if not sources.headers:
                raise
            unmade.append(Unmade(kind, str(error)))
    if unmade and not files:
        raise EncodingError(unmade[0].reason)
    return Outgoing(tuple(judged(files, result.study_instance_uid, sources)), tuple(unmade))


def _made(
    kind: OutputKind,
    result: StudyResult,
    sources: Sources,
    equipment: Equipment,
    content_datetime: datetime,
) -> list[ResultFile]:
    objects = encode_study(
        result,
        sources.headers,
        (kind,),
        equipment=equipment,
        content_datetime=content_datetime,
        predecessors=sources.predecessors,
        pictures=sources.pictures,
    )
    return [_file(encoded) for encoded in objects]


def _file(encoded: EncodedObject) -> ResultFile:
    return ResultFile(
        kind=encoded.kind,
        sop_class_uid=encoded.sop_class_uid,
        sop_instance_uid=encoded.sop_instance_uid,
        series_instance_uid=encoded.series_instance_uid,
        content=encoded.to_bytes(),
    )


def judged(
    files: Sequence[ResultFile], study_instance_uid: str, sources: Sources
) -> Iterator[ResultFile]:
    """Return the files, those that must not leave with the reason."""
    reasons: dict[str, str] = {}
    while True:
        known = _known(sources, [f for f in files if f.sop_instance_uid not in reasons])
        copied = (*modules.REQUIRED, *modules.OPTIONAL)
        context = Context(study_instance_uid, known, copied)
        found = {
            file.sop_instance_uid: summary(wrong)
            for file in files
            if file.sop_instance_uid not in reasons and (wrong := complaints(file.content, context))
        }
        if not found:
            break
        reasons |= found  # what refers to these may not leave either
    for file in files:
        yield replace(file, held_back=reasons.get(file.sop_instance_uid))


def _known(sources: Sources, files: Sequence[ResultFile]) -> dict[str, str]:
    """Return what may be referred to: received, sent before, or leaving now."""
    known = {ref.sop_instance_uid: ref.sop_class_uid for ref in sources.instances}
    known |= {prior.sop_instance_uid: prior.sop_class_uid for prior in sources.predecessors}
    return known | {file.sop_instance_uid: file.sop_class_uid for file in files}
