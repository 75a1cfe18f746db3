"""Content items in the short forms that the report is written with (PS3.3 C.17.3)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    RelationshipTypeValues,
    TextContentItem,
)

from mammo_node.encode import codes, statement
from mammo_node.vocabulary import CodedConcept, InstanceRef

_CONTAINS = RelationshipTypeValues.CONTAINS


def text_item(name: CodedConcept, text: str) -> TextContentItem:
    """Return a TEXT item that its container CONTAINS."""
    return TextContentItem(codes.sr_concept(name), statement.plain(text), _CONTAINS)


def code_content(name: CodedConcept, value: CodedConcept) -> CodeContentItem:
    """Return a CODE item that its container CONTAINS."""
    return CodeContentItem(codes.sr_concept(name), codes.sr_concept(value), _CONTAINS)


def container(name: CodedConcept, items: Sequence[ContentItem]) -> ContainerContentItem:
    """Return a container of items that its own container CONTAINS."""
    item = ContainerContentItem(name=codes.sr_concept(name), relationship_type=_CONTAINS)
    item.ContentSequence = ContentSequence(items)
    return item


def source_image(ref: InstanceRef) -> ImageContentItem:
    """Return the image that something is said of."""
    return ImageContentItem(
        name=codes.sr_concept(codes.SOURCE),
        referenced_sop_class_uid=ref.sop_class_uid,
        referenced_sop_instance_uid=ref.sop_instance_uid,
        relationship_type=_CONTAINS,
    )


def measurement_group(items: Sequence[ContentItem]) -> ContainerContentItem:
    """Return TID 1501: what is said of images as a whole."""
    group = ContainerContentItem(
        name=codes.sr_concept(codes.MEASUREMENT_GROUP),
        template_id="1501",
        relationship_type=_CONTAINS,
    )
    group.ContentSequence = ContentSequence(items)
    return group
