"""A document's content tree as values (PS3.3 C.17.3), whatever state it is in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.header import attributes
from mammo_node.reports.same import same
from mammo_node.vocabulary import CodedConcept

#: Place of an item: that of each ancestor among its siblings, from 1 (PS3.3 C.17.3.2.5).
Position = tuple[int, ...]
#: Deeper trees are no reports; ours are 9 deep.
_DEEPEST: Final = 40
#: Attributes that carry a code's value: short, long, a name (PS3.3 8.8).
_CODE_VALUES: Final = ("CodeValue", "LongCodeValue", "URNCodeValue")


@dataclass(frozen=True, slots=True)
class Item:
    """One content item: by value, or a reference to one elsewhere (``target``)."""

    ds: Dataset = field(repr=False, compare=False)
    position: Position
    value_type: str
    relationship: str
    name: CodedConcept | None
    target: Position | None
    children: tuple[Item, ...]

    def named(self, *names: CodedConcept) -> Iterator[Item]:
        """Yield the children of these names."""
        for child in self.children:
            if child.name is not None and any(same(child.name, name) for name in names):
                yield child

    def first(self, *names: CodedConcept) -> Item | None:
        """Return the first child of one of these names."""
        return next(self.named(*names), None)

    def walk(self) -> Iterator[Item]:
        """Yield this item and all below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def code(self) -> CodedConcept | None:
        """Value of a CODE."""
        return concept(self.ds, "ConceptCodeSequence")

    @property
    def text(self) -> str | None:
        """Value of a TEXT, on one line."""
        return one_line(self.ds, "TextValue")

    @property
    def uid(self) -> str | None:
        """Value of a UIDREF."""
        return one_line(self.ds, "UID")

    @property
    def image(self) -> str | None:
        """SOP Instance UID that an IMAGE (or COMPOSITE) refers to."""
        found = attributes.items(self.ds, "ReferencedSOPSequence")
        return one_line(found[0], "ReferencedSOPInstanceUID") if found else None

    @property
    def frame(self) -> int | None:
        """First frame of that image that it refers to, where it names frames."""
        found = attributes.items(self.ds, "ReferencedSOPSequence")
        return attributes.integer(found[0], "ReferencedFrameNumber") if found else None

    @property
    def template(self) -> str | None:
        """Template that a CONTAINER says it follows (PS3.3 C.18.8)."""
        found = attributes.items(self.ds, "ContentTemplateSequence")
        return one_line(found[0], "TemplateIdentifier") if found else None


@dataclass(frozen=True, slots=True)
class Tree:
    """All items of a document, by position too."""

    root: Item

    def at(self, position: Position) -> Item | None:
        """Return the item at a position, or None where the tree has none."""
        item = self.root if position[:1] == (1,) else None
        for place in position[1:]:
            if item is None or not 0 < place <= len(item.children):
                return None
            item = item.children[place - 1]
        return item

    def resolved(self, item: Item) -> Item:
        """Return what a reference leads to, or the item itself."""
        return (self.at(item.target) if item.target else None) or item


def read_tree(ds: Dataset) -> Tree:
    """Return the content tree of an SR document."""
    return Tree(_item(ds, (1,)))


def concept(ds: Dataset, keyword: str) -> CodedConcept | None:
    """Return the first code of a code sequence, or None when it has no value."""
    found = attributes.items(ds, keyword)
    if not found:
        return None
    value = next((v for v in (one_line(found[0], k) for k in _CODE_VALUES) if v), None)
    scheme = one_line(found[0], "CodingSchemeDesignator") or ""
    meaning = one_line(found[0], "CodeMeaning") or ""
    return CodedConcept(value, scheme, meaning) if value else None


def one_line(ds: Dataset, keyword: str) -> str | None:
    """Return the attribute as printable text on one line, or None when there is none.

    What is not printable becomes a question mark: reports end on terminals.
    """
    words = " ".join(" ".join(attributes.words(ds, keyword)).split())
    return "".join(c if c.isprintable() else "?" for c in words) or None


def _item(ds: Dataset, position: Position) -> Item:
    deep = len(position) >= _DEEPEST
    below = () if deep else attributes.items(ds, "ContentSequence")
    target = tuple(int(n) for n in attributes.numbers(ds, "ReferencedContentItemIdentifier"))
    return Item(
        ds=ds,
        position=position,
        value_type=attributes.text(ds, "ValueType") or "",
        relationship=attributes.text(ds, "RelationshipType") or "",
        name=concept(ds, "ConceptNameCodeSequence"),
        target=target or None,
        children=tuple(_item(child, (*position, n)) for n, child in enumerate(below, start=1)),
    )
