"""Where the table comes from: highdicom carries PS3.3 as data, and we keep what we need of it.

``python -m mammo_node.encode.validity.standard`` writes ``iods.json`` anew. highdicom's files
are 22 MB, take a quarter of a second to read and are private to it; ours is small, and a test
says when the two disagree. Only what the gate can decide is kept: attributes of Type 1, 1C, 2
and 2C, and sequences that have such attributes in their items.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

#: The SOP classes that encoders of this project make (PS3.4 B.5).
SOP_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture Image
    "1.2.840.10008.5.1.4.1.1.7.4",  # Multi-frame True Color Secondary Capture Image
    "1.2.840.10008.5.1.4.1.1.11.1",  # Grayscale Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.88.50",  # Mammography CAD SR
    "1.2.840.10008.5.1.4.1.1.88.59",  # Key Object Selection Document
    "1.2.840.10008.5.1.4.1.1.104.1",  # Encapsulated PDF
)
TABLE_FILE: Final = "iods.json"
_PACKAGE, _FOLDER = "highdicom", "_standard"
#: Deeper levels repeat macros of the levels above (content of content, references of references).
_DEPTH = 6
#: Each macro of PS3.3 C.7.6.16.2 is of Type 1 in its own right, but its use depends on the IOD.
_FUNCTIONAL_GROUPS = frozenset(
    {"SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"}
)
#: PS3.3 C.17.3: the content tree has rules of its own, in :mod:`.content_tree`.
_CONTENT = "ContentSequence"

Tree = dict[str, Any]


def source(name: str) -> Any:
    """Read one of highdicom's tables.

    Raises
    ------
    FileNotFoundError
        If this version of highdicom keeps it elsewhere.
    """
    text = resources.files(_PACKAGE).joinpath(_FOLDER, f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)


def compiled() -> Tree:
    """Return the table: IODs with their modules, modules and macros with their attributes."""
    classes, iods = source("sop_class_iod_map"), source("iod_module_map")
    attributes = source("module_attribute_map")
    macros: dict[str, Tree] = {}
    names: dict[str, str] = {}
    modules: dict[str, str] = {}
    wanted = {uid: iods[classes[uid]] for uid in SOP_CLASSES}
    for module in sorted({part["key"] for parts in wanted.values() for part in parts}):
        modules[module] = _macro(_tree(attributes[module]), macros, names)
    return {
        "iods": {
            uid: {part["key"]: part["usage"] for part in parts} for uid, parts in wanted.items()
        },
        "modules": modules,
        "macros": macros,
    }


def _tree(rows: list[Mapping[str, Any]]) -> Tree:
    """Return a module's rows as a tree: keyword -> [type, items]."""
    root: Tree = {}
    for row in sorted(rows, key=lambda row: len(row["path"])):
        path = row["path"]
        if len(path) >= _DEPTH or _CONTENT in (*path, row["keyword"]):
            continue
        place = root
        for keyword in path:
            place = place[keyword][1]
        optional = bool(path) and path[-1] in _FUNCTIONAL_GROUPS
        place[row["keyword"]] = ["3" if optional else row["type"], {}]
    return _pruned(root)


def _pruned(tree: Tree) -> Tree:
    kept = {}
    for keyword, (type_, items) in tree.items():
        below = _pruned(items)
        if type_ != "3" or below:
            kept[keyword] = [type_, below]
    return kept


def _macro(tree: Tree, macros: dict[str, Tree], names: dict[str, str]) -> str:
    """Store a tree once, however often the standard includes it; return its name."""
    flat = {
        keyword: [type_, _macro(items, macros, names)] if items else type_
        for keyword, (type_, items) in sorted(tree.items())
    }
    text = json.dumps(flat)
    if text not in names:
        names[text] = str(len(names))
        macros[names[text]] = flat
    return names[text]


def rendered() -> str:
    """Return the file's text."""
    return json.dumps(compiled(), separators=(",", ":")).replace('},"', '},\n"') + "\n"


def main() -> int:
    """Write the table beside this module."""
    path = Path(__file__).with_name(TABLE_FILE)
    path.write_text(rendered(), encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
