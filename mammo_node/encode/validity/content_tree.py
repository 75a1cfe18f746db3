"""The content tree of an SR document: value types, relationships, references (PS3.3 C.17.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mammo_node.encode.validity import presence
from mammo_node.encode.validity.complaint import Complaint, inside, item_path
from mammo_node.encode.validity.item import Item
from mammo_node.encode.validity.relationships import RULES, Rules
from mammo_node.encode.validity.table import CONTENT_MODULE, Standard

#: What an item of each value type must have (PS3.3 Table C.17-5 and C.18): all of Type 1.
_VALUES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "TEXT": ("ConceptNameCodeSequence", "TextValue"),
        "NUM": ("ConceptNameCodeSequence",),
        "CODE": ("ConceptNameCodeSequence", "ConceptCodeSequence"),
        "DATETIME": ("ConceptNameCodeSequence", "DateTime"),
        "DATE": ("ConceptNameCodeSequence", "Date"),
        "TIME": ("ConceptNameCodeSequence", "Time"),
        "UIDREF": ("ConceptNameCodeSequence", "UID"),
        "PNAME": ("ConceptNameCodeSequence", "PersonName"),
        "COMPOSITE": ("ReferencedSOPSequence",),
        "IMAGE": ("ReferencedSOPSequence",),
        "WAVEFORM": ("ReferencedSOPSequence",),
        "SCOORD": ("GraphicType", "GraphicData"),
        "CONTAINER": ("ContinuityOfContent",),
    }
)
#: Coordinates by Graphic Type: least number, and whether more may follow (PS3.3 C.18.6.1.2).
_COORDINATES: Final[Mapping[str, tuple[int, bool]]] = MappingProxyType(
    {
        "POINT": (2, False),
        "MULTIPOINT": (2, True),
        "POLYLINE": (4, True),
        "CIRCLE": (4, False),
        "ELLIPSE": (8, False),
    }
)
_NOT_HERE = "is not of any value type that this document may have"


@dataclass(frozen=True, slots=True)
class _Tree:
    """One document on the bench."""

    root: Item
    rules: Rules
    standard: Standard

    def item(self, item: Item, path: str, identifier: tuple[int, ...]) -> Iterator[Complaint]:
        """Check one content item and all below it; ``identifier`` is its place, as in PS3.3."""
        value_type = item.text("ValueType")
        if value_type not in _VALUES:
            yield Complaint(inside(path, "ValueType"), _NOT_HERE)
            return
        yield from self._value(item, value_type, path)
        for index, child in enumerate(item.items("ContentSequence")):
            where = item_path(path, "ContentSequence", index)
            place = (*identifier, index + 1)
            if "ReferencedContentItemIdentifier" in child:
                yield from self._reference(value_type, child, where, place)
            else:
                yield from self._relation(value_type, child, child.text("ValueType"), where)
                yield from self.item(child, where, place)

    def _value(self, item: Item, value_type: str, path: str) -> Iterator[Complaint]:
        for keyword in _VALUES[value_type]:
            if keyword not in item or item.is_empty(keyword):
                yield Complaint(inside(path, keyword), f"missing in an item of type {value_type}")
        if value_type == "NUM" and "MeasuredValueSequence" not in item:
            yield Complaint(inside(path, "MeasuredValueSequence"), "absent, but of Type 2")
        if "ContentSequence" in item and item.is_empty("ContentSequence"):
            yield Complaint(inside(path, "ContentSequence"), "empty, but of Type 1C")
        if value_type == "SCOORD":
            yield from _coordinates(item, path)
        # The rows of all value types stand in one macro: only those in use have to be complete.
        used = [a for a in self.standard.modules[CONTENT_MODULE] if a.keyword in item]
        yield from presence.of_macro(item, used, self.standard, path)

    def _relation(
        self, source: str, child: Item, target: str, path: str, *, by_reference: bool = False
    ) -> Iterator[Complaint]:
        relationship = child.text("RelationshipType")
        if not relationship:
            yield Complaint(inside(path, "RelationshipType"), "missing")
        elif not self.rules.allow(source, relationship, target, by_reference=by_reference):
            how = " by reference" if by_reference else ""
            words = f"{source} {relationship} {target}{how} is not a legal relationship"
            yield Complaint(path, words)

    def _reference(
        self, source: str, child: Item, path: str, place: tuple[int, ...]
    ) -> Iterator[Complaint]:
        numbers = child.value("ReferencedContentItemIdentifier")
        steps = tuple(int(n) for n in (numbers if not isinstance(numbers, int) else [numbers]))
        target = self._at(steps)
        if target is None or place[: len(steps)] == steps:
            yield Complaint(
                inside(path, "ReferencedContentItemIdentifier"),
                "names no item of this tree, or one above",
            )
            return
        target_type = target.text("ValueType")
        yield from self._relation(source, child, target_type, path, by_reference=True)

    def _at(self, steps: tuple[int, ...]) -> Item | None:
        """Follow Referenced Content Item Identifier: 1 is the root (PS3.3 C.17.3.2.5)."""
        if steps[:1] != (1,):
            return None
        item = self.root
        for step in steps[1:]:
            below = item.items("ContentSequence")
            if not 0 < step <= len(below):
                return None
            item = below[step - 1]
        return item


def of_document(ds: Item, sop_class_uid: str, standard: Standard) -> Iterator[Complaint]:
    """Check the tree of an SR document; an object of another kind has none to check."""
    rules = RULES.get(sop_class_uid)
    if rules is None:
        return
    if ds.text("ValueType") != "CONTAINER" or not ds.items("ConceptNameCodeSequence"):
        yield Complaint("ValueType", "the root must be a CONTAINER with a title")
    if not ds.items("ContentSequence"):
        yield Complaint("ContentSequence", "the document has no content")
    templates = [i.text("TemplateIdentifier") for i in ds.items("ContentTemplateSequence")]
    if templates != [rules.template]:
        yield Complaint("ContentTemplateSequence", f"the root is not TID {rules.template}")
    yield from _Tree(ds, rules, standard).item(ds, "", (1,))


def _coordinates(item: Item, path: str) -> Iterator[Complaint]:
    """Check a region: as many coordinates as its type has, and an image that it lies in."""
    least, more = _COORDINATES.get(item.text("GraphicType"), (0, False))
    number = len(item.value("GraphicData") or ())
    if not least or number % 2 or number < least or (number > least and not more):
        yield Complaint(inside(path, "GraphicData"), "does not fit its Graphic Type")
    children = item.items("ContentSequence")
    if not any(child.text("RelationshipType") == "SELECTED FROM" for child in children):
        yield Complaint(path, "a SCOORD that is not SELECTED FROM an image")
