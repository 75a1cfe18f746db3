"""Whether every attribute that the modules demand is there, and has a value where it must."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mammo_node.encode.validity.complaint import Complaint, inside, item_path
from mammo_node.encode.validity.conditions import CONDITIONS
from mammo_node.encode.validity.item import Item
from mammo_node.encode.validity.table import CONTENT_MODULE, Attribute, Standard


def of_modules(ds: Item, sop_class_uid: str, standard: Standard) -> Iterator[Complaint]:
    """Check the modules of an object; its content tree has a checker of its own."""
    for name, macro in standard.modules_of(sop_class_uid, ds):
        if name != CONTENT_MODULE:
            yield from of_macro(ds, macro, standard, "")


def of_macro(
    ds: Item, macro: Iterable[Attribute], standard: Standard, path: str
) -> Iterator[Complaint]:
    """Check a dataset, or an item at ``path``, against the rows of a module or macro."""
    for attribute in macro:
        keyword = attribute.keyword
        if keyword not in ds:
            if _needed(ds, attribute):
                yield Complaint(inside(path, keyword), f"absent, but of Type {attribute.type}")
        elif attribute.type not in ("2", "2C") and ds.is_empty(keyword):
            # Of Type 3 only sequences stand in the table: those have one item or more.
            yield Complaint(inside(path, keyword), f"empty, but of Type {attribute.type}")
        elif attribute.items is not None:
            below = standard.macros[attribute.items]
            for index, item in enumerate(ds.items(keyword)):
                yield from of_macro(item, below, standard, item_path(path, keyword, index))


def _needed(ds: Item, attribute: Attribute) -> bool:
    if attribute.type in ("1", "2"):
        return True
    condition = CONDITIONS.get(attribute.keyword) if attribute.type in ("1C", "2C") else None
    return condition is not None and condition(ds)
