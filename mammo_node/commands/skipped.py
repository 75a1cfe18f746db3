"""What a command passed over is told, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

#: More are counted: a folder may hold nothing else.
_NAMED = 5


def tell_skipped(paths: Sequence[Path]) -> None:
    """Name files that are no DICOM instances."""
    for path in paths[:_NAMED]:
        print(f"{path}: not a DICOM instance, skipped", file=sys.stderr)
    if len(paths) > _NAMED:
        print(f"and {len(paths) - _NAMED} more files skipped", file=sys.stderr)
