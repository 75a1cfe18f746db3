"""A dataset on the bench: converted once, then looked at many times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Item:
    """A dataset, or an item of a sequence, by keyword; by tag where there is no keyword."""

    elements: dict[str, DataElement] = field(default_factory=dict)
    """Every element that is no sequence."""
    sequences: dict[str, tuple[Item, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, ds: Dataset) -> Item:
        """Convert a dataset and all that is in it."""
        item = cls()
        for tag in ds.keys():  # noqa: SIM118 - iterating a dataset looks each tag up twice
            element = ds[tag]
            keyword = element.keyword or str(tag)
            if element.VR == "SQ":
                item.sequences[keyword] = tuple(cls.of(below) for below in element.value)
            else:
                item.elements[keyword] = element
        return item

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.elements or keyword in self.sequences

    def value(self, keyword: str) -> Any:
        """Return a value, or None where there is none."""
        element = self.elements.get(keyword)
        return None if element is None else element.value

    def text(self, keyword: str) -> str:
        """Return a value as text; '' where there is none."""
        value = self.value(keyword)
        return "" if value is None else str(value)

    def items(self, keyword: str) -> tuple[Item, ...]:
        """Return the items of a sequence; none where it is absent."""
        return self.sequences.get(keyword, ())

    def is_empty(self, keyword: str) -> bool:
        """Tell whether an attribute that is there has no value, or a sequence no item."""
        if keyword in self.sequences:
            return not self.sequences[keyword]
        element = self.elements[keyword]
        return bool(element.is_empty) or element.value == b""

    def walk(self, path: str = "") -> Iterator[tuple[str, Item]]:
        """Return this item and every one below it, each with its path."""
        yield path, self
        for keyword, items in self.sequences.items():
            for index, below in enumerate(items):
                where = f"{keyword}[{index}]"
                yield from below.walk(f"{path}.{where}" if path else where)
