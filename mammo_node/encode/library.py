"""The report's image library (PS3.16 TID 1600): every image that the answer speaks of."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    RelationshipTypeValues,
)

from mammo_node.encode import codes, content
from mammo_node.vocabulary import InstanceRef, ViewResult

_CONTAINS = RelationshipTypeValues.CONTAINS


def image_library(
    references: Sequence[InstanceRef], views: dict[str, ViewResult]
) -> list[ContainerContentItem]:
    """Return the library of the images referred to, in one group; nothing without images."""
    entries = [_library_entry(ref, views.get(ref.sop_instance_uid)) for ref in references]
    if not entries:
        return []
    group = content.container(codes.IMAGE_LIBRARY_GROUP, entries)
    return [content.container(codes.IMAGE_LIBRARY, [group])]


def _library_entry(ref: InstanceRef, view: ViewResult | None) -> ImageContentItem:
    """Return TID 1601: the image, with side and view as far as they are known (TID 1602)."""
    entry = ImageContentItem(
        name=codes.sr_concept(codes.SOURCE),
        referenced_sop_class_uid=ref.sop_class_uid,
        referenced_sop_instance_uid=ref.sop_instance_uid,
        relationship_type=_CONTAINS,
    )
    descriptors = _descriptors(view) if view is not None else []
    if descriptors:
        entry.ContentSequence = ContentSequence(descriptors)
    return entry


def _descriptors(view: ViewResult) -> list[CodeContentItem]:
    found = []
    if view.laterality is not None:
        found.append((codes.IMAGE_LATERALITY, codes.LATERALITIES[view.laterality]))
    if view.view is not None and view.view in codes.VIEWS:
        found.append((codes.IMAGE_VIEW, codes.VIEWS[view.view]))
    context = RelationshipTypeValues.HAS_ACQ_CONTEXT
    return [
        CodeContentItem(codes.sr_concept(name), codes.sr_concept(value), context)
        for name, value in found
    ]
