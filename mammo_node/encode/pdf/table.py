"""A table of the report: pure, without a page in sight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mammo_node.encode import statement
from mammo_node.encode.typeface import written

#: What is written at length is cut here: rows of a table do not run over pages.
_MOST_LETTERS: Final = 400


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, column names with their share of the page's width, and rows of text."""

    heading: str
    columns: tuple[str, ...]
    shares: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def told(text: str) -> str:
    """Return a text of others as it is printed: at no great length, without unknown letters."""
    return statement.shortened(written(text), _MOST_LETTERS)
