"""Files of answered studies go after a while; rows and events stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from mammo_node.journal.records import ExpiredStudy
from mammo_node.journal.spool import Spool
from mammo_node.journal.states import Event, Machine, StudyState
from mammo_node.journal.store import Store, Transaction
from mammo_node.journal.times import from_text, to_text


class Retention:
    """The part of the journal that lets files go."""

    _store: Store

    def expired(self, now: datetime, days: float) -> tuple[ExpiredStudy, ...]:
        """Return the studies that were answered more than ``days`` ago and still have files."""
        before = to_text(now - timedelta(days=days))
        with self._store.reading() as transaction:
            return tuple(
                ExpiredStudy(
                    study_id=row["id"],
                    study_instance_uid=row["study_instance_uid"],
                    answered_at=from_text(row["answered_at"]),
                )
                for row in transaction.rows("expired_studies", before=before)
            )

    def sweep(self, study: ExpiredStudy, now: datetime, spool: Spool) -> int:
        """Delete the files of an expired study; return how many.

        Result objects that were delivered nowhere exist only here and are kept. Rows are
        marked first: a crash in between leaves files that the next start removes, never a
        row that promises a file.
        """
        with self._store.writing() as transaction:
            row = transaction.row("study_by_id", study_id=study.study_id)
            if row is None or row["state"] != StudyState.ANSWERED:
                return 0  # a late view came: its study needs the files
            stored = _let_go(transaction, study.study_id, now)
        return sum(spool.remove(self._store.from_stored(path)) for path in stored)


def _let_go(transaction: Transaction, study_id: int, now: datetime) -> list[str]:
    instances = transaction.rows("instance_files_of_study", study_id=study_id)
    for row in instances:
        transaction.move(Machine.INSTANCE, row["id"], Event.SWEEP, now)
    results = transaction.rows("delivered_result_files_of_study", study_id=study_id)
    for row in results:
        transaction.change("sweep_result", id=row["id"], at=to_text(now))
    transaction.change("delete_opinions", study_id=study_id)
    transaction.change("note_swept", study_id=study_id, at=to_text(now))
    return [row["path"] for row in (*instances, *results)]
