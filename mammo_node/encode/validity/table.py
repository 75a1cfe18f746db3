"""What PS3.3 demands of our kinds of objects: read once from ``iods.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from mammo_node.encode.validity.item import Item

#: The content tree's module: :mod:`.content_tree` applies it to each content item.
CONTENT_MODULE: Final = "sr-document-content"
_MANDATORY = "M"
#: Optional for Secondary Capture; ours always say who made them.
_OURS: Final = "general-equipment"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One row of a module: Type 1, 1C, 2, 2C, or 3 with items that have such rows."""

    keyword: str
    type: str
    items: str | None
    """Name of the macro that its items follow, if it is a sequence."""


Macro = tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Standard:
    """Modules of each IOD, and the attributes of modules and macros."""

    iods: Mapping[str, Mapping[str, str]]
    """SOP Class UID -> module -> usage (M, C, U)."""
    modules: Mapping[str, Macro]
    macros: Mapping[str, Macro]

    def modules_of(self, sop_class_uid: str, ds: Item) -> Iterator[tuple[str, Macro]]:
        """Return the modules that an object of this class has to follow.

        Besides the mandatory ones these are the modules that it has an attribute of which no
        mandatory one knows: whoever begins a module has to complete it.
        """
        usages = self.iods[sop_class_uid]
        mandatory = [n for n, usage in usages.items() if usage == _MANDATORY or n == _OURS]
        known = {attribute.keyword for name in mandatory for attribute in self.modules[name]}
        for name in usages:
            macro = self.modules[name]
            own = (a.keyword for a in macro if a.keyword not in known)
            if name in mandatory or any(keyword in ds for keyword in own):
                yield name, macro


@cache
def standard() -> Standard:
    """Return the table; :mod:`.standard` made it."""
    text = resources.files(__package__).joinpath("iods.json").read_text(encoding="utf-8")
    document = json.loads(text)
    macros = {name: _macro(rows) for name, rows in document["macros"].items()}
    modules = {name: macros[macro] for name, macro in document["modules"].items()}
    return Standard(document["iods"], modules, macros)


def _macro(rows: Mapping[str, str | list[str]]) -> Macro:
    return tuple(
        Attribute(keyword, row, None) if isinstance(row, str) else Attribute(keyword, *row)
        for keyword, row in rows.items()
    )
