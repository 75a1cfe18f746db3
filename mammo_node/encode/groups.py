"""Measurement groups of the report: one per lesion, and one per image without any.

* A lesion is a planar ROI group (PS3.16 TID 1410).
* An image without lesions, or one that was refused, is a group on the image as a whole
  (TID 1501) that says so: a reader never has to take a missing mark for a negative.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from highdicom.sr import (
    AlgorithmIdentification,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    RelationshipTypeValues,
    ScoordContentItem,
    SourceImageForRegion,
    TrackingIdentifier,
)

from mammo_node.encode import codes, content, outline, sentences, statement
from mammo_node.encode.identity import ResultIdentity
from mammo_node.encode.site import distances, evaluations, finding_site
from mammo_node.vocabulary import (
    Finding,
    InstanceRef,
    ModelRef,
    Outcome,
    StudyResult,
    ViewResult,
)

_CONTAINS = RelationshipTypeValues.CONTAINS
#: Score digits that survive: certainty in percent with this many decimals.
_PERCENT_DECIMALS = 4
_MM_DECIMALS = 2


def algorithm(model: ModelRef, parameters: Iterable[str] = ()) -> AlgorithmIdentification:
    """Return TID 4019 for a model: name, version, hash of its file, what else it depends on."""
    return AlgorithmIdentification(
        name=statement.plain(model.name),
        version=statement.plain(model.version),
        parameters=[f"sha256={model.sha256}", *parameters],
    )


def view_groups(
    result: StudyResult, view: ViewResult, identity: ResultIdentity
) -> list[ContainerContentItem]:
    """Return the groups of one image: its lesions, or one that says why there are none."""
    if not view.findings:
        return [_whole_image_group(result, view, identity)]
    return [_lesion_group(result, view, index, identity) for index in range(len(view.findings))]


def _lesion_group(
    result: StudyResult, view: ViewResult, index: int, identity: ResultIdentity
) -> ContainerContentItem:
    finding = view.findings[index]
    name = statement.finding_name(result, view, index)
    group: ContainerContentItem = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=identity.tracking_uid(view.ref.sop_instance_uid, index),
            identifier=f"{name}: {statement.plain(finding.label)}",
        ),
        referenced_region=_region(finding, view),
        finding_type=codes.sr_concept(finding.concept),
        algorithm_id=algorithm(finding.model, _parameters(result, view, finding)),
        finding_sites=[finding_site(view.laterality, finding.location)],
        measurements=[*_measurements(finding), *distances(finding.location)],
        qualitative_evaluations=evaluations(finding.location),
    )[0]  # type: ignore[assignment]  # highdicom types items as Dataset
    group.ContentSequence.append(_center(finding, view))
    compared = sentences.agreement_words(result, finding)
    if compared:
        group.ContentSequence.append(content.text_item(codes.COMMENT, compared))
    return group


def _parameters(result: StudyResult, view: ViewResult, finding: Finding) -> list[str]:
    """Return the threshold that the score passed, and how the long axis was measured."""
    threshold = result.threshold_of(finding)
    words = [] if threshold is None else [f"threshold={threshold:g}"]
    if finding.long_axis_mm is not None:
        origin = view.spacing.origin if view.spacing else None
        words.append(codes.long_axis_method(origin, outlined=finding.outline_px is not None))
    return words


def _region(finding: Finding, view: ViewResult) -> ImageRegion:
    points = outline.closed(outline.polygon(finding, view))
    return ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=points,
        source_image=_region_source(view.ref),
    )


def _region_source(ref: InstanceRef) -> SourceImageForRegion:
    return SourceImageForRegion(ref.sop_class_uid, ref.sop_instance_uid)


def _center(finding: Finding, view: ViewResult) -> ScoordContentItem:
    column, row = finding.box_px.centre
    point: npt.NDArray[np.float64] = np.array([[column, row]])
    item = ScoordContentItem(
        name=codes.sr_concept(codes.CENTER),
        graphic_type=GraphicTypeValues.POINT,
        graphic_data=outline.inside(point, view),
        relationship_type=_CONTAINS,
    )
    item.ContentSequence = ContentSequence([_region_source(view.ref)])
    return item


def _measurements(finding: Finding) -> list[Measurement]:
    certainty = Measurement(
        name=codes.sr_concept(codes.CERTAINTY_OF_FINDING),
        value=round(100 * finding.score, _PERCENT_DECIMALS),
        unit=codes.sr_concept(codes.PERCENT),
    )
    if finding.long_axis_mm is None:
        return [certainty]
    long_axis = Measurement(
        name=codes.sr_concept(codes.LONG_AXIS),
        value=round(finding.long_axis_mm, _MM_DECIMALS),
        unit=codes.sr_concept(codes.MILLIMETER),
    )
    return [certainty, long_axis]


def _whole_image_group(
    result: StudyResult, view: ViewResult, identity: ResultIdentity
) -> ContainerContentItem:
    """Return TID 1501 on an image: what came of it, coded as the finding, and in words."""
    uid = identity.tracking_uid(view.ref.sop_instance_uid, 0)
    name = f"{statement.image_name(result, view)}: {_short_status(result, view)}"
    analysed = statement.is_analysed(result, view)
    finding = codes.ALL_SUCCEEDED_NO_FINDINGS if analysed else codes.NONE_SUCCEEDED
    items: list[ContentItem] = [
        *TrackingIdentifier(uid=uid, identifier=name),
        content.code_content(codes.FINDING, finding),
        finding_site(view.laterality),
    ]
    if analysed and len(result.models) == 1:
        items += [*algorithm(result.models[0], _operating_point(result))]
    items.append(content.source_image(view.ref))
    return content.measurement_group(items)


def _operating_point(result: StudyResult) -> list[str]:
    return [f"threshold {statement.operating_point(result)}"] if result.operating_points else []


def _short_status(result: StudyResult, view: ViewResult) -> str:
    if view.refusal is not None:
        return "not analysed"
    if statement.is_analysed(result, view):
        return "no findings"
    return "analysis failed" if result.outcome is Outcome.FAILED else "not analysed"
