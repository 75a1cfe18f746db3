"""Studies that are not analysed in time are answered without, and analysed when that can be.

Rules:

* Only a job that waits becomes overdue. One that runs ends by itself within its own deadline,
  so a node that is merely slow does not throw its work away.
* Only images begin a deadline: an analysis that is repeated has no new one, since its study
  has been answered.
* A study that was answered 'not attempted' is taken up again as a new generation, whose
  results supersede that answer, while its files are there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from mammo_node.errors import JournalError
from mammo_node.journal.records import OverdueStudy
from mammo_node.journal.states import TRANSITIONS, Event, Machine, StudyState
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import from_text, to_text

_QUEUE = "other studies were in front of it"


class Overdue:
    """The part of the journal that watches over the time that an answer takes."""

    _store: Store

    def expire_jobs(
        self, now: datetime, waits_s: Callable[[str], float], cause: str | None = None
    ) -> tuple[OverdueStudy, ...]:
        """Close the queued jobs that waited too long; :meth:`abandoned_jobs` has them then.

        Parameters
        ----------
        waits_s : callable
            Gives how long after its last image the study of a calling AE title may wait.
        cause : str or None
            What keeps studies waiting, for those that do not say so themselves.
        """
        with self._store.reading() as transaction:  # polls do not take the write lock
            if not any(_late(row, now, waits_s) for row in transaction.rows("queued_jobs")):
                return ()
        with self._store.writing() as transaction:
            late = [row for row in transaction.rows("queued_jobs") if _late(row, now, waits_s)]
            return tuple(_expire(transaction, row, now, cause) for row in late)

    def next_study_to_analyse_again(self) -> int | None:
        """Return a study that was answered 'not attempted' for want of time, oldest first."""
        with self._store.reading() as transaction:
            row = transaction.row("next_study_to_analyse_again")
            return None if row is None else int(row["id"])

    def analyse_again(self, study_id: int, now: datetime, reason: str) -> bool:
        """Queue another analysis of a study; return False when it is not at rest.

        Its results are a new generation, which supersedes the ones before.
        """
        with self._store.writing() as transaction:
            row = transaction.row("study_by_id", study_id=study_id)
            if row is None or not _at_rest(row):
                return False
            _analyse_again(transaction, row, now, reason)
            return True

    def study_to_analyse_again(self, study_instance_uid: str) -> int:
        """Return the id of a study that can be analysed again.

        Raises
        ------
        JournalError
            If there is no such study, it is not answered yet, or its images are gone.
        """
        with self._store.reading() as transaction:
            row = transaction.row("study_by_uid", study_instance_uid=study_instance_uid)
            if row is None:
                raise JournalError(f"no study {study_instance_uid} was received")
            if not _at_rest(row):
                raise JournalError(
                    f"study {study_instance_uid} is {row['state']}: it is analysed anyway"
                )
            if transaction.row("has_images", study_id=row["id"]) is None:
                raise JournalError(
                    f"study {study_instance_uid}: its images are gone; send them again"
                )
            return int(row["id"])


def _late(row: Row, now: datetime, waits_s: Callable[[str], float]) -> bool:
    if row["last_image_at"] is None:
        return False
    limit = timedelta(seconds=waits_s(row["calling_ae_title"]))
    return now - from_text(row["last_image_at"]) >= limit


def _expire(transaction: Transaction, row: Row, now: datetime, cause: str | None) -> OverdueStudy:
    reason = row["reason"] or cause or _QUEUE
    transaction.move(Machine.JOB, row["id"], Event.EXPIRE, now, reason=reason)
    transaction.change("finish_job", id=row["id"], at=to_text(now), reason=reason)
    return OverdueStudy(row["study_instance_uid"], reason)


def _at_rest(row: Row) -> bool:
    return (StudyState(row["state"]), Event.ANALYSE_AGAIN) in TRANSITIONS[Machine.STUDY]


def _analyse_again(transaction: Transaction, row: Row, now: datetime, reason: str) -> None:
    transaction.move(Machine.STUDY, row["id"], Event.ANALYSE_AGAIN, now, reason=reason)
    transaction.change("begin_analysis_again", study_id=row["id"], at=to_text(now))
    transaction.bear(
        Machine.JOB,
        "insert_job",
        Event.ENQUEUE,
        now,
        study_id=row["id"],
        generation=row["generation"] + 1,
    )
