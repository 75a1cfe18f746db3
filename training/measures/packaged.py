"""What runs a package in the node, to be asked about images as the node asks it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from mammo_node.config import Models, Worker
from mammo_node.engine import Engine

_Kind = TypeVar("_Kind")


def packaged(folder: Path, kind: type[_Kind]) -> _Kind:
    """Load a package as the node does.

    Raises
    ------
    SystemExit
        If the package is of another family than what `kind` runs.
    """
    engine = Engine.start(Models(folder=folder.resolve().parent, use=(folder.name,)), Worker())
    runner = engine.loaded[0].runner
    if not isinstance(runner, kind):
        raise SystemExit(f"{folder}: is no package for a {kind.__name__}")
    return runner
