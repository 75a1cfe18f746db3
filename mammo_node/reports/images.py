"""Images of a report: its image libraries, and the image that an item belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.encode import codes
from mammo_node.encode.cad import concepts
from mammo_node.header import attributes
from mammo_node.reports.found import ReadImage
from mammo_node.reports.same import key_of
from mammo_node.reports.tree import Item, Tree, one_line
from mammo_node.vocabulary import CodedConcept, Laterality

#: Attributes that list the objects a document rests on (PS3.3 C.17.2).
_EVIDENCE: Final = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")


@dataclass(frozen=True, slots=True)
class Images:
    """Images by SOP Instance UID, and how to find an item's own."""

    tree: Tree
    known: Mapping[str, ReadImage]

    def of(self, items: Iterable[Item]) -> ReadImage | None:
        """Return the first image that these items, or what is below them, come from."""
        return next(self.all_of(items), None)

    def frame_of(self, items: Iterable[Item]) -> int | None:
        """Return the first frame that these items, or what is below them, come from."""
        below = (self.tree.resolved(inner) for item in items for inner in item.walk())
        return next((found.frame for found in below if found.frame is not None), None)

    def all_of(self, items: Iterable[Item]) -> Iterator[ReadImage]:
        """Yield the images that these items, or what is below them, come from."""
        for item in items:
            for inner in item.walk():
                target = self.tree.resolved(inner)
                uid = target.image if target.value_type == "IMAGE" else None
                if uid is not None:
                    yield self.known.get(uid, ReadImage(uid))


def read_images(tree: Tree) -> Images:
    """Return every image that the content tree names, with what is said of it anywhere."""
    known: dict[str, ReadImage] = {}
    for item in tree.root.walk():
        if item.value_type == "IMAGE" and item.image is not None:
            earlier = known.get(item.image, ReadImage(item.image))
            known[item.image] = _described(earlier, item)
    return Images(tree, known)


def side_of(code: CodedConcept | None) -> Laterality | None:
    """Return the side that a code of CID 244 or CID 6022 says, or None."""
    return key_of(code, codes.LATERALITIES) or key_of(code, concepts.SIDES)


def evidence(ds: Dataset) -> Iterator[str]:
    """Yield the SOP Instance UIDs that the document lists as its evidence."""
    for keyword in _EVIDENCE:
        yield from _instances(attributes.items(ds, keyword))


def predecessors(ds: Dataset) -> Iterator[str]:
    """Yield the SOP Instance UIDs of the documents that this one supersedes."""
    yield from _instances(attributes.items(ds, "PredecessorDocumentsSequence"))


def _described(image: ReadImage, item: Item) -> ReadImage:
    side = item.first(codes.IMAGE_LATERALITY)
    view = item.first(codes.IMAGE_VIEW)
    return ReadImage(
        image.sop_instance_uid,
        image.laterality or (side_of(side.code) if side else None),
        image.view or (key_of(view.code, codes.VIEWS) if view else None),
    )


def _instances(studies: Iterable[Dataset]) -> Iterator[str]:
    for study in studies:
        for series in attributes.items(study, "ReferencedSeriesSequence"):
            for instance in attributes.items(series, "ReferencedSOPSequence"):
                uid = one_line(instance, "ReferencedSOPInstanceUID")
                if uid is not None:
                    yield uid
