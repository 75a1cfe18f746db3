"""The page on reading keeps up with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.vocabulary import RefusalReason

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reading.md"


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_reason_is_explained(reason: RefusalReason) -> None:
    """Each reason that can stand in a result has its line on the page."""
    assert f"| `{reason}` |" in PAGE.read_text(encoding="utf-8")
