"""Read our own reports back: what a receiver gets out of them, and how tests know it.

Works on the content tree alone, so it also shows that nothing needed stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from mammo_node.encode import codes
from mammo_node.errors import EncodingError
from mammo_node.header import attributes
from mammo_node.vocabulary import Box, CodedConcept, Laterality

_SIDES = {code.value: side for side, code in codes.LATERALITIES.items()}
_PLANAR_ROI = "1410"
_MEASUREMENT_REPORT = "1500"
_HASH_PREFIX = "sha256="


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """One lesion as the report says it.

    ``box_px`` bounds the region; ``score`` is 0..1 to six decimals, ``long_axis_mm`` has two.
    """

    name: str
    label: str
    concept: CodedConcept
    score: float
    box_px: Box
    region_px: tuple[tuple[float, float], ...]
    centre_px: tuple[float, float]
    long_axis_mm: float | None
    laterality: Laterality | None
    tracking_uid: str
    sop_instance_uid: str
    model_name: str
    model_version: str
    model_sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to a study as the report says it.

    ``without_findings`` are the images analysed without findings, ``not_analysed`` those
    that the report says nothing about, both by SOP Instance UID.
    """

    processing_summary: CodedConcept
    status: CodedConcept
    conclusion: str
    comments: tuple[str, ...]
    images: tuple[str, ...]
    findings: tuple[ReportedFinding, ...]
    without_findings: tuple[str, ...]
    not_analysed: tuple[str, ...]


def parse_report(ds: Dataset) -> Report:
    """Read a report made by :func:`mammo_node.encode.sr.report`.

    Raises
    ------
    EncodingError
        If the dataset is not such a report, or lacks one of its mandatory parts.
    """
    if _template(ds) != _MEASUREMENT_REPORT:
        raise EncodingError("not a Measurement Report: its root template is not TID 1500")
    try:
        return _report(ds)
    except (AttributeError, IndexError, KeyError, ValueError, StopIteration) as error:
        raise EncodingError(f"not one of our Measurement Reports: {error!r}") from error


def _report(ds: Dataset) -> Report:
    answer = _child(ds, codes.QUALITATIVE_EVALUATIONS)
    library = next(_children(ds, codes.IMAGE_LIBRARY), Dataset())
    entries = next(_children(library, codes.IMAGE_LIBRARY_GROUP), Dataset())
    measurements = next(_children(ds, codes.IMAGING_MEASUREMENTS), Dataset())
    groups = list(_children(measurements, codes.MEASUREMENT_GROUP))
    lesions = [group for group in groups if _template(group) == _PLANAR_ROI]
    whole = [group for group in groups if _template(group) != _PLANAR_ROI]
    return Report(
        processing_summary=_code(_child(answer, codes.PROCESSING_SUMMARY)),
        status=_code(_child(answer, codes.SUMMARY_OF_DETECTIONS)),
        conclusion=str(_child(answer, codes.CONCLUSION).TextValue),
        comments=tuple(str(c.TextValue) for c in _children(answer, codes.COMMENT)),
        images=tuple(_image(entry) for entry in _children(entries, codes.SOURCE)),
        findings=tuple(map(_finding, lesions)),
        without_findings=_images_with(whole, codes.ALL_SUCCEEDED_NO_FINDINGS),
        not_analysed=_images_with(whole, codes.NONE_SUCCEEDED),
    )


def _finding(group: Dataset) -> ReportedFinding:
    name, _, label = str(_child(group, codes.TRACKING_IDENTIFIER).TextValue).partition(": ")
    region = _child(group, codes.IMAGE_REGION)
    points = _points(region)
    parameters = [str(p.TextValue) for p in _children(group, codes.ALGORITHM_PARAMETERS)]
    hashes = [p.removeprefix(_HASH_PREFIX) for p in parameters if p.startswith(_HASH_PREFIX)]
    size = next(_children(group, codes.LONG_AXIS), None)
    return ReportedFinding(
        name=name,
        label=label,
        concept=_code(_child(group, codes.FINDING)),
        score=round(_number(_child(group, codes.CERTAINTY_OF_FINDING)) / 100, 6),
        box_px=_bounds(points),
        region_px=points[:-1],
        centre_px=_points(_child(group, codes.CENTER))[0],
        long_axis_mm=None if size is None else _number(size),
        laterality=_side(group),
        tracking_uid=str(_child(group, codes.TRACKING_UID).UID),
        sop_instance_uid=_image(_child(region, codes.SOURCE)),
        model_name=str(_child(group, codes.ALGORITHM_NAME).TextValue),
        model_version=str(_child(group, codes.ALGORITHM_VERSION).TextValue),
        model_sha256=hashes[0],
    )


def _children(item: Dataset, name: CodedConcept) -> Iterator[Dataset]:
    for child in attributes.items(item, "ContentSequence"):
        if (name.value, name.scheme) == _name(child):
            yield child


def _child(item: Dataset, name: CodedConcept) -> Dataset:
    found = next(_children(item, name), None)
    if found is None:
        raise EncodingError(f"not one of our Measurement Reports: it has no {name.meaning}")
    return found


def _name(item: Dataset) -> tuple[str, str]:
    name = item.ConceptNameCodeSequence[0]
    return str(name.CodeValue), str(name.CodingSchemeDesignator)


def _template(item: Dataset) -> str | None:
    found = attributes.items(item, "ContentTemplateSequence")
    return str(found[0].TemplateIdentifier) if found else None


def _code(item: Dataset) -> CodedConcept:
    code = item.ConceptCodeSequence[0]
    return CodedConcept(
        str(code.CodeValue), str(code.CodingSchemeDesignator), str(code.CodeMeaning)
    )


def _number(item: Dataset) -> float:
    return float(item.MeasuredValueSequence[0].NumericValue)


def _image(item: Dataset) -> str:
    return str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def _images_with(groups: list[Dataset], finding: CodedConcept) -> tuple[str, ...]:
    said = ((group, next(_children(group, codes.FINDING), None)) for group in groups)
    found = (group for group, what in said if what is not None and _code(what) == finding)
    return tuple(_image(_child(group, codes.SOURCE)) for group in found)


def _side(group: Dataset) -> Laterality | None:
    side = next(_children(_child(group, codes.FINDING_SITE), codes.LATERALITY), None)
    return None if side is None else _SIDES[_code(side).value]


def _points(item: Dataset) -> tuple[tuple[float, float], ...]:
    numbers = [float(number) for number in item.GraphicData]
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _bounds(points: tuple[tuple[float, float], ...]) -> Box:
    columns, rows = zip(*points, strict=True)
    return Box(min(columns), min(rows), max(columns), max(rows))
