"""Storage commitment in the journal: nothing counts as delivered before it is promised."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mammo_node.config import Destination, Retry
from mammo_node.deliver.commitment import Ask, Clerk
from mammo_node.errors import DeliveryError, DeliveryRefused, DestinationUnreachable
from mammo_node.journal import Journal
from mammo_node.journal.retry import Park, RetryAt, SendAgain, decide_commitment
from mammo_node.journal.states import DeliveryState, StudyState
from mammo_node.journal.store import SCHEMA_VERSION, Store
from mammo_node.vocabulary import CommitmentReport
from tests.unit.journal_cases import START, Bench, after

_FIRST_SCHEMA = Path(__file__).with_name("journal-schema-1.sql")
_RETRY = Retry(first_s=10, max_s=1000, give_up_days=2, jitter=0.0)
_PACS = Destination(
    name="pacs", ae_title="PACS", host="pacs", port=104, commitment=True, commitment_timeout_s=600
)


def _decide(now: datetime) -> Callable[[int, int, datetime], RetryAt | SendAgain | Park]:
    return lambda reason, asked, since: decide_commitment(reason, asked, since, now, _RETRY)


class Archive:
    """Remembers what it was asked; fails as it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.error: DeliveryError | None = None

    def __call__(self, _destination, _title, uid, references, /, *, on_report, linger_s) -> None:
        self.asked.append((uid, [instance for _, instance in references]))
        if self.error is not None:
            raise self.error

    def report(
        self, *, failed: dict[str, int] | None = None, request: int = -1
    ) -> CommitmentReport:
        uid, instances = self.asked[request]
        failed = failed or {}
        return CommitmentReport(uid, frozenset(instances) - failed.keys(), failed)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Two results that the peer has stored, waiting for its commitment."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=2)
    _store_all(bench)
    return bench


def _store_all(bench: Bench) -> None:
    for delivery in bench.due():
        ask_at = bench.now + timedelta(seconds=3)
        bench.journal.stored(delivery, 0x0000, bench.now, ask_at=ask_at)
    bench.now += timedelta(seconds=3)


def _clerk(bench: Bench, ask: Ask) -> Clerk:
    numbers = iter(range(1, 1000))
    return Clerk(
        journal=bench.journal,
        destination=_PACS,
        calling_ae_title="MAMMO_AI",
        retry=_RETRY,
        clock=lambda: bench.now,
        new_uid=lambda: f"2.25.{next(numbers)}",
        ask=ask,
        random=lambda: 0.0,
    )


def _report(
    bench: Bench, report: CommitmentReport, destinations: tuple[str, ...] = ("pacs",)
) -> bool:
    return bench.journal.commitment_reported(report, destinations, bench.now, _decide(bench.now))


def _states(bench: Bench) -> list[DeliveryState]:
    return [d.state for d in bench.journal.overview()[0].deliveries]


def test_stored_is_not_delivered(bench: Bench) -> None:
    """A study is answered when all is committed to, and its files are kept until then."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    assert clerk.step()
    assert not clerk.step()
    assert _states(bench) == [DeliveryState.STORED] * 2
    assert bench.journal.overview()[0].state is StudyState.DELIVERING
    bench.now += timedelta(days=30)
    bench.sweep_all()
    assert bench.files() != []
    assert _report(bench, archive.report())
    (study,) = bench.journal.overview()
    assert study.state is StudyState.ANSWERED
    assert {d.committed_at for d in study.deliveries} == {bench.now}


def test_a_report_may_be_faster_than_the_answer(bench: Bench) -> None:
    """The request is known before it is sent, so that no report comes too early."""
    archive = Archive()

    def ask(*arguments, on_report, linger_s) -> None:
        archive(*arguments, on_report=on_report, linger_s=linger_s)
        assert _report(bench, archive.report())

    _clerk(bench, ask).step()
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_what_is_not_reported_is_asked_for_again(bench: Bench) -> None:
    """After the timeout a new transaction asks for what is left; late reports still count."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    clerk.step()
    one, two = archive.asked[0][1]
    assert _report(bench, CommitmentReport(archive.asked[0][0], frozenset([one]), {}))
    bench.now += timedelta(seconds=599)
    assert not clerk.step()
    bench.now += timedelta(seconds=1)
    assert clerk.step()
    assert archive.asked[1][1] == [two]
    assert archive.asked[1][0] != archive.asked[0][0]
    assert _report(bench, archive.report(request=0))
    assert bench.journal.overview()[0].state is StudyState.ANSWERED
    assert _report(bench, archive.report(request=1)), "a repeated report is harmless"


def test_a_stranger_cannot_report(bench: Bench) -> None:
    """An unknown transaction, or another destination's, changes nothing."""
    archive = Archive()
    _clerk(bench, archive).step()
    report = archive.report()
    assert not _report(bench, CommitmentReport("2.25.9", report.committed, {}))
    assert not _report(bench, report, destinations=("elsewhere",))
    assert _states(bench) == [DeliveryState.STORED] * 2


def test_what_was_not_asked_for_is_not_committed(bench: Bench) -> None:
    """A report speaks for the objects of its own transaction alone."""
    archive = Archive()
    _clerk(bench, archive).step()
    foreign = CommitmentReport(archive.asked[0][0], frozenset(["2.25.77"]), {"2.25.78": 0x0112})
    assert _report(bench, foreign)
    assert _states(bench) == [DeliveryState.STORED] * 2


def test_what_the_peer_has_lost_is_sent_again(bench: Bench) -> None:
    """0112: the object goes back into the queue, is sent, and asked for anew."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    clerk.step()
    lost = archive.asked[0][1][0]
    assert _report(bench, archive.report(failed={lost: 0x0112}))
    assert _states(bench) == [DeliveryState.PENDING, DeliveryState.DELIVERED]
    assert bench.due() == ()
    bench.now += timedelta(seconds=10)
    (delivery,) = bench.journal.due_deliveries("pacs", bench.now, 9, owner="s", lease_s=60)
    assert delivery.sop_instance_uid == lost
    bench.journal.stored(delivery, 0x0000, bench.now, ask_at=bench.now)
    assert clerk.step()
    assert archive.asked[1][1] == [lost]
    assert _report(bench, archive.report())
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


@pytest.mark.parametrize("reason", [0x0110, 0x0213, 0x0131])
def test_what_the_peer_cannot_do_now_is_asked_for_later(bench: Bench, reason: int) -> None:
    """Processing failure and full disks pass: asked again with backoff, not sent again."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    clerk.step()
    _report(bench, archive.report(failed=dict.fromkeys(archive.asked[0][1], reason)))
    assert _states(bench) == [DeliveryState.STORED] * 2
    assert not clerk.step()
    bench.now += timedelta(seconds=10)
    assert clerk.step()
    reasons = {d.reason for d in bench.journal.overview()[0].deliveries}
    assert reasons == {f"not committed: {reason:04X}"}


@pytest.mark.parametrize("reason", [0x0122, 0x0119, 0x0BAD])
def test_what_needs_a_person_is_parked(bench: Bench, reason: int) -> None:
    """A reason that time does not cure parks it; retry begins with sending it again."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    clerk.step()
    _report(bench, archive.report(failed=dict.fromkeys(archive.asked[0][1], reason)))
    (study,) = bench.journal.overview()
    assert {d.state for d in study.deliveries} == {DeliveryState.PARKED}
    assert f"{reason:04X}" in str(study.deliveries[0].reason)
    assert study.state is StudyState.UNDELIVERED
    assert bench.journal.retry(bench.now) == 2
    _store_all(bench)
    clerk.step()
    _report(bench, archive.report())
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


@pytest.mark.parametrize(
    ("error", "parked"),
    [
        (DestinationUnreachable("down"), False),
        (DeliveryRefused("busy", status=0x0213), False),
        (DeliveryRefused("failed", status=0x0110), False),
        (DeliveryRefused("not offered", status=0x0122), True),
        (DeliveryRefused("no such instance", status=0x0112), True),
    ],
)
def test_a_request_that_is_not_taken(bench: Bench, error: DeliveryError, parked: bool) -> None:
    """A peer that is down is asked with backoff; one that does not commit needs a person."""
    archive = Archive()
    archive.error = error
    clerk = _clerk(bench, archive)
    with capture_logs() as lines:
        clerk.step()
    state = DeliveryState.PARKED if parked else DeliveryState.STORED
    assert _states(bench) == [state] * 2
    assert lines[0]["event"] == "commitment-not-asked"
    if not parked:
        bench.now += timedelta(seconds=10)
        archive.error = None
        assert clerk.step()


def test_a_peer_that_is_back_is_asked_at_once(bench: Bench) -> None:
    """What only waited for the peer does not wait for its backoff to end."""
    archive = Archive()
    archive.error = DestinationUnreachable("down")
    clerk = _clerk(bench, archive)
    clerk.step()
    assert not clerk.step()
    assert bench.journal.resume_destination("pacs", bench.now) == 2
    archive.error = None
    assert clerk.step()
    assert bench.journal.resume_destination("pacs", bench.now) == 0


def test_a_peer_that_never_commits_is_given_up(bench: Bench) -> None:
    """After give_up_days of trying it is a person's turn, with the last reason."""
    archive = Archive()
    archive.error = DestinationUnreachable("down")
    clerk = _clerk(bench, archive)
    bench.now += timedelta(days=2)
    clerk.step()
    (study,) = bench.journal.overview()
    assert {d.state for d in study.deliveries} == {DeliveryState.PARKED}
    assert "given up after 2 days" in str(study.deliveries[0].reason)


def test_sending_again_does_not_start_the_clock_anew() -> None:
    """An archive that loses an object each time is given up as well."""
    decision = decide_commitment(0x0112, 3, START, after(days=2), _RETRY)
    assert isinstance(decision, Park)
    assert decide_commitment(0x0112, 3, START, after(days=1), _RETRY) == SendAgain(
        after(days=1, seconds=40)
    )


def test_retry_by_hand_asks_at_once(bench: Bench) -> None:
    """A person who does not want to wait for the timeout need not."""
    archive = Archive()
    clerk = _clerk(bench, archive)
    clerk.step()
    assert bench.journal.retry(bench.now, destination="pacs") == 2
    assert clerk.step()


def test_commitment_that_is_no_longer_asked_for_is_waived(bench: Bench) -> None:
    """With commitment turned off, or the destination gone, nothing waits for ever."""
    assert bench.journal.waive_commitments(["pacs"], ["pacs"], bench.now) == 0
    assert bench.journal.waive_commitments([], [], bench.now) == 0
    assert bench.journal.waive_commitments([], ["pacs"], bench.now) == 2
    (study,) = bench.journal.overview()
    assert study.state is StudyState.ANSWERED
    assert {d.committed_at for d in study.deliveries} == {None}


def test_a_destination_that_is_gone_parks_what_waits_there(bench: Bench) -> None:
    """What is stored at a destination that the configuration no longer names is told."""
    assert bench.journal.park_unknown_destinations([], bench.now) == ("pacs",)
    assert _states(bench) == [DeliveryState.PARKED] * 2


def test_a_crash_between_note_and_request_costs_a_moment(bench: Bench) -> None:
    """A request that was noted and never sent is made again after the deadlines of one."""
    assert bench.journal.begin_commitment("pacs", "2.25.5", bench.now, 10, wait_s=60) is not None
    bench.reopen()
    bench.journal.recover(bench.now, bench.spool)
    archive = Archive()
    clerk = _clerk(bench, archive)
    assert not clerk.step()
    bench.now += timedelta(seconds=60)
    assert clerk.step()


def test_a_test_of_the_round_trip_is_no_delivery(bench: Bench) -> None:
    """A transaction without deliveries is reported like any other, once."""
    bench.journal.open_commitment("pacs", "2.25.500", bench.now)
    assert bench.journal.commitment_result("2.25.500") is None
    assert _report(bench, CommitmentReport("2.25.500", frozenset(["1.2"]), {}))
    assert bench.journal.commitment_result("2.25.500") == (1, 0)
    assert bench.journal.commitment_result("2.25.501") is None


def _schema(path: Path) -> list[tuple[str, ...]]:
    """Everything that makes the tables; renaming a table puts its name in quotes."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema"
            " WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        ).fetchall()
    return [tuple(re.sub(r'"(\w+)"', r"\1", str(value)) for value in row) for row in rows]


def test_a_journal_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """Nothing is lost, and the tables are exactly those of a new journal."""
    old, new = tmp_path / "storage" / "journal.db", tmp_path / "new.db"
    Store(new).close()
    (tmp_path / "storage").mkdir()
    with sqlite3.connect(old) as connection:
        connection.executescript(_FIRST_SCHEMA.read_text())
        connection.execute("PRAGMA user_version = 1")
        connection.executescript(_FIRST_CONTENT)
    with Journal(old) as journal:
        (study,) = journal.overview()
        assert [(d.state, d.attempts, d.reason) for d in study.deliveries] == [
            (DeliveryState.DELIVERED, 2, None),
            (DeliveryState.PARKED, 1, "0122"),
        ]
        assert journal.retry(START) == 1
        (delivery,) = journal.due_deliveries("pacs", START, 9, owner="s", lease_s=60)
        journal.stored(delivery, 0x0000, START, ask_at=START)
        counted = {k: n for k, n in journal.counts()["delivery"].items() if n}
        assert counted == {"stored": 1, "delivered": 1}
    assert _schema(old) == _schema(new)
    with sqlite3.connect(old) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


_FIRST_CONTENT = """
INSERT INTO studies (id, study_instance_uid, state, calling_ae_title, first_instance_at,
    last_instance_at) VALUES (1, '1.2', 'undelivered', 'ROOM', '2026-01-31T12:00:00.000000Z',
    '2026-01-31T12:00:00.000000Z');
INSERT INTO jobs (id, study_id, generation, state, created_at, due_at) VALUES (1, 1, 1,
    'completed', '2026-01-31T12:00:00.000000Z', '2026-01-31T12:00:00.000000Z');
INSERT INTO results (id, study_id, job_id, generation, kind, sop_class_uid, sop_instance_uid,
    series_instance_uid, transfer_syntax_uid, content_hash, path, size_bytes, created_at)
    VALUES (1, 1, 1, 1, 'sr', '1', '2.25.1', '1', '1', 'x', 'results/1.dcm', 1,
        '2026-01-31T12:00:00.000000Z'),
    (2, 1, 1, 1, 'gsps', '1', '2.25.2', '1', '1', 'x', 'results/2.dcm', 1,
        '2026-01-31T12:00:00.000000Z');
INSERT INTO deliveries (id, result_id, study_id, destination, state, created_at, due_at, attempt,
    reason) VALUES
    (1, 1, 1, 'pacs', 'delivered', '2026-01-31T12:00:00.000000Z',
        '2026-01-31T12:00:00.000000Z', 2, NULL),
    (2, 2, 1, 'pacs', 'parked', '2026-01-31T12:00:00.000000Z',
        '2026-01-31T12:00:00.000000Z', 1, '0122');
INSERT INTO events (at, entity, entity_id, event, from_state, to_state) VALUES
    ('2026-01-31T12:00:00.000000Z', 'study', 1, 'first-view', NULL, 'undelivered'),
    ('2026-01-31T12:00:00.000000Z', 'delivery', 1, 'enqueue', NULL, 'delivered'),
    ('2026-01-31T12:00:00.000000Z', 'delivery', 2, 'enqueue', NULL, 'parked');
"""
