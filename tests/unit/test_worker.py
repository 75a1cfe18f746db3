"""The analysis loop: claim, do, commit, whatever the analysis process does."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.fuse import study_result
from mammo_node.config import Destination, OutputKind
from mammo_node.encode.parse import parse_report
from mammo_node.errors import ModelError
from mammo_node.journal.records import CommitOutcome, ResultRecord
from mammo_node.journal.states import JobState, StudyState
from mammo_node.pipeline import encode
from mammo_node.vocabulary import Outcome
from mammo_node.worker import Analyst
from tests.unit.answer_desk import EQUIPMENT, MODEL, FakeProcess, answers, bench_with_image, study
from tests.unit.journal_cases import Bench

PACS = Destination(name="pacs", ae_title="PACS", host="pacs", port=104, outputs=(OutputKind.SR,))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A journal with one received view that really is a DICOM file."""
    bench = bench_with_image(tmp_path)
    bench.make_ready()
    return bench


def analyst(bench: Bench, process: FakeProcess, *destinations: Destination) -> Analyst:
    return Analyst(answers(bench, *destinations), process, owner="test")


def done(request, _heartbeat) -> Answered:
    result = study_result(request.study_instance_uid, request.generation, (), [MODEL])
    return Answered(encode(request, result, EQUIPMENT))


def test_nothing_to_do(tmp_path: Path):
    """Without a job a step does nothing and says so."""
    assert analyst(Bench(tmp_path), FakeProcess()).step() is False


def test_an_answer_is_stored_and_queued(bench: Bench):
    """Result files lie in the spool and each is queued for the destination that wants it."""
    process = FakeProcess(done)
    assert analyst(bench, process, PACS).step() is True
    assert process.requests[0].outputs == (OutputKind.SR,)
    assert study(bench).state == StudyState.DELIVERING
    (delivery,) = bench.due()
    assert pydicom.dcmread(delivery.path).SOPInstanceUID == delivery.sop_instance_uid


def test_without_destinations_everything_is_kept(bench: Bench):
    """No destination is a legal case: all kinds are made and the study is answered."""
    process = FakeProcess(done)
    analyst(bench, process).step()
    assert process.requests[0].outputs == tuple(OutputKind)
    assert study(bench).state == StudyState.ANSWERED
    assert list(bench.spool.results.iterdir())


def test_a_permanent_failure_is_answered(bench: Bench):
    """A job that failed for good leads to a 'failed' report with the reason."""
    worker = analyst(bench, FakeProcess(Failed("EncodingError", "no such code", False)), PACS)
    assert worker.step() is True
    assert study(bench).job_state == JobState.GIVEN_UP
    assert worker.answers.answer_without_analysis() is True
    assert study(bench).outcome == Outcome.FAILED
    (delivery,) = bench.due()
    report = parse_report(pydicom.dcmread(delivery.path))
    assert "no such code" in " ".join([report.conclusion, *report.comments])


@pytest.mark.parametrize("end", [Died(None, "SIGSEGV"), Hung(600.0)])
def test_a_job_that_kills_its_process_is_quarantined(bench: Bench, end: Died | Hung):
    """After max_kills the job runs no more, and the study is answered as failed."""
    process = FakeProcess(end, end)
    worker = analyst(bench, process, PACS)
    worker.step()
    assert study(bench).job_state == JobState.QUEUED
    worker.step()
    assert study(bench).job_state == JobState.QUARANTINED
    assert worker.answers.answer_without_analysis() is True
    assert (study(bench).outcome, len(process.requests)) == (Outcome.FAILED, 2)
    assert worker.step() is False


def test_a_model_that_is_down_costs_the_study_nothing(bench: Bench):
    """However often the models do not start, the study waits and is answered when they do."""
    process = FakeProcess(*[ModelError("no models")] * 5, done)
    worker = analyst(bench, process, PACS)
    for _ in range(5):
        with pytest.raises(ModelError):
            worker.step()
        assert study(bench).job_state == JobState.QUEUED
    assert worker.step() is True
    assert study(bench).state == StudyState.DELIVERING


def test_a_lost_lease_writes_nothing(bench: Bench):
    """Whoever took the job over answers it; the late answer is dropped."""

    def overtaken(_request, heartbeat) -> object:
        bench.now = bench.now.replace(year=bench.now.year + 1)
        bench.journal.requeue_expired(bench.now)
        heartbeat()
        raise AssertionError("the heartbeat must fail")

    worker = analyst(bench, FakeProcess(overtaken), PACS)
    assert worker.step() is True
    assert study(bench).job_state == JobState.QUEUED
    assert not list(bench.spool.results.iterdir())


def test_a_lease_lost_at_the_end_writes_no_row(bench: Bench):
    """An answer that comes after the lease ran out is refused by the journal."""

    def late(request, heartbeat) -> Answered:
        bench.now = bench.now.replace(year=bench.now.year + 1)
        bench.journal.requeue_expired(bench.now)
        return done(request, heartbeat)

    worker = analyst(bench, FakeProcess(late), PACS)
    assert worker.step() is True
    assert study(bench).job_state == JobState.QUEUED
    assert bench.due() == ()


def test_a_study_without_readable_header_ends(bench: Bench):
    """Not even a report can be made: the study ends as failed, and the log says so."""
    for path in bench.spool.studies.iterdir():
        path.write_bytes(b"rubbish")
    worker = analyst(bench, FakeProcess(Failed("EncodingError", "no header", False)), PACS)
    worker.step()
    worker.answers.answer_without_analysis()
    assert study(bench).outcome == Outcome.FAILED
    assert bench.due() == ()


def test_the_records_name_what_is_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Size and hash in the journal are those of the file."""
    seen: list[ResultRecord] = []
    complete = bench.journal.complete_job
    monkeypatch.setattr(
        bench.journal,
        "complete_job",
        lambda job, records, *rest, **more: (
            seen.extend(records),
            complete(job, records, *rest, **more),
        ),
    )
    analyst(bench, FakeProcess(done), PACS).step()
    (record,) = seen
    assert record.path.stat().st_size == record.size_bytes


def test_an_image_that_is_gone_is_named(bench: Bench):
    """An image whose file was lost is asked for all the same, so that the answer can say so."""
    for path in bench.spool.studies.iterdir():
        path.unlink()
    bench.journal.recover(bench.now, bench.spool)
    process = FakeProcess(Failed("EncodingError", "no header", False))
    analyst(bench, process, PACS).step()
    (instance,) = process.requests[0].instances
    assert not instance.path.exists()
    assert instance.summary is not None
    assert instance.summary.view == "CC"


def test_a_file_lost_while_running_can_be_sent_again(bench: Bench):
    """The journal learns of the loss with the job: the same image is then taken, not dropped."""
    (path,) = bench.spool.studies.iterdir()
    content = path.read_bytes()
    path.unlink()
    analyst(bench, FakeProcess(Failed("EncodingError", "no header", False)), PACS).step()
    assert study(bench).missing == 1
    outcome = bench.receive("R", "CC", uid="1.2.3", study="1.2.4", content=content)
    assert outcome == CommitOutcome.NEW
    assert study(bench).missing == 0
    assert list(bench.spool.studies.iterdir())
