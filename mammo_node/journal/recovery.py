"""After a crash: what was half done is done again or told, and nothing is lost silently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mammo_node.journal.deliveries import park, put_delivery_back
from mammo_node.journal.jobs import lose_job
from mammo_node.journal.records import RecoveryReport
from mammo_node.journal.spool import Spool
from mammo_node.journal.states import Event, InstanceState, Machine
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import to_text

_RESTARTED = "the node was restarted"


class Recovery:
    """The part of the journal that puts things right."""

    _store: Store

    def recover(self, now: datetime, spool: Spool) -> RecoveryReport:
        """Put journal and spool in order at start, before anything else runs.

        Only for the process that holds the storage folder (:meth:`Spool.lock`): every
        lease and every open association is taken for a dead process's, every file in
        ``incoming/`` for an unfinished one.

        Raises
        ------
        JournalError
            If the journal is damaged.
        """
        self._store.check_integrity()
        incoming = [spool.remove(path) for path in _files(spool.incoming)]
        with self._store.writing() as transaction:
            jobs, deliveries, associations = _take_back(transaction, now)
            missing_instances = self._miss_instances(transaction, now)
            missing_results = self._miss_results(transaction, now)
        orphans, leftovers = self._sort_studies(spool)
        return RecoveryReport(
            incoming_swept=len(incoming),
            results_swept=self._sweep_results(spool),
            leftovers_removed=leftovers,
            orphans=orphans,
            missing_instances=missing_instances,
            missing_results=missing_results,
            requeued_jobs=jobs,
            requeued_deliveries=deliveries,
            associations_closed=associations,
        )

    def requeue_expired(self, now: datetime) -> tuple[int, int]:
        """Take back jobs and deliveries whose lease ran out; return how many of each."""
        at = to_text(now)
        with self._store.writing() as transaction:
            jobs = transaction.rows("expired_jobs", now=at)
            deliveries = transaction.rows("expired_deliveries", now=at)
            _put_back(transaction, jobs, deliveries, now, "the lease ran out")
        return len(jobs), len(deliveries)

    def lose_instance(self, instance_id: int, now: datetime) -> None:
        """Note that the file of an instance is not there, though it should be."""
        with self._store.writing() as transaction:
            transaction.move(
                Machine.INSTANCE, instance_id, Event.LOSE_FILE, now, reason="file not in the spool"
            )

    def _miss_instances(self, transaction: Transaction, now: datetime) -> tuple[Path, ...]:
        missing = []
        for row in transaction.rows("kept_instance_files"):
            path = self._store.from_stored(row["path"])
            if not path.is_file():
                reason = "file not in the spool at start"
                transaction.move(Machine.INSTANCE, row["id"], Event.LOSE_FILE, now, reason=reason)
                missing.append(path)
        return tuple(missing)

    def _miss_results(self, transaction: Transaction, now: datetime) -> tuple[Path, ...]:
        missing = []
        for row in transaction.rows("kept_result_files"):
            path = self._store.from_stored(row["path"])
            if path.is_file():
                continue
            waiting = transaction.rows("unfinished_deliveries_of_result", result_id=row["id"])
            for delivery in waiting:
                reason = f"the result file {path.name} is not in the spool"
                park(transaction, delivery["id"], delivery["study_id"], now, reason)
            if waiting:
                missing.append(path)
        return tuple(missing)

    def _sort_studies(self, spool: Spool) -> tuple[tuple[Path, ...], int]:
        """Move files without a row aside, delete those whose row is swept."""
        orphans, leftovers = [], 0
        for path in _files(spool.studies):
            row = self._row_at("instance_at", path)
            if row is None:
                orphans.append(spool.move_to_orphans(path))
            elif row["state"] == InstanceState.SWEPT:
                leftovers += spool.remove(path)
        return tuple(orphans), leftovers

    def _sweep_results(self, spool: Spool) -> int:
        swept = 0
        for path in _files(spool.results):
            row = self._row_at("result_at", path)
            if row is None or row["swept_at"] is not None:
                swept += spool.remove(path)
        return swept

    def _row_at(self, query: str, path: Path) -> Row | None:
        with self._store.reading() as transaction:
            return transaction.row(query, path=self._store.to_stored(path))


def _take_back(transaction: Transaction, now: datetime) -> tuple[int, int, int]:
    jobs = transaction.rows("running_jobs")
    deliveries = transaction.rows("running_deliveries")
    _put_back(transaction, jobs, deliveries, now, _RESTARTED)
    return len(jobs), len(deliveries), transaction.change("release_all_senders", at=to_text(now))


def _put_back(
    transaction: Transaction,
    jobs: list[Row],
    deliveries: list[Row],
    now: datetime,
    reason: str,
) -> None:
    for row in jobs:
        lose_job(transaction, row, now, reason)
    for row in deliveries:
        put_delivery_back(transaction, row["id"], Event.LOSE_WORKER, now)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())
