"""The whole journal as a state machine: any order of steps, a crash after any of them.

What must hold at every point: no acknowledged instance is lost, no generation of a study
is answered twice, no object goes out under two UIDs, every state was reached by the table,
and whatever happened, a node that keeps running answers every study.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
import uuid
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydicom.dataset import Dataset

from mammo_node.config import Completion, Destination, Retry
from mammo_node.deliver.commitment import Clerk
from mammo_node.deliver.courier import Courier
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.errors import DeliveryRefused, DestinationUnreachable, JournalError, LeaseLost
from mammo_node.journal import Job, ResultRecord
from mammo_node.journal.states import (
    STATES,
    TRANSITIONS,
    Event,
    InstanceState,
    JobState,
    Machine,
    StudyState,
)
from mammo_node.vocabulary import CommitmentReport, Outcome, OutputKind
from tests.unit.journal_cases import COMPREHENSIVE_3D_SR, EXPLICIT_LE, Bench

_STUDIES = st.sampled_from(["1.1", "1.2"])
_VIEWS = st.sampled_from([("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"), (None, None)])
_ENDS = ["complete", "complete", "complete", "fail", "give up", "kill", "release"]
_MOODS = ["takes", "takes", "down", "refuses", "breaks", "dies"]
_PROMISES = ["commits", "commits", "is silent", "has lost it", "is busy", "is down", "dies"]
_CONTENTS = st.sampled_from([b"a", b"a", b"a", b"b"])

#: What each step draws.
_ARGUMENTS = {
    "receive": (_STUDIES, _VIEWS, st.integers(0, 4), _CONTENTS),
    "release": (st.booleans(),),
    "time_passes": (st.sampled_from([1, 61, 2000, 2000, 8 * 86400]),),
    "claim": (),
    "finish": (st.integers(0, 3), st.sampled_from(_ENDS)),
    "go_on": (
        st.integers(1, 4),
        st.sampled_from(_ENDS),
        st.sampled_from(_MOODS),
        st.booleans(),
    ),
    "answer_abandoned": (),
    "expire": (),
    "catch_up": (),
    "deliver": (st.sampled_from(_MOODS),),
    "archive": (st.sampled_from(_MOODS[:4]),),
    "ask": (st.sampled_from(_PROMISES),),
    "report_late": (st.integers(0, 3),),
    "retry": (),
    "sweep": (),
    "crash": (),
}
_STEPS = [
    *_ARGUMENTS,
    *("receive", "receive", "go_on", "go_on", "go_on", "deliver"),
    *("archive", "archive", "ask", "ask"),
]


_PACS = Destination(name="pacs", ae_title="PACS", host="host", port=104)
_ARCHIVE = Destination(name="archive", ae_title="ARCHIVE", host="host", port=104, commitment=True)


def _new_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"


class Pacs:
    """A peer with moods; remembers the content that each UID came with."""

    def __init__(self) -> None:
        self.mood = "takes"
        self.holds: dict[str, bytes] = {}
        self.conflicts = 0

    def __call__(self, _destination, _title, items, /):
        for number, item in enumerate(items):
            yield self._answer(item, number)

    def _answer(self, item: StoredObject, number: int) -> SendOutcome:
        if self.mood == "down":
            error = DestinationUnreachable("down")
            return SendOutcome(item, failure=error, associated=False)
        if self.mood == "refuses":
            return SendOutcome(item, 0xC000)
        if self.mood == "breaks" and number:
            broken = DestinationUnreachable("broken") if number == 1 else None
            return SendOutcome(item, failure=broken)
        if item.sop_instance_uid in self.holds:
            self.conflicts += self.holds[item.sop_instance_uid] != item.path.read_bytes()
            return SendOutcome(item, 0x0111)
        self.holds[item.sop_instance_uid] = item.path.read_bytes()
        return SendOutcome(item, 0x0000)


class Archive(Pacs):
    """A peer that is asked to commit, and keeps its promises or not."""

    def __init__(self) -> None:
        super().__init__()
        self.promise = "commits"
        self.promised: set[str] = set()
        self.owed: list[CommitmentReport] = []

    def ask(self, _destination, _title, transaction_uid, references, /, *, on_report, linger_s):
        uids = frozenset(uid for _, uid in references)
        assert uids <= set(self.holds)
        if self.promise == "is down":
            raise DestinationUnreachable("down")
        if self.promise == "is busy":
            raise DeliveryRefused("busy", status=0x0213)
        if self.promise == "has lost it":
            for uid in uids - self.promised:
                del self.holds[uid]
            report = CommitmentReport(transaction_uid, frozenset(), dict.fromkeys(uids, 0x0112))
            assert on_report(_information(report)) == 0x0000
            return
        self.promised |= uids
        report = CommitmentReport(transaction_uid, uids, {})
        if self.promise == "commits":
            assert on_report(_information(report)) == 0x0000
        else:
            self.owed.append(report)


def _information(report: CommitmentReport) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = report.transaction_uid
    ds.ReferencedSOPSequence = [_reference(uid) for uid in sorted(report.committed)]
    ds.FailedSOPSequence = [_reference(uid, reason) for uid, reason in report.failed.items()]
    return ds


def _reference(uid: str, reason: int | None = None) -> Dataset:
    ds = Dataset()
    ds.ReferencedSOPInstanceUID = uid
    if reason is not None:
        ds.FailureReason = reason
    return ds


class CrashingNode(RuleBasedStateMachine):
    """Steps of receivers, workers and couriers, with the power cut in between."""

    @initialize(views=st.integers(1, 4))
    def begin(self, views: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="journal-"))
        self.bench = Bench(self.folder)
        self._be_quick()
        self.pacs = Pacs()
        self.archives = Archive()
        self.jobs: list[Job] = []
        self.acknowledged: dict[str, bytes] = {}
        self.looked_at: set[str] = set()
        for number in range(views):
            self.receive("1.1", ("R", "CC"), number, b"a")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.bench.journal.close()
            shutil.rmtree(self.folder)

    @rule(data=st.data(), step=st.sampled_from(_STEPS))
    def step(self, data: st.DataObject, step: str) -> None:
        """One rule for all, so that each step is as frequent as it is listed."""
        draws = [data.draw(strategy) for strategy in _ARGUMENTS[step]]
        getattr(self, step)(*draws)

    def receive(self, study: str, view: tuple, number: int, content: bytes) -> None:
        uid = f"{study}.{number}"
        outcome = self.bench.receive(*view, uid=uid, study=study, content=content)
        if outcome.accepted:
            assert self.acknowledged.setdefault(uid, content) == content
        else:
            assert self.acknowledged[uid] != content

    def release(self, aborted: bool) -> None:
        self.bench.journal.association_released("a", "MODALITY", [], self.bench.now, aborted)

    def time_passes(self, seconds: int) -> None:
        self.bench.now += timedelta(seconds=seconds)
        self.bench.journal.requeue_expired(self.bench.now)
        for study in self.bench.journal.studies_due(self.bench.now, lambda _: Completion()):
            self.bench.journal.mark_ready(study, self.bench.now)

    def claim(self) -> None:
        job = self.bench.journal.claim_job("w", 60, self.bench.now)
        if job is not None:
            self.jobs.append(job)

    def finish(self, which: int, how: str) -> None:
        """A worker comes back with its job, however late."""
        if not self.jobs:
            return
        job = self.jobs.pop(which % len(self.jobs))
        journal, now = self.bench.journal, self.bench.now
        try:
            if how == "complete":
                self._complete(job, Outcome.NO_FINDINGS)
            elif how == "kill":
                journal.record_kill(job, now, 2, "signal 9")
            elif how == "release":
                journal.release_job(job, now)
            else:
                journal.fail_job(job, how, how == "fail", now, Retry())
        except (LeaseLost, JournalError):
            return

    def answer_abandoned(self) -> None:
        for job in self.bench.journal.abandoned_jobs():
            overdue = job.state == JobState.OVERDUE
            self._complete(job, Outcome.NOT_ATTEMPTED if overdue else Outcome.FAILED)

    def expire(self) -> None:
        """What waits longer than ten minutes is not analysed any more."""
        self.bench.journal.expire_jobs(self.bench.now, lambda _: 600.0)

    def catch_up(self) -> None:
        study_id = self.bench.journal.next_study_to_analyse_again()
        if study_id is not None:
            self.bench.journal.analyse_again(study_id, self.bench.now, "there is time")

    def deliver(self, mood: str) -> None:
        if mood == "dies":
            self.deliver_and_die()
            return
        self.pacs.mood = mood
        self._courier().step()

    def deliver_and_die(self) -> None:
        """The peer took the object, the node dies before it knows."""
        self.pacs.mood = "takes"
        for delivery in self.bench.due(limit=1):
            item = StoredObject(delivery.path, "", delivery.sop_instance_uid, "")
            self.pacs._answer(item, 0)
        self.crash()

    def archive(self, mood: str) -> None:
        self.archives.mood = mood
        self._courier(_ARCHIVE, self.archives).step()

    def ask(self, promise: str) -> None:
        if promise != "dies":
            self.archives.promise = promise
            self._clerk().step()
            return
        # The request is noted, and perhaps sent, and the node is gone.
        self.bench.journal.begin_commitment("archive", _new_uid(), self.bench.now, 10, wait_s=60)
        self.crash()

    def report_late(self, which: int) -> None:
        """A report on an association of the peer's own, in whatever order."""
        if self.archives.owed:
            report = self.archives.owed.pop(which % len(self.archives.owed))
            clerk = self._clerk()
            assert self.bench.journal.commitment_reported(
                report, ["archive"], self.bench.now, clerk.decide
            )

    def go_on(self, steps: int, how: str, mood: str, crashes: bool) -> None:
        """The way of a study, cut off anywhere: what is seldom reached by single steps."""
        way = (
            lambda: self.time_passes(2000),
            self.claim,
            lambda: self.finish(-1, how),
            lambda: self.deliver(mood),
        )
        for step in way[:steps]:
            step()
        if crashes:
            self.crash()

    def retry(self) -> None:
        self.bench.journal.retry(self.bench.now)

    def sweep(self) -> None:
        self.bench.sweep_all()

    def crash(self) -> None:
        """Half a file in incoming/, a whole one without a row, a result without a job."""
        self.bench.spool.open_incoming().write(b"half")
        with self.bench.spool.open_incoming() as file:
            file.commit()
        self.bench.spool.write_result("nobodys.dcm", b"")
        self.bench.reopen()
        self._be_quick()
        report = self.bench.journal.recover(self.bench.now, self.bench.spool)
        assert report.missing_instances == report.missing_results == ()
        assert len(report.orphans) == 1

    def _be_quick(self) -> None:
        """It is the process that dies here, not the machine: the page cache survives."""
        self.bench.journal._store._connection.execute("PRAGMA synchronous = OFF")

    def _complete(self, job: Job, outcome: Outcome) -> None:
        self.bench.journal.complete_job(job, self._results(job), outcome, self.bench.now)
        self.looked_at |= {instance.ref.sop_instance_uid for instance in job.instances}

    def _courier(self, destination: Destination | None = None, peer: Pacs | None = None) -> Courier:
        return Courier(
            journal=self.bench.journal,
            destination=destination or _PACS,
            calling_ae_title="MAMMO_AI",
            retry=Retry(),
            owner="courier",
            clock=lambda: self.bench.now,
            send=peer or self.pacs,
        )

    def _clerk(self) -> Clerk:
        return Clerk(
            journal=self.bench.journal,
            destination=_ARCHIVE,
            calling_ae_title="MAMMO_AI",
            retry=Retry(),
            clock=lambda: self.bench.now,
            new_uid=_new_uid,
            ask=self.archives.ask,
        )

    def _results(self, job: Job) -> list[ResultRecord]:
        """Deterministic like the real ones: a hash of what went in."""
        inputs = "|".join(sorted(f"{i.ref.content_hash}{i.available}" for i in job.instances))
        if job.state == JobState.OVERDUE:
            inputs += "not attempted"  # the kind of answer is part of its identity
        digest = hashlib.sha256(f"{job.study_instance_uid}{inputs}".encode()).hexdigest()
        uid = f"2.25.{int(digest[:30], 16)}"
        path = self.bench.spool.write_result(f"{digest[:40]}.dcm", digest.encode())
        return [
            ResultRecord(
                kind=OutputKind.SR,
                sop_class_uid=COMPREHENSIVE_3D_SR,
                sop_instance_uid=uid,
                series_instance_uid="2.25.1",
                transfer_syntax_uid=EXPLICIT_LE,
                content_hash=digest,
                path=path,
                size_bytes=len(digest),
                destinations=("pacs", "archive"),
            )
        ]

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        with self.bench.journal._store.reading() as transaction:
            for uid, content in self.acknowledged.items():
                row = transaction.rows("instances_with_uid", sop_instance_uid=uid)[0]
                assert row["content_hash"] == hashlib.sha256(content).hexdigest()
                assert row["state"] in (InstanceState.ACCEPTED, InstanceState.SWEPT)
            for row in transaction.rows("kept_instance_files"):
                assert self.bench.journal._store.from_stored(row["path"]).is_file()

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        assert self.pacs.conflicts == 0
        answers = self._query(
            "SELECT entity_id, count(*) FROM events WHERE entity = 'job'"
            " AND to_state IN ('completed', 'failed', 'not-attempted')"
            " GROUP BY entity_id HAVING count(*) > 1"
        )
        assert answers == []
        assert self.archives.conflicts == 0
        assert self._delivered("pacs") <= set(self.pacs.holds)

    @invariant()
    def what_is_delivered_to_an_archive_is_committed(self) -> None:
        """No object counts as delivered that the archive has not promised to keep."""
        delivered = self._delivered("archive")
        assert delivered <= self.archives.promised
        assert delivered <= set(self.archives.holds)

    @invariant()
    def a_study_does_not_run_ahead_of_its_jobs(self) -> None:
        """Results are on their way only if this generation's job made them; one job at a time."""
        ahead = self._query(
            "SELECT s.id FROM studies s JOIN jobs j ON j.study_id = s.id"
            " AND j.generation = s.generation"
            " WHERE s.state IN ('delivering', 'undelivered', 'answered')"
            " AND j.state NOT IN ('completed', 'failed', 'not-attempted')"
        )
        assert ahead == []
        answered_too_early = self._query(
            "SELECT d.id FROM deliveries d JOIN studies s ON s.id = d.study_id"
            " WHERE s.state = 'answered' AND d.state <> 'delivered'"
        )
        assert answered_too_early == []
        running = self._query(
            "SELECT study_id FROM jobs WHERE state = 'running' GROUP BY study_id"
            " HAVING count(*) > 1"
        )
        assert running == []

    @invariant()
    def events_tell_the_whole_story(self) -> None:
        """Every state can be derived from the events, and every event is in the table."""
        told: dict[tuple[str, int], str | None] = defaultdict(lambda: None)
        for entity, number, event, before, after in self._query(
            "SELECT entity, entity_id, event, from_state, to_state FROM events ORDER BY id"
        ):
            assert told[entity, number] == before
            assert TRANSITIONS[Machine(entity)][before, Event(event)] == after
            told[entity, number] = after
        counted = Counter((entity, state) for (entity, _), state in told.items())
        counts = self.bench.journal.counts()
        for machine in Machine:
            for state in STATES[machine]:
                assert counts[machine][state] == counted[machine.value, state.value]

    def _delivered(self, destination: str) -> set[str]:
        rows = self._query(
            "SELECT d.destination, r.sop_instance_uid FROM deliveries d"
            " JOIN results r ON r.id = d.result_id WHERE d.state = 'delivered'"
        )
        return {uid for name, uid in rows if name == destination}

    def _query(self, statement: str) -> list[tuple]:
        connection = sqlite3.connect(self.folder / "storage" / "journal.db")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


class EndingNode(CrashingNode):
    """The same, and at the end the node is left to run in peace: everything is answered."""

    def teardown(self) -> None:
        try:
            if hasattr(self, "bench"):
                self._run_in_peace()
        finally:
            super().teardown()

    def _run_in_peace(self) -> None:
        self.crash()
        bench = self.bench
        for _ in range(12):
            bench.now += timedelta(hours=2)
            self.time_passes(2000)
            while (job := bench.journal.claim_job("w", 60, bench.now)) is not None:
                self._complete(job, Outcome.NO_FINDINGS)
            self.answer_abandoned()
            self.catch_up()
            bench.journal.retry(bench.now)
            self.deliver("takes")
            self.archive("takes")
            bench.now += timedelta(minutes=1)
            self.ask("commits")
        states = {study.study_instance_uid: study.state for study in bench.journal.overview()}
        assert set(states.values()) <= {StudyState.ANSWERED}, states
        assert self.looked_at == set(self.acknowledged)
        assert set(states) == {uid.rpartition(".")[0] for uid in self.acknowledged}


EndingNode.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture
def _no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


@pytest.mark.usefixtures("_no_fsync")
class TestCrashingNode(EndingNode.TestCase):
    """Nothing lost, nothing answered twice, every state legal, and an answer in the end."""
