"""The one way in: a study's result and its source headers become result objects."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.encode import gsps, keyobjects, modules, segmentation, source, sr, statement
from mammo_node.encode.cad.report import cad_reports
from mammo_node.encode.identity import result_identity
from mammo_node.encode.modules import Common
from mammo_node.encode.objects import EncodedObject, Equipment, PriorResult, quiet
from mammo_node.encode.overview import capture
from mammo_node.encode.pdf import encapsulated
from mammo_node.errors import EncodingError
from mammo_node.header import attributes
from mammo_node.vocabulary import (
    Finding,
    InstanceRef,
    Location,
    OutputKind,
    StudyResult,
    ViewPicture,
)

__all__ = ["EncodedObject", "Equipment", "PriorResult", "encode_study"]

Encoder = Callable[[StudyResult, Common, Sequence[PriorResult]], Iterable[Dataset]]


def _report(
    result: StudyResult, common: Common, predecessors: Sequence[PriorResult]
) -> list[Dataset]:
    return [sr.report(result, common, predecessors)]


def _presentation_states(
    result: StudyResult, common: Common, _: Sequence[PriorResult]
) -> list[Dataset]:
    return gsps.presentation_states(result, common)


#: What makes each kind; predecessors are those of the same kind.
_ENCODERS: Final[Mapping[OutputKind, Encoder]] = MappingProxyType(
    {
        OutputKind.SR: _report,
        OutputKind.GSPS: _presentation_states,
        OutputKind.OVERVIEW: capture.overviews,
        OutputKind.PDF: encapsulated.reports,
        OutputKind.SEG: segmentation.segmentations,
        OutputKind.CAD_SR: cad_reports,
        OutputKind.KEY_OBJECTS: keyobjects.key_objects,
    }
)


def encode_study(
    result: StudyResult,
    headers: Mapping[str, Dataset],
    outputs: Collection[OutputKind],
    *,
    equipment: Equipment,
    content_datetime: datetime,
    predecessors: Sequence[PriorResult] = (),
    pictures: Mapping[str, ViewPicture] = MappingProxyType({}),
) -> tuple[EncodedObject, ...]:
    """Make the result objects of a study.

    Parameters
    ----------
    result : StudyResult
        The answer, of any outcome.
    headers : mapping of str to Dataset
        Source headers without pixel data by SOP Instance UID. Patient and study are taken
        from that of the first view (of the first by UID where there are no views).
    outputs : collection of OutputKind
        Which kinds to make.
    equipment : Equipment
        Who makes them.
    content_datetime : datetime
        Content date and time of all objects. UIDs do not depend on it: pass the same one
        for the same study and generation, so that the same UID means the same bytes.
    predecessors : sequence of PriorResult
        Results made for the study before; a new object names those of its own kind.
    pictures : mapping of str to ViewPicture
        By SOP Instance UID; an image without one is spoken of in words alone.

    Returns
    -------
    tuple of EncodedObject
        In the order of :class:`OutputKind`: the report first, then one presentation state
        per image that can have one, and so on. The same arguments give the same bytes.

    Raises
    ------
    EncodingError
        If there is no header at all, a finding has a number that is none, or an object
        cannot be built. The message has no patient data; its cause may.
    """
    if not headers:
        raise EncodingError(
            f"study {result.study_instance_uid}: no source header, so no patient to answer for"
        )
    _check(result)
    try:
        with quiet():
            common = _common(result, headers, equipment, content_datetime, pictures)
            return tuple(_objects(result, common, outputs, predecessors))
    except attributes.MALFORMED as error:
        # Their text may quote a patient's name, so it stays in the cause.
        raise EncodingError(
            f"study {result.study_instance_uid}: cannot be encoded ({type(error).__name__})"
        ) from error


def _check(result: StudyResult) -> None:
    for view in result.views:
        for index, finding in enumerate(view.findings):
            if not _is_possible(finding):
                name = statement.finding_name(result, view, index)
                raise EncodingError(
                    f"study {result.study_instance_uid}: finding {name}: score must be 0 to 1,"
                    " box, size and place finite numbers"
                )
    scores = [score.score for view in result.views for score in view.scores]
    scores += [p for density in result.densities for p in density.probabilities]
    scores += [assessment.score for assessment in result.assessments]
    if not all(0.0 <= score <= 1.0 for score in scores):
        raise EncodingError(
            f"study {result.study_instance_uid}: scores of images and breasts must be 0 to 1"
        )


def _is_possible(finding: Finding) -> bool:
    location, agreement = finding.location or Location(), finding.agreement
    scores = [finding.score, agreement.score_before if agreement else 0.0]
    sizes = (finding.long_axis_mm, location.nipple_mm, location.skin_mm)
    numbers = [*astuple(finding.box_px), *(size or 0.0 for size in sizes)]
    return all(0.0 <= score <= 1.0 for score in scores) and all(map(math.isfinite, numbers))


def _common(
    result: StudyResult,
    headers: Mapping[str, Dataset],
    equipment: Equipment,
    content_datetime: datetime,
    pictures: Mapping[str, ViewPicture],
) -> Common:
    headers = {uid: source.untouched(header) for uid, header in headers.items()}
    references = tuple(_references(result, headers))
    in_views = {view.ref.sop_instance_uid for view in result.views}
    others = [r.sop_instance_uid for r in references if r.sop_instance_uid not in in_views]
    header = _study_header(references, headers)
    return Common(
        header=header,
        raw_texts=source.raw_texts(header, (*modules.REQUIRED, *modules.OPTIONAL)),
        headers=headers,
        references=references,
        identity=result_identity(result, others, equipment.device_uid, equipment.software_version),
        equipment=equipment,
        models=result.models,
        content_datetime=content_datetime,
        generation=result.generation,
        pictures=pictures,
    )


def _objects(
    result: StudyResult,
    common: Common,
    outputs: Collection[OutputKind],
    predecessors: Sequence[PriorResult],
) -> Iterator[EncodedObject]:
    for kind in OutputKind:
        if kind in outputs and kind in _ENCODERS:
            prior = [p for p in predecessors if p.kind is kind]
            for ds in _ENCODERS[kind](result, common, prior):
                yield _object(kind, ds)


def _object(kind: OutputKind, ds: Dataset) -> EncodedObject:
    return EncodedObject(kind, ds, str(ds.SOPClassUID), str(ds.SOPInstanceUID))


def _references(result: StudyResult, headers: Mapping[str, Dataset]) -> list[InstanceRef]:
    """Return the images that the answer speaks of; those of the headers if there is no view.

    Headers that do not say class and series cannot be referred to; the answer does not
    depend on them.
    """
    if result.views:
        return list({view.ref.sop_instance_uid: view.ref for view in result.views}.values())
    found = (
        InstanceRef(
            sop_class_uid=source.source_value(header, "SOPClassUID") or "",
            sop_instance_uid=uid,
            study_instance_uid=result.study_instance_uid,
            series_instance_uid=source.source_value(header, "SeriesInstanceUID") or "",
            content_hash="",
        )
        for uid, header in sorted(headers.items())
    )
    return [ref for ref in found if ref.sop_class_uid and ref.series_instance_uid]


def _study_header(references: Sequence[InstanceRef], headers: Mapping[str, Dataset]) -> Dataset:
    for ref in references:
        if ref.sop_instance_uid in headers:
            return headers[ref.sop_instance_uid]
    return headers[min(headers)]
