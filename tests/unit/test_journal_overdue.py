"""Studies that wait too long are answered without an analysis, and analysed later."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.config import Completion
from mammo_node.errors import JournalError
from mammo_node.journal.states import JobState, StudyState
from mammo_node.vocabulary import Outcome
from tests.unit.journal_cases import STUDY_UID, Bench, after


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def ready(bench: Bench) -> None:
    """Let one view arrive at the start and be ready a minute later."""
    bench.receive("R", "CC")
    bench.now = after(seconds=60)
    for study in bench.journal.studies_due(after(days=1), lambda _: Completion()):
        assert bench.journal.mark_ready(study, bench.now)


def expire(bench: Bench, seconds: float = 600, cause: str | None = None):
    return bench.journal.expire_jobs(bench.now, lambda _: seconds, cause)


def study(bench: Bench):
    (overview,) = bench.journal.overview()
    return overview


def not_attempted(bench: Bench) -> None:
    """Answer the study without an analysis and deliver that."""
    ready(bench)
    bench.now = after(seconds=600)
    expire(bench)
    (job,) = bench.journal.abandoned_jobs()
    bench.complete(job, results=1, outcome=Outcome.NOT_ATTEMPTED)
    bench.deliver_all()


def test_time_counts_from_the_last_image(bench: Bench) -> None:
    """A study may wait as long as its sender's setting says, from its last image on."""
    ready(bench)
    bench.now = after(seconds=599)
    assert expire(bench) == ()
    bench.now = after(seconds=600)
    (overdue,) = expire(bench)
    assert overdue.study_instance_uid == STUDY_UID
    assert study(bench).job_state == JobState.OVERDUE
    assert expire(bench) == ()


def test_a_running_analysis_is_left_alone(bench: Bench) -> None:
    """What was begun ends by itself, however late it is."""
    ready(bench)
    assert bench.journal.claim_job("worker", 60, bench.now)
    bench.now = after(days=1)
    assert expire(bench) == ()


@pytest.mark.parametrize(
    ("released", "cause", "reason"),
    [
        ("no GPU", "models are broken", "no GPU"),
        (None, "models are broken", "models are broken"),
        (None, None, "other studies were in front of it"),
    ],
)
def test_the_reason_is_the_nearest_there_is(
    bench: Bench, released: str | None, cause: str | None, reason: str
) -> None:
    """Why it was put back, else what ails the models, else the queue."""
    ready(bench)
    if released:
        job = bench.journal.claim_job("worker", 60, bench.now)
        assert job is not None
        bench.journal.release_job(job, bench.now, released)
    bench.now = after(days=1)
    (overdue,) = expire(bench, cause=cause)
    assert overdue.reason == reason
    (job,) = bench.journal.abandoned_jobs()
    assert (job.state, job.reason) == (JobState.OVERDUE, reason)


def test_it_is_answered_and_analysed_later(bench: Bench) -> None:
    """After the answer 'not attempted' the study is offered for analysis, as a new generation."""
    not_attempted(bench)
    assert (study(bench).state, study(bench).outcome) == (StudyState.ANSWERED, "not-attempted")
    study_id = bench.journal.next_study_to_analyse_again()
    assert study_id == study(bench).study_id
    assert bench.journal.analyse_again(study_id, bench.now, "models are back")
    assert bench.journal.next_study_to_analyse_again() is None
    job = bench.journal.claim_job("worker", 60, bench.now)
    assert job is not None
    assert (job.generation, len(job.instances)) == (2, 1)
    (prior,) = bench.journal.prior_results(job)
    assert not prior.analysed
    bench.complete(job, results=1)
    bench.deliver_all()
    assert (study(bench).state, study(bench).outcome) == (StudyState.ANSWERED, "findings")
    assert bench.journal.next_study_to_analyse_again() is None


def test_an_analysis_that_is_repeated_has_no_deadline(bench: Bench) -> None:
    """Its study has an answer already: it waits for as long as it takes."""
    not_attempted(bench)
    study_id = bench.journal.next_study_to_analyse_again()
    assert study_id is not None
    bench.journal.analyse_again(study_id, bench.now, "")
    bench.now = after(days=1)
    assert expire(bench) == ()


def test_without_files_there_is_nothing_to_analyse(bench: Bench) -> None:
    """When retention has let the images go, the answer stays what it is."""
    not_attempted(bench)
    bench.now = after(days=30)
    bench.sweep_all()
    assert bench.journal.next_study_to_analyse_again() is None
    with pytest.raises(JournalError, match="images are gone"):
        bench.journal.study_to_analyse_again(STUDY_UID)


def test_a_late_view_has_a_deadline_of_its_own(bench: Bench) -> None:
    """The time of a new generation counts from its own images."""
    not_attempted(bench)
    bench.now = after(seconds=1000)
    bench.receive("L", "CC")
    for due in bench.journal.studies_due(after(days=1), lambda _: Completion()):
        bench.journal.mark_ready(due, bench.now)
    bench.now = after(seconds=1599)
    assert expire(bench) == ()
    bench.now = after(seconds=1600)
    assert len(expire(bench)) == 1


def test_a_person_can_ask_for_any_answered_study(bench: Bench) -> None:
    """A study that was analysed, or failed, can be analysed anew; one on its way cannot."""
    ready(bench)
    with pytest.raises(JournalError, match="analysed anyway"):
        bench.journal.study_to_analyse_again(STUDY_UID)
    with pytest.raises(JournalError, match="no study"):
        bench.journal.study_to_analyse_again("1.2.3")
    bench.answer()
    study_id = bench.journal.study_to_analyse_again(STUDY_UID)
    assert bench.journal.analyse_again(study_id, bench.now, "asked for")
    assert not bench.journal.analyse_again(study_id, bench.now, "asked for twice")
    assert study(bench).state == StudyState.READY
