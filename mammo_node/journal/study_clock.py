"""Studies become ready: the clock over everything that is still being received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mammo_node.config import Completion
from mammo_node.journal.completion import Arrivals, ready_reason, standard_views
from mammo_node.journal.records import DueStudy
from mammo_node.journal.rows import summary_of
from mammo_node.journal.states import Event, Machine, StudyState
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import from_text, optional_time, to_text


class StudyClock:
    """The part of the journal that makes jobs of studies."""

    _store: Store

    def studies_due(
        self, now: datetime, completion_for: Callable[[str], Completion]
    ) -> tuple[DueStudy, ...]:
        """Return the studies that are ready now, by the rules of :mod:`.completion`.

        ``completion_for`` gives the settings of a calling AE title.
        """
        with self._store.reading() as transaction:
            found = (
                _due(transaction, row, now, completion_for)
                for row in transaction.rows("studies_receiving")
            )
            return tuple(study for study in found if study is not None)

    def mark_ready(self, study: DueStudy, now: datetime) -> bool:
        """Queue the study's analysis; return False when that was done already.

        A study that moved on since :meth:`studies_due`, because another process was
        faster, is left alone.
        """
        with self._store.writing() as transaction:
            row = transaction.row("study_by_id", study_id=study.study_id)
            if row is None or row["state"] != StudyState.RECEIVING:
                return False
            if row["generation"] != study.generation:
                return False
            _make_ready(transaction, study, now)
            return True


def _make_ready(transaction: Transaction, study: DueStudy, now: datetime) -> None:
    transaction.move(Machine.STUDY, study.study_id, Event.READY, now, reason=study.reason)
    transaction.change("note_ready", study_id=study.study_id, at=to_text(now))
    transaction.change("forget_senders", study_id=study.study_id)
    transaction.bear(
        Machine.JOB,
        "insert_job",
        Event.ENQUEUE,
        now,
        study_id=study.study_id,
        generation=study.generation,
    )


def _due(
    transaction: Transaction,
    row: Row,
    now: datetime,
    completion_for: Callable[[str], Completion],
) -> DueStudy | None:
    settings = completion_for(row["calling_ae_title"])
    reason = ready_reason(_arrivals(transaction, row), now, settings)
    if reason is None:
        return None
    return DueStudy(
        study_id=row["id"],
        study_instance_uid=row["study_instance_uid"],
        generation=row["generation"],
        calling_ae_title=row["calling_ae_title"],
        reason=reason,
    )


def _arrivals(transaction: Transaction, row: Row) -> Arrivals:
    instances = transaction.rows("standard_views_of_study", study_id=row["id"])
    return Arrivals(
        views=standard_views(summary_of(instance) for instance in instances),
        first_at=from_text(row["first_instance_at"]),
        last_at=from_text(row["last_instance_at"]),
        senders_open=row["senders_open"],
        senders_aborted=row["senders_aborted"],
        last_gone_at=optional_time(row["last_gone_at"]),
    )
