"""Tables as data sets ship them: CSV with any of the usual separators, or an Excel sheet."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

from mammo_node.errors import GroundTruthError

_Value = TypeVar("_Value")
_SEPARATORS = ",;\t"
#: What people write for "nothing here".
_EMPTY = frozenset({"", "nan", "na", "n/a", "none", "null"})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: values by column name, and where it stands, for messages."""

    values: Mapping[str, str]
    where: str

    def only(self, columns: Sequence[str]) -> None:
        """Refuse columns that nobody reads: a misspelt one would be passed over in silence.

        Raises
        ------
        GroundTruthError
            If there are others than these.
        """
        unknown = [name for name in self.values if name and name not in columns]
        if unknown:
            raise GroundTruthError(
                f"{self.where}: unknown column {', '.join(map(repr, unknown))}"
                f" (known: {', '.join(columns)})"
            )

    def text(self, column: str) -> str:
        """Return a value without outer white space; '' where there is none."""
        found = " ".join(self.values.get(column, "").split())
        return "" if found.lower() in _EMPTY else found

    def needed(self, column: str) -> str:
        """Return a value that must be there.

        Raises
        ------
        GroundTruthError
            If the cell is empty.
        """
        found = self.text(column)
        if not found:
            raise GroundTruthError(f"{self.where}: {column!r} is empty; each line needs it")
        return found

    def number(self, column: str) -> float | None:
        """Return a number, None for an empty cell.

        Raises
        ------
        GroundTruthError
            If it is another thing than a finite number.
        """
        found = self.text(column)
        if not found:
            return None
        try:
            number = float(found)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):  # nor is infinity, which float() takes
            raise GroundTruthError(f"{self.where}: {column} = {found!r} is not a number")
        return number

    def one_of(self, column: str, meanings: Mapping[str, _Value]) -> _Value | None:
        """Return what a word means, None for an empty cell; case does not matter.

        Raises
        ------
        GroundTruthError
            If the word is none of those known.
        """
        found = self.text(column)
        if not found:
            return None
        if found.upper() not in meanings:
            known = ", ".join(meanings)
            raise GroundTruthError(f"{self.where}: {column} = {found!r} (known: {known})")
        return meanings[found.upper()]

    def needed_one_of(self, column: str, meanings: Mapping[str, _Value]) -> _Value:
        """Return what a word means, which must be there.

        Raises
        ------
        GroundTruthError
            As `needed` and `one_of`.
        """
        self.needed(column)
        found = self.one_of(column, meanings)
        if found is None:
            raise GroundTruthError(f"{self.where}: {column!r} is empty; each line needs it")
        return found


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Read a CSV file, or the first sheet of an .xlsx file.

    Column names count in lower case with underscores for white space, so that the spellings that
    are met in one data set agree (`breast density`, `breast_density`).

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str
        Columns that it must have.

    Raises
    ------
    GroundTruthError
        The file cannot be read, or lacks a column.
    """
    lines = _sheet(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    table = [cells for cells in lines if any(cell.strip() for cell in cells[1])]
    if not table:
        raise GroundTruthError(f"{path}: is empty; a line of column names is needed")
    names = ["_".join(cell.lower().replace("_", " ").split()) for cell in table[0][1]]
    missing = [name for name in columns if name not in names]
    if missing:
        raise GroundTruthError(
            f"{path}: column {', '.join(map(repr, missing))} is missing"
            f" (there are: {', '.join(filter(None, names))})"
        )
    return [
        Row(dict(zip(names, cells, strict=False)), f"{path}: line {number}")
        for number, cells in table[1:]
    ]


def _csv(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            separator = max(_SEPARATORS, key=first.count)
            # Quoted cells may hold line breaks: the reader knows which line it is at.
            reader = csv.reader(file, delimiter=separator)
            return [(reader.line_num, cells) for cells in reader]
    except OSError as error:
        raise GroundTruthError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise GroundTruthError(f"{path}: is not a CSV file in UTF-8: {error}") from error


def _sheet(path: Path) -> Iterable[tuple[int, list[str]]]:
    try:
        # Only this one file of one data set needs it: it is in the extra, not in the node.
        from openpyxl import load_workbook  # noqa: PLC0415
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError:
        raise GroundTruthError(
            f"{path}: reading Excel files needs openpyxl (pip install 'mammo-node[training]');"
            f" or save the sheet as {path.with_suffix('.csv').name} beside it"
        ) from None
    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = list(sheet.iter_rows(values_only=True))
    except OSError as error:
        raise GroundTruthError(f"{path}: cannot be read: {error.strerror}") from error
    except (BadZipFile, InvalidFileException, ValueError, KeyError, IndexError) as error:
        raise GroundTruthError(f"{path}: is not an Excel file: {error}") from error
    return [(n, ["" if c is None else str(c) for c in row]) for n, row in enumerate(rows, 1)]
