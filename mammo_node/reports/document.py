"""Reading one document: from its dataset to what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.encode import codes
from mammo_node.encode.cad import concepts
from mammo_node.encode.codes import concept
from mammo_node.encode.objects import quiet
from mammo_node.errors import NotAReport
from mammo_node.reports import properties, wholes
from mammo_node.reports.cad import cad_findings, images_detected, images_failed
from mammo_node.reports.found import ReadFinding, ReadImage, ReadReport
from mammo_node.reports.groups import (
    group_findings,
    images_not_analysed,
    images_without_findings,
)
from mammo_node.reports.images import Images, evidence, predecessors, read_images
from mammo_node.reports.lesions import numbered
from mammo_node.reports.same import one_of
from mammo_node.reports.tree import Item, one_line, read_tree
from mammo_node.vocabulary import CodedConcept

#: Root concepts of CAD reports: mammography, chest, colon (TID 4000, 4100, 4120).
_CAD_REPORTS: Final = (
    concepts.REPORT,
    concept("112000", "DCM", "Chest CAD Report"),
    concept("112220", "DCM", "Colon CAD Report"),
)
_MEASUREMENT_REPORTS: Final = (codes.IMAGING_MEASUREMENT_REPORT,)
#: Texts that speak of the whole study.
_STATEMENTS: Final = (concepts.IMPRESSION_DESCRIPTION, codes.CONCLUSION, codes.COMMENT)
#: Items that speak of a finding, or of what was done; and the context of the document.
_OF_SOMETHING_ELSE: Final = (
    codes.MEASUREMENT_GROUP,
    concepts.SINGLE_IMAGE_FINDING,
    concepts.COMPOSITE_FEATURE,
    codes.PROCEDURE_REPORTED,
    concepts.LANGUAGE,
    concept("121005", "DCM", "Observer Type"),
    concepts.DETECTION_PERFORMED,
    concepts.ANALYSIS_PERFORMED,
)
#: Codes that have a place of their own in :class:`ReadReport`.
_SUMMARIES: Final = (
    codes.PROCESSING_SUMMARY,
    codes.SUMMARY_OF_DETECTIONS,
    concepts.SUMMARY_OF_ANALYSES,
)


def read_report(ds: Dataset) -> ReadReport:
    """Read a report of findings, whoever wrote it.

    Raises
    ------
    NotAReport
        If it is no structured report, or one of something else than findings.
    """
    with quiet():
        return _report(ds)


def _report(ds: Dataset) -> ReadReport:
    tree = read_tree(ds)
    if tree.root.value_type != "CONTAINER" or not tree.root.children:
        raise NotAReport("it has no content tree: not a structured report")
    images = read_images(tree)
    statements = tuple(_statements(tree.root))
    findings = numbered((*cad_findings(images, statements), *group_findings(images)))
    if not findings and not _is_of_findings(tree.root):
        raise NotAReport(f"not a report of findings: {_called(tree.root)}")
    return ReadReport(
        title=tree.root.name,
        template=tree.root.template,
        sop_class_uid=one_line(ds, "SOPClassUID"),
        sop_instance_uid=one_line(ds, "SOPInstanceUID"),
        study_instance_uid=one_line(ds, "StudyInstanceUID"),
        manufacturer=one_line(ds, "Manufacturer"),
        model_name=one_line(ds, "ManufacturerModelName"),
        software_versions=one_line(ds, "SoftwareVersions"),
        completion_flag=one_line(ds, "CompletionFlag"),
        summary=_code(tree.root, codes.PROCESSING_SUMMARY),
        detections=_code(tree.root, codes.SUMMARY_OF_DETECTIONS),
        analyses=_code(tree.root, concepts.SUMMARY_OF_ANALYSES),
        measured=properties.measured_in(_of_the_study(tree.root)),
        qualities=tuple(
            quality
            for quality in properties.qualities_in(_of_the_study(tree.root))
            if not one_of(quality.concept, _SUMMARIES)
        ),
        densities=tuple(wholes.densities(images, statements)),
        scores=tuple(wholes.scores(images, statements)),
        assessments=tuple(wholes.assessments(images, statements)),
        statements=statements,
        images=tuple(_every_image(ds, images)),
        findings=findings,
        without_findings=tuple(_without_findings(images, findings)),
        not_analysed=(*images_failed(images), *images_not_analysed(images)),
        predecessors=tuple(predecessors(ds)),
        missing=tuple(_missing(tree.root, findings)),
    )


def _is_of_findings(root: Item) -> bool:
    return one_of(root.name, (*_CAD_REPORTS, *_MEASUREMENT_REPORTS))


def _called(root: Item) -> str:
    name = root.name
    return f"({name.value}, {name.scheme}, {name.meaning})" if name else "without a title"


def _code(root: Item, name: CodedConcept) -> CodedConcept | None:
    items = (item for item in root.walk() if item.value_type == "CODE")
    return next((item.code for item in items if one_of(item.name, (name,))), None)


def _of_the_study(item: Item) -> Iterator[Item]:
    """Yield the items that speak of the study: not those of a finding, an image or a detection."""
    for child in item.children:
        if not one_of(child.name, _OF_SOMETHING_ELSE) and child.value_type != "IMAGE":
            yield child
            yield from _of_the_study(child)


def _statements(root: Item) -> Iterator[str]:
    for item in _of_the_study(root):
        if item.value_type == "TEXT" and item.text and one_of(item.name, _STATEMENTS):
            yield item.text


def _every_image(ds: Dataset, images: Images) -> Iterator[ReadImage]:
    yield from images.known.values()
    for uid in dict.fromkeys(evidence(ds)):
        if uid not in images.known:
            yield ReadImage(uid)


def _without_findings(images: Images, findings: tuple[ReadFinding, ...]) -> Iterator[str]:
    with_findings = {f.image.sop_instance_uid for f in findings if f.image is not None}
    for uid in (*images_detected(images), *images_without_findings(images)):
        if uid not in with_findings:
            yield uid


def _missing(root: Item, findings: tuple[ReadFinding, ...]) -> Iterator[str]:
    """Yield what a report of this kind should have and this one has not."""
    cad = one_of(root.name, _CAD_REPORTS)
    if cad and _code(root, codes.PROCESSING_SUMMARY) is None:
        yield "no processing and findings summary: whether anything failed is not said"
    if cad and _code(root, codes.SUMMARY_OF_DETECTIONS) is None:
        yield "no summary of detections"
    for count, what in (
        (sum(f.image is None for f in findings), "no image"),
        (sum(f.concept is None for f in findings), "no code that says what it is"),
        (sum(f.region is None and f.centre_px is None for f in findings), "no place in 2D"),
        (sum(f.score is None for f in findings), "no certainty or probability"),
    ):
        if count:
            yield f"{count} of {len(findings)} findings: {what}"
