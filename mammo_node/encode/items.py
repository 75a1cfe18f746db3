"""Content items of any relationship, by value and by reference (PS3.3 C.17.3).

highdicom has the items; relationships by reference, which TID 4000 is full of, and images
without a concept name it has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    DateContentItem,
    GraphicTypeValues,
    ImageContentItem,
    NumContentItem,
    ScoordContentItem,
    TextContentItem,
    TimeContentItem,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from mammo_node.encode import codes, statement
from mammo_node.vocabulary import CodedConcept, InstanceRef

#: Relationship types (PS3.3 C.17.3.2.4).
CONTAINS: Final = "CONTAINS"
HAS_PROPERTIES: Final = "HAS PROPERTIES"
HAS_CONCEPT_MOD: Final = "HAS CONCEPT MOD"
HAS_OBS_CONTEXT: Final = "HAS OBS CONTEXT"
HAS_ACQ_CONTEXT: Final = "HAS ACQ CONTEXT"
INFERRED_FROM: Final = "INFERRED FROM"
SELECTED_FROM: Final = "SELECTED FROM"

#: Where an item stands in the tree: its place among its siblings, from 1, at every level.
Position = tuple[int, ...]


def container(relationship: str | None, name: CodedConcept, children: Sequence[Dataset]) -> Dataset:
    """Return a CONTAINER; the root has no relationship."""
    item = ContainerContentItem(name=codes.sr_concept(name), relationship_type=relationship)
    return _with(item, children)


def code(
    relationship: str, name: CodedConcept, value: CodedConcept, children: Iterable[Dataset] = ()
) -> Dataset:
    """Return a CODE."""
    item = CodeContentItem(codes.sr_concept(name), codes.sr_concept(value), relationship)
    return _with(item, children)


def text(relationship: str, name: CodedConcept, value: str) -> Dataset:
    """Return a TEXT in plain ASCII."""
    item: Dataset = TextContentItem(codes.sr_concept(name), statement.plain(value), relationship)
    return item


def number(
    relationship: str,
    name: CodedConcept,
    value: float,
    unit: CodedConcept,
    children: Iterable[Dataset] = (),
) -> Dataset:
    """Return a NUM."""
    item = NumContentItem(
        codes.sr_concept(name), value, codes.sr_concept(unit), relationship_type=relationship
    )
    return _with(item, children)


def uid(relationship: str, name: CodedConcept, value: str) -> Dataset:
    """Return a UIDREF."""
    item: Dataset = UIDRefContentItem(codes.sr_concept(name), value, relationship)
    return item


def date(relationship: str, name: CodedConcept, value: str) -> Dataset:
    """Return a DATE of a DICOM date (VR DA), as text like everything else in our datasets."""
    plain = _with(DateContentItem(codes.sr_concept(name), value, relationship), [])
    plain.Date = value
    return plain


def time(relationship: str, name: CodedConcept, value: str) -> Dataset:
    """Return a TIME of a DICOM time (VR TM), as text like everything else in our datasets."""
    plain = _with(TimeContentItem(codes.sr_concept(name), value, relationship), [])
    plain.Time = value
    return plain


def image(relationship: str, ref: InstanceRef, children: Iterable[Dataset] = ()) -> Dataset:
    """Return an IMAGE without a concept name, as the image library has them (TID 4020)."""
    item = ImageContentItem(
        codes.sr_concept(codes.SOURCE),
        ref.sop_class_uid,
        ref.sop_instance_uid,
        relationship_type=relationship,
    )
    plain = _with(item, children)
    del plain.ConceptNameCodeSequence
    return plain


def point(
    relationship: str, name: CodedConcept, at: npt.NDArray[np.float64], source: Position
) -> Dataset:
    """Return a SCOORD of one point, (1, 2) as (column, row), selected from an image."""
    return _scoord(relationship, name, GraphicTypeValues.POINT, at, source)


def polyline(
    relationship: str, name: CodedConcept, points: npt.NDArray[np.float64], source: Position
) -> Dataset:
    """Return a SCOORD of connected points, (N, 2) as (column, row), selected from an image."""
    return _scoord(relationship, name, GraphicTypeValues.POLYLINE, points, source)


def reference(relationship: str, target: Position) -> Dataset:
    """Return a relationship by reference to an item elsewhere in the tree (C.17.3.2.5)."""
    item = Dataset()
    item.RelationshipType = relationship
    item.ReferencedContentItemIdentifier = list(target)
    return item


def _scoord(
    relationship: str,
    name: CodedConcept,
    graphic: GraphicTypeValues,
    points: npt.NDArray[np.float64],
    source: Position,
) -> Dataset:
    item = ScoordContentItem(
        codes.sr_concept(name), graphic, points, relationship_type=relationship
    )
    return _with(item, [reference(SELECTED_FROM, source)])


def _with(item: ContentItem, children: Iterable[Dataset]) -> Dataset:
    """Return the item as a plain dataset: highdicom's own takes children by value only."""
    plain = Dataset()
    plain.update(item)
    found = list(children)
    if found:
        plain.ContentSequence = DicomSequence(found)
    return plain
