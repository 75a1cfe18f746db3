"""What was done on which images, and with what success (PS3.16 TID 4015 to 4018).

Detections are what models do with images; analyses are the comparison of views, where
something did that, and the judgement of density. The status of each (CID 6042) is that of the
images there are: a view that never came is not an image on which anything failed, and is told
by the processing summary and in words (TID 4001).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from mammo_node.encode import codes, items
from mammo_node.encode.cad import algorithm, concepts
from mammo_node.encode.cad.tree import Cad
from mammo_node.vocabulary import CodedConcept, InstanceRef, ModelRef, Outcome, StudyResult


@dataclass(frozen=True, slots=True)
class _Summary:
    """The words of one summary: TID 4015 with 4017, or TID 4016 with 4018."""

    name: CodedConcept
    succeeded: CodedConcept
    failed: CodedConcept


_DETECTIONS = _Summary(
    codes.SUMMARY_OF_DETECTIONS, concepts.SUCCESSFUL_DETECTIONS, concepts.FAILED_DETECTIONS
)
_ANALYSES = _Summary(
    concepts.SUMMARY_OF_ANALYSES, concepts.SUCCESSFUL_ANALYSES, concepts.FAILED_ANALYSES
)


def summary_of_detections(cad: Cad) -> Dataset:
    """Return TID 4000 row 6 with TID 4015: what was looked for in which images."""
    succeeded, failed = (_detections(cad, images) for images in _images(cad))
    return _summary(_DETECTIONS, succeeded, failed)


def summary_of_analyses(cad: Cad) -> Dataset:
    """Return TID 4000 row 8 with TID 4016: whether views were compared and density judged."""
    succeeded, failed = (_analyses(cad, images) for images in _images(cad))
    return _summary(_ANALYSES, succeeded, failed)


def _images(cad: Cad) -> tuple[Sequence[InstanceRef], Sequence[InstanceRef]]:
    """Return the images on which everything succeeded, and those on which it failed.

    Images that are refused by their nature beside a full answer are neither.
    """
    in_part = cad.result.outcome in (Outcome.PARTIAL, Outcome.FAILED)
    return cad.analysed, cad.not_analysed if in_part else ()


def _summary(words: _Summary, succeeded: list[Dataset], failed: list[Dataset]) -> Dataset:
    """Return the summary; its status (CID 6042) says which of the two lists there are."""
    status = {
        (True, True): codes.PARTIALLY_SUCCEEDED,
        (True, False): codes.SUCCEEDED,
        (False, True): codes.FAILED,
        (False, False): codes.NOT_ATTEMPTED,
    }[bool(succeeded), bool(failed)]
    lists = ((words.succeeded, succeeded), (words.failed, failed))
    return items.code(
        items.CONTAINS,
        words.name,
        status,
        [items.container(items.INFERRED_FROM, name, done) for name, done in lists if done],
    )


def _detections(cad: Cad, images: Sequence[InstanceRef]) -> list[Dataset]:
    """Return TID 4017 for each kind of finding that each model looks for."""
    if not images:
        return []
    return [
        items.code(
            items.CONTAINS,
            concepts.DETECTION_PERFORMED,
            kind,
            [*identification, *_references(cad, images)],
        )
        for kind, identification in _looked_for(cad)
    ]


def _analyses(cad: Cad, images: Sequence[InstanceRef]) -> list[Dataset]:
    """Return TID 4018 for the matching of findings in several images, and for density."""
    if not images:
        return []
    done = [(concepts.SPATIAL_COLLOCATION, algorithm.node(cad), images)]
    return [
        items.code(
            items.CONTAINS,
            concepts.ANALYSIS_PERFORMED,
            what,
            [*identification, *_references(cad, on)],
        )
        for what, identification, on in [*(done if _compared(cad.result) else []), *_densities(cad)]
    ]


def _compared(result: StudyResult) -> bool:
    """Whether views were compared, with or without a match."""
    findings = (finding for view in result.views for finding in view.findings)
    return bool(result.lesions) or any(finding.agreement is not None for finding in findings)


def _densities(cad: Cad) -> Iterator[tuple[CodedConcept, list[Dataset], Sequence[InstanceRef]]]:
    """Yield each model that judged density, with the images that it judged."""
    models = dict.fromkeys(density.model for density in cad.result.densities)
    for model in models:
        judged = {
            uid
            for density in cad.result.densities
            if density.model == model
            for uid in density.sop_instance_uids
        }
        images = [ref for ref in cad.analysed if ref.sop_instance_uid in judged]
        if images:
            yield concepts.COMPOSITION_ANALYSIS, algorithm.model(model), images


def _references(cad: Cad, images: Sequence[InstanceRef]) -> list[Dataset]:
    positions = cad.positions
    return [
        items.reference(items.HAS_PROPERTIES, positions[ref.sop_instance_uid]) for ref in images
    ]


def _looked_for(cad: Cad) -> Iterator[tuple[CodedConcept, list[Dataset]]]:
    """Yield each kind of finding with the model that looks for it; the node where none ran."""
    kinds = dict.fromkeys(
        (concepts.single_image_concept(concept), model)
        for model in cad.result.models
        for concept in _concepts(cad.result, model)
    )
    if not kinds:
        yield concepts.SELECTED_REGION, algorithm.node(cad)
    for kind, model in kinds:
        yield kind, algorithm.model(model)


def _concepts(result: StudyResult, model: ModelRef) -> list[CodedConcept]:
    """Return what a model looks for, as far as labels, findings and thresholds tell."""
    found = {
        finding.label: finding.concept
        for view in result.views
        for finding in view.findings
        if finding.model == model
    }
    configured = [label for label, _ in result.operating_points] if len(result.models) == 1 else []
    labels = dict.fromkeys([*model.labels, *(configured if not model.labels else ()), *found])
    known = codes.FINDINGS
    return [found.get(label) or known.get(label, concepts.SELECTED_REGION) for label in labels]
