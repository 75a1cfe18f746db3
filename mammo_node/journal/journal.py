"""The journal: everything that the node knows, behind one object."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from mammo_node.journal.commitments import Commitments
from mammo_node.journal.deliveries import Deliveries
from mammo_node.journal.intake import Intake
from mammo_node.journal.jobs import Jobs
from mammo_node.journal.opinions import Opinions
from mammo_node.journal.overdue import Overdue
from mammo_node.journal.overview import Overview
from mammo_node.journal.recovery import Recovery
from mammo_node.journal.retention import Retention
from mammo_node.journal.store import Store
from mammo_node.journal.study_clock import StudyClock

#: The journal's file in the storage folder.
JOURNAL_NAME = "journal.db"


class Journal(
    Intake,
    StudyClock,
    Jobs,
    Overdue,
    Deliveries,
    Commitments,
    Opinions,
    Overview,
    Retention,
    Recovery,
):
    """The journal of one storage folder; threads may share it, processes open their own.

    Parameters
    ----------
    path : Path
        The SQLite file, ``<storage folder>/journal.db``; made where it is missing.

    Raises
    ------
    JournalError
        If the file is damaged, no journal, or of a newer version of this software.
    OutOfResources
        If it cannot be opened for lack of space or rights.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def check_integrity(self) -> None:
        """Look through the whole file.

        Raises
        ------
        JournalError
            If it is damaged.
        """
        self._store.check_integrity()
