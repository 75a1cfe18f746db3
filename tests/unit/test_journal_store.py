"""The SQLite file: whose it may be, what it refuses, and what happens when the disk does."""

from __future__ import annotations

import multiprocessing
import re
import resource
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import mammo_node.journal
from mammo_node.errors import IllegalTransition, JournalError, OutOfResources
from mammo_node.journal import Journal
from mammo_node.journal.states import Event, Machine
from mammo_node.journal.store import SCHEMA_VERSION, Store, Transaction, load_queries
from mammo_node.journal.times import from_text, to_text
from tests.unit.journal_cases import START, Bench


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "journal.db")
    yield store
    store.close()


def test_the_file_is_durable_by_its_settings(store: Store) -> None:
    """WAL, a full sync with each commit, and foreign keys, on every connection."""
    pragmas = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
    }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": SCHEMA_VERSION,
    }


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    """An older software does not touch a file it cannot understand, and says what to do."""
    path = tmp_path / "journal.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(JournalError, match="install the newer software"):
        Store(path)


def test_another_sqlite_file_is_refused(tmp_path: Path) -> None:
    """Somebody else's database does not get our tables."""
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(JournalError, match="no journal"):
        Store(path)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    """Garbage is told as damage, with what to do."""
    path = tmp_path / "journal.db"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(JournalError, match="restore"):
        Store(path)


def test_a_damaged_page_is_found_at_start(tmp_path: Path) -> None:
    """The check at start sees a page that was overwritten."""
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.check_integrity()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xff" * (4096 * 4)
    path.write_bytes(content)
    with Journal(path) as journal, pytest.raises(JournalError, match="damaged"):
        journal.check_integrity()


def test_a_folder_that_is_not_there_is_out_of_resources(tmp_path: Path) -> None:
    """A journal that cannot be opened now may be opened later."""
    with pytest.raises(OutOfResources):
        Store(tmp_path / "absent" / "journal.db")


def test_a_full_disk_takes_nothing_and_recovers(tmp_path: Path) -> None:
    """An instance that cannot be recorded is refused as out of resources; later ones are taken."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "storage" / "journal.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(OutOfResources) as caught:
            bench.receive("L", "CC")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert caught.value.dimse_status == 0xA700
    assert bench.journal.overview()[0].instances == 1
    bench.receive("L", "CC")
    assert bench.journal.overview()[0].instances == 2


def test_a_full_database_is_out_of_resources(store: Store) -> None:
    """SQLITE_FULL is translated like a full disk."""
    store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(OutOfResources), store.writing() as transaction:
        _bear_study(transaction, "1." * 1_000_000)
    store._connection.execute("PRAGMA max_page_count = 1000000")
    with store.reading() as transaction:
        assert transaction.rows("studies_receiving") == []


def test_a_busy_journal_is_out_of_resources(tmp_path: Path) -> None:
    """Another process that does not let go costs the time-out and is told as transient."""
    path = tmp_path / "journal.db"
    Store(path).close()
    hurried = Store(path, busy_timeout_s=0.1)
    holder = Store(path)
    with holder.writing(), pytest.raises(OutOfResources, match="locked"), hurried.writing():
        pass
    with hurried.writing():
        pass
    hurried.close()
    holder.close()


def test_events_cannot_be_rewritten(store: Store) -> None:
    """The history is append-only for everybody who has the file open."""
    with store.writing() as transaction:
        _bear_study(transaction)
    for statement in ("UPDATE events SET reason = 'x'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store._connection.execute(statement)


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    """Half a change is no change, events included."""
    with pytest.raises(IllegalTransition), store.writing() as transaction:
        transaction.move(Machine.STUDY, _bear_study(transaction), Event.ALL_DELIVERED, START)
    with store.reading() as transaction:
        assert transaction.rows("studies_receiving") == []
        assert transaction.rows("events_of", entity="study", entity_id=1) == []


def test_a_move_of_nothing_is_told(store: Store) -> None:
    """An id that is not there is an error of its own, not a silent nothing."""
    with pytest.raises(JournalError, match="no job 77"), store.writing() as transaction:
        transaction.move(Machine.JOB, 77, Event.CLAIM, START)


def test_tallies_agree_with_the_rows(tmp_path: Path) -> None:
    """The numbers of the status line are those that counting would give."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC", uid="1.1", content=b"a")
    bench.receive("R", "CC", uid="1.1", content=b"b")
    bench.answer(results=2)
    bench.receive("L", "CC")
    counts = bench.journal.counts()
    assert counts["instance"] == {"accepted": 2, "quarantined": 1, "missing": 0, "swept": 0}
    tables = {"instance": "instances", "study": "studies", "job": "jobs", "delivery": "deliveries"}
    with sqlite3.connect(tmp_path / "storage" / "journal.db") as connection:
        for entity, table in tables.items():
            rows = connection.execute(f"SELECT state, count(*) FROM {table} GROUP BY state")  # noqa: S608 - our own names
            assert dict(rows) == {s: n for s, n in counts[entity].items() if n}


def test_times_are_utc_and_sort_as_text() -> None:
    """Whatever zone a time is given in, it is kept to the microsecond and compares as text."""
    berlin = datetime(2026, 7, 1, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert to_text(berlin) == "2026-06-30T23:30:00.000005Z"
    assert from_text(to_text(berlin)) == berlin
    assert from_text(to_text(berlin)).tzinfo is UTC
    assert to_text(berlin) < to_text(berlin + timedelta(microseconds=1))
    with pytest.raises(ValueError, match="time zone"):
        to_text(datetime(2026, 7, 1))  # noqa: DTZ001 - that is the point


def test_the_storage_folder_can_be_moved(tmp_path: Path) -> None:
    """Paths are kept relative: a restored backup elsewhere finds its files."""
    bench = Bench(tmp_path / "here")
    bench.receive("R", "CC", content=b"pixels")
    bench.make_ready()
    bench.journal.close()
    (tmp_path / "here").rename(tmp_path / "there")
    with Journal(tmp_path / "there" / "storage" / "journal.db") as journal:
        job = journal.claim_job("w", 60, bench.now)
        assert job is not None
        assert job.instances[0].path.read_bytes() == b"pixels"


def test_every_query_is_used_and_has_its_comment() -> None:
    """queries.sql holds what the code needs, each with what it is for, and nothing else."""
    folder = Path(mammo_node.journal.__file__).parent
    code = "".join(path.read_text() for path in folder.glob("*.py"))
    used = set(re.findall(r'"([a-z_]+)"', code))
    used |= {f"{machine}_state" for machine in Machine}
    used |= {f"set_{machine}_state" for machine in Machine}
    queries = load_queries()
    assert set(queries) <= used
    for name, statement in queries.items():
        assert statement.startswith("-- "), name


def _bear_study(transaction: Transaction, uid: str = "1.2") -> int:
    return transaction.bear(
        Machine.STUDY,
        "insert_study",
        Event.FIRST_VIEW,
        START,
        study_instance_uid=uid,
        calling_ae_title="A",
    )


def _receive_many(folder: Path, number: int, failures: multiprocessing.SimpleQueue[str]) -> None:
    try:
        bench = Bench(folder)
        for index in range(20):
            bench.receive("R", "CC", uid=f"1.{number}.{index}", study=f"1.{index % 3}")
        bench.journal.close()
    except BaseException as error:
        failures.put(repr(error))
        raise


def test_processes_share_the_file(tmp_path: Path) -> None:
    """Four processes that make, open and write the same new file at once lose nothing."""
    context = multiprocessing.get_context("fork")
    failures: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    processes = [
        context.Process(target=_receive_many, args=(tmp_path, number, failures))
        for number in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4, failures.get()
    with Journal(tmp_path / "storage" / "journal.db") as journal:
        assert sum(study.instances for study in journal.overview()) == 80
        assert len(journal.overview()) == 3


def test_a_forked_process_must_open_its_own(store: Store) -> None:
    """A connection carried over a fork would corrupt the file: it is refused."""
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.SimpleQueue[str] = context.SimpleQueue()

    def use() -> None:
        try:
            with store.reading():
                answers.put("used")
        except JournalError as error:
            answers.put(str(error))

    process = context.Process(target=use)
    process.start()
    process.join(20)
    assert "opened in the process" in answers.get()
