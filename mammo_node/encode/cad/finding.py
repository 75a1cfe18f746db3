"""One lesion in one image (PS3.16 TID 4006) and its templates by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mammo_node.encode import codes, items, outline, statement
from mammo_node.encode.cad import algorithm, concepts
from mammo_node.encode.cad.intent import rendering_intent
from mammo_node.encode.cad.tree import Cad, Seen
from mammo_node.encode.items import HAS_PROPERTIES, INFERRED_FROM
from mammo_node.vocabulary import CodedConcept

#: Score digits that survive: certainty in percent with this many decimals.
_PERCENT_DECIMALS = 4
_MM_DECIMALS = 2


def single_image_finding(cad: Cad, seen: Seen, relationship: str) -> Dataset:
    """Return TID 4006: what it is, who found it, how sure, where, and what its kind adds."""
    concept = concepts.single_image_concept(seen.finding.concept)
    by_kind = _BY_KIND.get((concept.value, concept.scheme))
    return items.code(
        relationship,
        concepts.SINGLE_IMAGE_FINDING,
        concept,
        [
            _intent(rendering_intent(cad.result, seen.finding)),
            *_tracking(cad, seen),
            *algorithm.model(seen.finding.model, _parameters(cad, seen)),
            _certainty(seen.finding.score),
            *_geometry(cad, seen),
            *(by_kind(cad, seen) if by_kind else []),
        ],
    )


def _intent(intent: CodedConcept) -> Dataset:
    return items.code(items.HAS_CONCEPT_MOD, concepts.RENDERING_INTENT, intent)


def _tracking(cad: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 4108, the same as in the TID 1500 report of the same result."""
    name = statement.finding_name(cad.result, seen.view, seen.index)
    uid = cad.common.identity.tracking_uid(seen.view.ref.sop_instance_uid, seen.index)
    context = items.HAS_OBS_CONTEXT
    words = f"{name}: {statement.plain(seen.finding.label)}"
    return [
        items.text(context, codes.TRACKING_IDENTIFIER, words),
        items.uid(context, codes.TRACKING_UID, uid),
    ]


def _parameters(cad: Cad, seen: Seen) -> list[str]:
    threshold = cad.result.threshold_of(seen.finding)
    return [] if threshold is None else [f"threshold={threshold:g}"]


def _certainty(score: float) -> Dataset:
    percent = round(100 * score, _PERCENT_DECIMALS)
    return items.number(HAS_PROPERTIES, codes.CERTAINTY_OF_FINDING, percent, codes.PERCENT)


def _geometry(cad: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 4021: centre and outline in the image."""
    source = cad.positions[seen.view.ref.sop_instance_uid]
    points = outline.closed(outline.polygon(seen.finding, seen.view))
    return [
        _center(cad, seen, seen.finding.box_px.centre),
        items.polyline(HAS_PROPERTIES, concepts.OUTLINE, points, source),
    ]


def _center(cad: Cad, seen: Seen, at: tuple[float, float]) -> Dataset:
    inside = outline.inside(np.array([at], dtype=np.float64), seen.view)
    source = cad.positions[seen.view.ref.sop_instance_uid]
    return items.point(HAS_PROPERTIES, codes.CENTER, inside, source)


def _density(cad: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 4011 Mammography CAD Density: its size."""
    return _long_axis(cad, seen)


def _cluster(cad: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 4010 Calcification Cluster: its members where they are known, or its size.

    Row conditions of TID 4010 have one or the other: a size is what says most of a cluster
    whose members nobody counted.
    """
    members = seen.finding.members_px
    if not members:
        return _long_axis(cad, seen)
    count = items.number(
        HAS_PROPERTIES, concepts.NUMBER_OF_CALCIFICATIONS, len(members), concepts.NO_UNITS
    )
    return [count, *(_member(cad, seen, member) for member in members)]


def _member(cad: Cad, seen: Seen, at: tuple[float, float]) -> Dataset:
    """Return TID 4006 (with 4009) for a single calcification that the cluster is made of.

    Shown or not as the reader likes: the mark of the cluster stands for all.
    """
    return items.code(
        INFERRED_FROM,
        concepts.SINGLE_IMAGE_FINDING,
        concepts.INDIVIDUAL_CALCIFICATION,
        [
            _intent(concepts.PRESENTATION_OPTIONAL),
            *algorithm.model(seen.finding.model),
            _center(cad, seen, at),
        ],
    )


def _selected_region(_: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 4013 Selected Region: what it is in words, as no code of CID 6014 says it."""
    words = f"{seen.finding.label}: {seen.finding.concept.meaning}"
    return [items.text(HAS_PROPERTIES, concepts.SELECTED_REGION_DESCRIPTION, words)]


def _long_axis(cad: Cad, seen: Seen) -> list[Dataset]:
    """Return TID 1400 Linear Measurement, inferred from the path that was measured."""
    length_mm = seen.finding.long_axis_mm
    if length_mm is None:
        return []
    source = cad.positions[seen.view.ref.sop_instance_uid]
    path = items.polyline(INFERRED_FROM, concepts.PATH, _path(seen), source)
    millimetres = round(length_mm, _MM_DECIMALS)
    return [items.number(HAS_PROPERTIES, concepts.LONG_AXIS, millimetres, codes.MILLIMETER, [path])]


def _path(seen: Seen) -> npt.NDArray[np.float64]:
    """Return the line through the centre along the longer side of the box, (2, 2)."""
    box = seen.finding.box_px
    column, row = box.centre
    spacing = seen.view.spacing
    width = box.width * (spacing.column_mm if spacing else 1.0)
    height = box.height * (spacing.row_mm if spacing else 1.0)
    ends = (
        [(box.x_min, row), (box.x_max, row)]
        if width >= height
        else [(column, box.y_min), (column, box.y_max)]
    )
    return outline.inside(np.array(ends, dtype=np.float64), seen.view)


#: What TID 4006 includes for each kind of finding (rows 11 to 17).
_BY_KIND: Final[Mapping[tuple[str, str], Callable[[Cad, Seen], list[Dataset]]]] = MappingProxyType(
    {
        (concepts.MASS_IN_ONE_IMAGE.value, "SCT"): _density,
        (concepts.CALCIFICATION_CLUSTER.value, "SCT"): _cluster,
        (concepts.INDIVIDUAL_CALCIFICATION.value, "SCT"): _long_axis,
        (concepts.SELECTED_REGION.value, "DCM"): _selected_region,
    }
)
