"""After a crash: resumed, swept or told; nothing disappears in silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mammo_node.config import Completion
from mammo_node.errors import JournalError
from mammo_node.journal import CommitOutcome, RecoveryReport
from mammo_node.journal.completion import ReadyReason
from mammo_node.journal.jobs import MAX_LOSSES
from mammo_node.journal.states import DeliveryState, JobState, Machine, StudyState
from mammo_node.vocabulary import Outcome
from tests.unit.journal_cases import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _recover(bench: Bench) -> RecoveryReport:
    bench.reopen()
    return bench.journal.recover(bench.now, bench.spool)


def test_after_a_clean_stop_there_is_nothing_to_do(bench: Bench) -> None:
    """A finished study is left exactly as it is."""
    bench.receive("R", "CC")
    bench.answer(results=2)
    files = bench.files()
    assert _recover(bench) == RecoveryReport()
    assert bench.files() == files


def test_half_received_files_are_deleted(bench: Bench) -> None:
    """What was never acknowledged leaves nothing in incoming/."""
    file = bench.spool.open_incoming()
    file.write(b"half")
    assert _recover(bench).incoming_swept == 1
    assert bench.files() == []


def test_a_file_without_a_row_is_kept_aside(bench: Bench) -> None:
    """Renamed but not committed: the sender got no 0000; the bytes are kept for a person."""
    with bench.spool.open_incoming() as file:
        file.write(b"whole")
        path = file.commit()
    (orphan,) = _recover(bench).orphans
    assert orphan == bench.spool.orphans / path.name
    assert orphan.read_bytes() == b"whole"


def test_a_running_job_is_resumed(bench: Bench) -> None:
    """The dead worker's job is queued again, and its late result is refused."""
    bench.receive("R", "CC")
    job = bench.claim()
    bench.results(job, 2)
    report = _recover(bench)
    assert (report.requeued_jobs, report.results_swept) == (1, 2)
    again = bench.journal.claim_job("worker", 60, bench.now)
    assert again is not None
    assert (again.job_id, again.attempt) == (job.job_id, job.attempt + 1)
    assert (again.kills, again.failures) == (0, 0)


def test_a_delivery_under_way_is_sent_again_under_the_same_uid(bench: Bench) -> None:
    """Whether the peer has it is unknown: the same object goes again."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (before,) = bench.due()
    assert _recover(bench).requeued_deliveries == 1
    (after_crash,) = bench.due()
    assert after_crash.sop_instance_uid == before.sop_instance_uid
    assert after_crash.path == before.path


def test_open_associations_do_not_outlive_the_process(bench: Bench) -> None:
    """A study whose sender was connected when the node died becomes quiet, not stuck."""
    bench.receive("R", "CC", association="a7")
    assert _recover(bench).associations_closed == 1
    bench.now += timedelta(seconds=61)
    (due,) = bench.journal.studies_due(bench.now, lambda _: Completion())
    assert due.reason is ReadyReason.QUIET


def test_a_lost_image_is_told_and_the_study_still_answered(bench: Bench) -> None:
    """The job sees which instance is not available; the answer can say 'partial'."""
    bench.receive("R", "CC")
    bench.receive("L", "CC")
    bench.make_ready()
    lost = min(bench.spool.studies.iterdir())
    lost.unlink()
    assert _recover(bench).missing_instances == (lost,)
    job = bench.journal.claim_job("worker", 60, bench.now)
    assert job is not None
    assert sorted(instance.available for instance in job.instances) == [False, True]
    bench.complete(job, results=1, outcome=Outcome.PARTIAL)
    assert bench.journal.overview()[0].missing == 1
    assert _recover(bench).missing_instances == ()


def test_a_lost_image_that_comes_again_is_analysed(bench: Bench) -> None:
    """Re-sending heals: the study is re-opened and its next answer has every view."""
    bench.receive("R", "CC", uid="1.1", content=b"a")
    bench.receive("L", "CC")
    bench.answer(results=1)
    next(p for p in bench.spool.studies.iterdir() if p.read_bytes() == b"a").unlink()
    _recover(bench)
    assert bench.receive("R", "CC", uid="1.1", content=b"a") is CommitOutcome.NEW
    job = bench.claim()
    assert (job.generation, [i.available for i in job.instances]) == (2, [True, True])


def test_a_lost_result_parks_its_delivery(bench: Bench) -> None:
    """An undelivered result whose file is gone shows as undelivered, with the reason."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (path,) = bench.spool.results.iterdir()
    path.unlink()
    assert _recover(bench).missing_results == (path,)
    (study,) = bench.journal.overview()
    assert study.state is StudyState.UNDELIVERED
    assert study.deliveries[0].state is DeliveryState.PARKED
    assert "not in the spool" in str(study.deliveries[0].reason)


def test_retention_that_was_cut_short_is_finished(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows say swept before files go: the next start deletes what was left, and reports no loss."""
    bench.receive("R", "CC")
    bench.answer(results=1)
    bench.now += timedelta(days=30)
    (expired,) = bench.journal.expired(bench.now, 7)

    def crash(_path: Path) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.spool, "remove", crash)
    with pytest.raises(KeyboardInterrupt):
        bench.journal.sweep(expired, bench.now, bench.spool)
    monkeypatch.undo()
    assert len(bench.files()) == 2
    assert _recover(bench) == RecoveryReport(results_swept=1, leftovers_removed=1)
    assert bench.files() == []


def test_a_job_that_takes_the_node_down_every_time_is_quarantined(bench: Bench) -> None:
    """Restarts without end come to an end: the study is answered as failed."""
    bench.receive("R", "CC")
    bench.make_ready()
    for _ in range(MAX_LOSSES):
        assert bench.journal.claim_job("worker", 60, bench.now) is not None
        _recover(bench)
    assert bench.journal.claim_job("worker", 60, bench.now) is None
    (abandoned,) = bench.journal.abandoned_jobs()
    assert abandoned.reason == "the node was restarted"
    history = bench.journal.events(Machine.JOB, abandoned.job_id)
    assert history[-1].to_state == JobState.QUARANTINED


def test_a_lost_file_can_be_told_at_any_time(bench: Bench) -> None:
    """A worker that does not find a file says so; the next start does not say it again."""
    bench.receive("R", "CC")
    job = bench.claim()
    job.instances[0].path.unlink()
    bench.journal.lose_instance(job.instances[0].instance_id, bench.now)
    assert bench.journal.overview()[0].missing == 1
    assert _recover(bench).missing_instances == ()


def test_a_damaged_journal_is_not_recovered_by_guessing(bench: Bench) -> None:
    """Damage stops the start before a single file is moved or deleted."""
    bench.receive("R", "CC")
    path = bench.spool.root / "journal.db"
    bench.journal.close()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 9] = b"\xff" * (4096 * 7)
    path.write_bytes(content)
    (bench.spool.incoming / "x.part").touch()
    with pytest.raises(JournalError, match="damaged"):
        _recover(bench)
    assert len(bench.files()) == 2
