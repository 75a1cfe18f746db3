"""Jobs are claimed, kept alive, finished, put back, or left for a 'failed' answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from mammo_node.config import Retry
from mammo_node.errors import IllegalTransition, LeaseLost
from mammo_node.journal.opinions import store_opinions
from mammo_node.journal.records import Job, OpinionRecord, PriorResult, ResultRecord
from mammo_node.journal.results import store_result
from mammo_node.journal.retry import backoff
from mammo_node.journal.rows import job_of, prior_of
from mammo_node.journal.settle import settle_study
from mammo_node.journal.states import Event, JobState, Machine, StudyState
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import to_text
from mammo_node.vocabulary import Outcome

#: A job fails this often for reasons that may pass before it is given up.
MAX_FAILURES = 5
#: A job whose lease was lost this often is taken for what kills the whole node.
MAX_LOSSES = 30

_ANSWERABLE = (JobState.QUARANTINED, JobState.GIVEN_UP, JobState.OVERDUE)
_ANSWERED = (JobState.COMPLETED, JobState.FAILED, JobState.NOT_ATTEMPTED)


class Jobs:
    """The part of the journal that analysis workers talk to."""

    _store: Store

    def claim_job(self, owner: str, lease_s: float, now: datetime) -> Job | None:
        """Take the oldest due job for ``lease_s``; None when nothing is due.

        Jobs of one study run in the order of its generations.
        """
        with self._store.reading() as transaction:  # polls do not take the write lock
            if transaction.row("next_due_job", now=to_text(now)) is None:
                return None
        with self._store.writing() as transaction:
            due = transaction.row("next_due_job", now=to_text(now))
            if due is None:
                return None
            transaction.move(Machine.JOB, due["id"], Event.CLAIM, now, reason=owner)
            until = to_text(now + timedelta(seconds=lease_s))
            transaction.change("lease_job", id=due["id"], owner=owner, until=until)
            return self._job(transaction, due["id"])

    def heartbeat(self, job: Job, until: datetime) -> None:
        """Keep a claimed job.

        Raises
        ------
        LeaseLost
            If it is no longer this claim's; the worker must stop.
        """
        with self._store.writing() as transaction:
            kept = transaction.change(
                "extend_job",
                id=job.job_id,
                owner=job.owner,
                attempt=job.attempt,
                until=to_text(until),
            )
        if not kept:
            raise LeaseLost(f"job {job.job_id} is no longer held by {job.owner}")

    def complete_job(
        self,
        job: Job,
        results: Sequence[ResultRecord],
        outcome: Outcome,
        now: datetime,
        reason: str | None = None,
        *,
        opinions: Sequence[OpinionRecord] = (),
    ) -> None:
        """Store a job's answer: results, deliveries, states and events, all or nothing.

        Also how an abandoned job (:meth:`abandoned_jobs`) is answered. A result that is
        there already, by its UID, is neither stored nor sent again.

        Raises
        ------
        LeaseLost
            If the job is another claim's by now; nothing is stored.
        IllegalTransition
            If the job is finished already.
        """
        with self._store.writing() as transaction:
            row = _own(transaction, job)
            event = Event.ANSWER if row["state"] in _ANSWERABLE else Event.COMPLETE
            transaction.move(Machine.JOB, job.job_id, event, now, reason=reason)
            why = reason or (row["reason"] if event is Event.ANSWER else None)
            transaction.change("finish_job", id=job.job_id, at=to_text(now), reason=why)
            for result in results:
                store_result(self._store, transaction, job, result, now)
            store_opinions(transaction, job, opinions, now)
            transaction.change(
                "note_outcome", study_id=job.study_id, outcome=outcome, reason=why, at=to_text(now)
            )
            _results_made(transaction, row, now)

    def fail_job(
        self, job: Job, reason: str, retryable: bool, now: datetime, retry: Retry
    ) -> JobState:
        """Put a failed job back with backoff, or give it up; return its state.

        A job that was given up is among :meth:`abandoned_jobs` and needs an answer.

        Raises
        ------
        LeaseLost
            If the job is another claim's by now.
        """
        with self._store.writing() as transaction:
            row = _own(transaction, job)
            failures = row["failures"] + 1
            again = retryable and failures < MAX_FAILURES
            event = Event.FAIL if again else Event.GIVE_UP
            due_at = now + backoff(failures, retry, 0.0)
            return _put_back(
                transaction, job.job_id, event, now, due_at=due_at, reason=reason, failed=1
            )

    def release_job(self, job: Job, now: datetime, reason: str = "worker stops") -> None:
        """Put a job back untouched: the worker stops, or its model is down.

        Raises
        ------
        LeaseLost
            If the job is another claim's by now.
        """
        with self._store.writing() as transaction:
            _own(transaction, job)
            _put_back(transaction, job.job_id, Event.RELEASE, now, due_at=now, reason=reason)

    def record_kill(self, job: Job, now: datetime, max_kills: int, reason: str) -> JobState:
        """Note that the job took its worker down: put it back, or quarantine it.

        Returns
        -------
        JobState
            QUEUED, or QUARANTINED from the ``max_kills``-th time on.

        Raises
        ------
        LeaseLost
            If the job is another claim's by now.
        """
        with self._store.writing() as transaction:
            row = _own(transaction, job)
            last = row["kills"] + 1 >= max_kills
            event = Event.QUARANTINE if last else Event.LOSE_WORKER
            return _put_back(
                transaction, job.job_id, event, now, due_at=now, reason=reason, killed=1
            )

    def abandoned_jobs(self) -> tuple[Job, ...]:
        """Return the jobs that ended without an answer: quarantined, given up, or overdue.

        Each must be answered through :meth:`complete_job`, with a 'failed' or a 'not
        attempted' result; ``reason`` says why.
        """
        with self._store.reading() as transaction:
            found = transaction.rows("abandoned_jobs")
            return tuple(self._job(transaction, row["id"]) for row in found)

    def prior_results(self, job: Job) -> tuple[PriorResult, ...]:
        """Return the results of the study's earlier generations, oldest first."""
        with self._store.reading() as transaction:
            rows = transaction.rows(
                "prior_results", study_id=job.study_id, generation=job.generation
            )
            return tuple(prior_of(row) for row in rows)

    def _job(self, transaction: Transaction, job_id: int) -> Job:
        row = transaction.row("job", id=job_id)
        assert row is not None  # noqa: S101 - the caller has just seen it
        instances = transaction.rows(
            "instances_of_generation", study_id=row["study_id"], generation=row["generation"]
        )
        return job_of(row, instances, self._store)


def lose_job(transaction: Transaction, row: Row, now: datetime, reason: str) -> None:
    """Take a job from a worker that is gone; one that is lost too often is quarantined."""
    last = row["losses"] + 1 >= MAX_LOSSES
    event = Event.QUARANTINE if last else Event.LOSE_WORKER
    _put_back(transaction, row["id"], event, now, due_at=now, reason=reason, lost=1)


def _own(transaction: Transaction, job: Job) -> Row:
    """Return the job's row, if this claim may still write it."""
    row = transaction.row("job", id=job.job_id)
    if row is None or row["state"] in _ANSWERED:
        raise IllegalTransition(f"job {job.job_id} is finished or not there")
    if row["attempt"] != job.attempt or row["state"] != job.state:
        raise LeaseLost(f"job {job.job_id} is no longer held by {job.owner}")
    return row


def _put_back(
    transaction: Transaction,
    job_id: int,
    event: Event,
    now: datetime,
    *,
    due_at: datetime,
    reason: str,
    failed: int = 0,
    killed: int = 0,
    lost: int = 0,
) -> JobState:
    state = transaction.move(Machine.JOB, job_id, event, now, reason=reason)
    transaction.change(
        "put_job_back",
        id=job_id,
        due_at=to_text(due_at),
        reason=reason,
        failed=failed,
        killed=killed,
        lost=lost,
    )
    return JobState(state)


def _results_made(transaction: Transaction, job_row: Row, now: datetime) -> None:
    """Move the study on, unless a late view has begun its next generation meanwhile."""
    current = job_row["study_generation"] == job_row["generation"]
    if current and job_row["study_state"] == StudyState.READY:
        transaction.move(Machine.STUDY, job_row["study_id"], Event.RESULTS, now)
        settle_study(transaction, job_row["study_id"], now)
