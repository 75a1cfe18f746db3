"""The journal: what it takes is there after a crash, and every step is a legal one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.config import Completion, Retry
from mammo_node.errors import IllegalTransition, LeaseLost
from mammo_node.journal import CommitOutcome, Journal, Spool
from mammo_node.journal.completion import ReadyReason
from mammo_node.journal.retry import Park, RetryAt
from mammo_node.journal.states import DeliveryState, JobState, Machine, StudyState
from mammo_node.vocabulary import Outcome, OutputKind
from tests.unit.journal_cases import START, STUDY_UID, Bench, after


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_new_instance_begins_its_study(bench: Bench) -> None:
    """The first instance of a study makes the study, in state receiving."""
    assert bench.receive("R", "CC") is CommitOutcome.NEW
    (study,) = bench.journal.overview()
    assert (study.state, study.generation, study.views) == (StudyState.RECEIVING, 1, ("R-CC",))


def test_an_identical_duplicate_changes_nothing(bench: Bench) -> None:
    """The same bytes under the same UID are answered as taken and make no second row."""
    bench.receive("R", "CC", uid="1.2.3", content=b"a")
    bench.answer()
    assert bench.receive("R", "CC", uid="1.2.3", content=b"a") is CommitOutcome.DUPLICATE
    (study,) = bench.journal.overview()
    assert (study.state, study.generation, study.instances) == (StudyState.ANSWERED, 1, 1)


def test_other_bytes_under_the_same_uid_are_quarantined(bench: Bench) -> None:
    """A conflict is kept, is not analysed, and does not re-open the study."""
    bench.receive("R", "CC", uid="1.2.3", content=b"a")
    assert bench.receive("R", "CC", uid="1.2.3", content=b"b") is CommitOutcome.CONFLICT
    assert bench.receive("R", "CC", uid="1.2.3", content=b"b") is CommitOutcome.CONFLICT_AGAIN
    job = bench.claim()
    assert [i.path.read_bytes() for i in job.instances] == [b"a"]
    (study,) = bench.journal.overview()
    assert (study.instances, study.quarantined) == (1, 1)


def test_outcomes_say_what_becomes_of_the_file() -> None:
    """A receiver can act on an outcome without knowing each of them."""
    assert [o for o in CommitOutcome if o.keeps_file] == [CommitOutcome.NEW, CommitOutcome.CONFLICT]
    assert [o for o in CommitOutcome if o.accepted] == [CommitOutcome.NEW, CommitOutcome.DUPLICATE]


def test_a_late_view_makes_the_next_generation(bench: Bench) -> None:
    """A view after the answer re-opens the study; its job sees all views and the prior results."""
    bench.receive("R", "CC")
    bench.answer(results=1)
    assert bench.receive("L", "CC") is CommitOutcome.NEW
    (study,) = bench.journal.overview()
    assert (study.state, study.generation) == (StudyState.RECEIVING, 2)
    job = bench.claim()
    assert (job.generation, len(job.instances)) == (2, 2)
    (prior,) = bench.journal.prior_results(job)
    assert (prior.generation, prior.kind) == (1, OutputKind.SR)


def test_a_late_view_supersedes_a_queued_job(bench: Bench) -> None:
    """What was not begun is not analysed in vain: one job, with all views, is left."""
    bench.receive("R", "CC")
    bench.make_ready()
    bench.receive("L", "CC")
    bench.make_ready()
    job = bench.journal.claim_job("w", 60, bench.now)
    assert job is not None
    assert (job.generation, len(job.instances)) == (2, 2)
    assert bench.journal.counts()["job"]["superseded"] == 1


def test_a_running_job_completes_though_a_late_view_came(bench: Bench) -> None:
    """Generation 1 is answered; generation 2 runs after it and supersedes it."""
    bench.receive("R", "CC")
    first = bench.claim()
    bench.receive("L", "CC")
    bench.make_ready()
    assert bench.journal.claim_job("other", 60, bench.now) is None
    assert len(first.instances) == 1
    bench.complete(first, results=1)
    (study,) = bench.journal.overview()
    assert (study.state, study.generation) == (StudyState.READY, 2)
    second = bench.journal.claim_job("other", 60, bench.now)
    assert second is not None
    assert len(bench.journal.prior_results(second)) == 1
    bench.complete(second, results=1)
    assert {d.generation for d in bench.journal.overview()[0].deliveries} == {1, 2}


def test_a_study_is_ready_once(bench: Bench) -> None:
    """Two processes that see the same due study make one job."""
    bench.receive("R", "CC")
    bench.now = after(seconds=10_000)
    due = bench.journal.studies_due(bench.now, lambda _: Completion())
    assert [study.reason for study in due] == [ReadyReason.DEADLINE]
    assert bench.journal.mark_ready(due[0], bench.now)
    assert not bench.journal.mark_ready(due[0], bench.now)
    assert bench.journal.counts()["job"]["queued"] == 1


def test_a_released_association_makes_a_complete_study_ready(bench: Bench) -> None:
    """Four views and a release: no waiting at all."""
    for laterality, view in (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")):
        bench.receive(laterality, view, association="a1")
    assert not bench.journal.studies_due(bench.now, lambda _: Completion())
    bench.journal.association_released("a1", "MODALITY", [STUDY_UID], bench.now)
    (due,) = bench.journal.studies_due(bench.now, lambda _: Completion())
    assert due.reason is ReadyReason.COMPLETE


def test_a_dead_receiver_lets_its_studies_go_quiet(bench: Bench) -> None:
    """Associations of a process that died count as ended, not as open for ever."""
    bench.receive("R", "CC", association="receiver1-7")
    assert bench.journal.associations_lost("receiver1-", bench.now) == 1
    assert bench.journal.associations_lost("receiver1-", bench.now) == 0
    bench.now = after(seconds=61)
    (due,) = bench.journal.studies_due(bench.now, lambda _: Completion())
    assert due.reason is ReadyReason.QUIET


def test_completing_is_all_or_nothing(bench: Bench) -> None:
    """A result that cannot be stored leaves the job running, without results or deliveries."""
    bench.receive("R", "CC")
    job = bench.claim()
    good, bad = bench.results(job, 2)
    same_path = type(bad)(**{**_fields(bad), "path": good.path})
    with pytest.raises(Exception, match="UNIQUE"):
        bench.journal.complete_job(job, [good, same_path], Outcome.FINDINGS, bench.now)
    (study,) = bench.journal.overview()
    assert (study.job_state, study.deliveries) == (JobState.RUNNING, ())
    bench.journal.complete_job(job, [good, bad], Outcome.FINDINGS, bench.now)
    assert len(bench.journal.overview()[0].deliveries) == 2


def test_no_destination_is_a_legal_case(bench: Bench) -> None:
    """Without destinations the study is answered and its result files outlive retention."""
    bench.receive("R", "CC")
    job = bench.claim()
    bench.complete(job, results=1, destinations=())
    (study,) = bench.journal.overview()
    assert (study.state, study.outcome) == (StudyState.ANSWERED, Outcome.FINDINGS)
    bench.now = after(days=30)
    (expired,) = bench.journal.expired(bench.now, 7)
    assert bench.journal.sweep(expired, bench.now, bench.spool) == 1
    assert list(bench.spool.studies.iterdir()) == []
    assert len(list(bench.spool.results.iterdir())) == 1
    assert bench.journal.expired(bench.now, 7) == ()


def test_a_worker_that_lost_its_lease_cannot_write(bench: Bench) -> None:
    """After the lease ran out and another worker took the job, the first one is refused."""
    bench.receive("R", "CC")
    first = bench.claim()
    bench.now = after(seconds=10_500)
    assert bench.journal.requeue_expired(bench.now) == (1, 0)
    second = bench.journal.claim_job("second", 60, bench.now)
    assert second is not None
    with pytest.raises(LeaseLost):
        bench.journal.heartbeat(first, after(seconds=20_000))
    with pytest.raises(LeaseLost):
        bench.complete(first, results=1)
    bench.complete(second, results=1)
    with pytest.raises(IllegalTransition):
        bench.complete(second, results=1)
    assert len(bench.journal.overview()[0].deliveries) == 1


def test_a_heartbeat_keeps_a_job(bench: Bench) -> None:
    """A job with a heartbeat is not taken away when its first lease ends."""
    bench.receive("R", "CC")
    job = bench.claim()
    bench.journal.heartbeat(job, after(seconds=20_000))
    assert bench.journal.requeue_expired(after(seconds=15_000)) == (0, 0)


def test_a_job_that_kills_its_worker_is_quarantined_and_answered(bench: Bench) -> None:
    """After three kills it runs no more, and a 'failed' answer can be given in its place."""
    bench.receive("R", "CC")
    for expected in (JobState.QUEUED, JobState.QUEUED, JobState.QUARANTINED):
        job = bench.claim()
        assert bench.journal.record_kill(job, bench.now, 3, "signal 11") is expected
    assert bench.journal.claim_job("w", 60, after(days=1)) is None
    (abandoned,) = bench.journal.abandoned_jobs()
    assert (abandoned.kills, abandoned.reason) == (3, "signal 11")
    bench.complete(abandoned, results=1, outcome=Outcome.FAILED)
    assert bench.journal.abandoned_jobs() == ()
    (study,) = bench.journal.overview()
    assert (study.state, study.job_state) == (StudyState.DELIVERING, JobState.FAILED)
    assert (study.outcome, study.outcome_reason) == (Outcome.FAILED, "signal 11")


def test_a_failed_job_waits_longer_each_time_and_is_given_up(bench: Bench) -> None:
    """Failures that may pass are retried with backoff; a permanent one is given up at once."""
    bench.receive("R", "CC")
    job = bench.claim()
    state = bench.journal.fail_job(job, "model is down", True, bench.now, Retry(first_s=10))
    assert state is JobState.QUEUED
    assert bench.journal.claim_job("w", 60, bench.now) is None
    bench.now = after(seconds=10_011)
    again = bench.journal.claim_job("w", 60, bench.now)
    assert again is not None
    state = bench.journal.fail_job(again, "not an image", False, bench.now, Retry())
    assert state is JobState.GIVEN_UP
    assert [job.reason for job in bench.journal.abandoned_jobs()] == ["not an image"]


def test_a_released_job_is_as_if_untouched(bench: Bench) -> None:
    """A worker that stops gives its job back without any count against it."""
    bench.receive("R", "CC")
    bench.journal.release_job(bench.claim(), bench.now)
    job = bench.claim()
    assert (job.failures, job.kills) == (0, 0)


def test_a_study_is_answered_when_everything_is_everywhere(bench: Bench) -> None:
    """Two objects to two destinations: answered with the fourth delivery, not before."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=2, destinations=("pacs", "archive"))
    for destination in ("pacs", "archive"):
        for delivery in bench.due(destination):
            assert bench.journal.overview()[0].state is StudyState.DELIVERING
            bench.journal.delivered(delivery, 0x0000, bench.now)
    (study,) = bench.journal.overview()
    assert (study.state, study.answered_at) == (StudyState.ANSWERED, bench.now)


def test_a_claimed_delivery_is_nobody_elses(bench: Bench) -> None:
    """Two senders never hold the same delivery; a lost lease gives it back once."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (delivery,) = bench.due()
    assert bench.due() == ()
    bench.now = after(seconds=20_000)
    assert bench.journal.requeue_expired(bench.now) == (0, 1)
    (again,) = bench.due()
    with pytest.raises(LeaseLost):
        bench.journal.delivered(delivery, 0, bench.now)
    bench.journal.extend_deliveries([delivery, again], after(seconds=90_000))
    assert bench.journal.requeue_expired(after(seconds=80_000)) == (0, 0)
    bench.journal.delivered(again, 0, bench.now)


def test_a_parked_delivery_waits_for_a_person(bench: Bench) -> None:
    """Parked shows as undelivered with its reason, and retry makes it due again."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (delivery,) = bench.due()
    bench.journal.delivery_failed(
        delivery, Park("0122"), bench.now, reason="refused", status=0x0122
    )
    (study,) = bench.journal.overview()
    assert study.state is StudyState.UNDELIVERED
    assert (study.deliveries[0].last_status, study.deliveries[0].reason) == (0x0122, "0122")
    assert bench.journal.retry(bench.now, destination="elsewhere") == 0
    assert bench.journal.retry(bench.now, study_instance_uid="9.9") == 0
    assert bench.journal.retry(bench.now, study_instance_uid=STUDY_UID) == 1
    assert bench.journal.overview()[0].state is StudyState.DELIVERING
    (delivery,) = bench.due()
    assert (delivery.failures, delivery.first_failed_at) == (0, None)
    bench.journal.delivered(delivery, 0, bench.now)
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_a_postponed_delivery_keeps_its_first_failure(bench: Bench) -> None:
    """Giving up is counted from the first failure, not from the last."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    first_failure = bench.now
    for minutes in (1, 2):
        (delivery,) = bench.due()
        due_at = first_failure.replace(minute=first_failure.minute + minutes)
        bench.journal.delivery_failed(delivery, RetryAt(due_at), bench.now, reason="down")
        assert bench.due() == ()
        bench.now = due_at
    (delivery,) = bench.due()
    assert (delivery.failures, delivery.first_failed_at) == (2, first_failure)


def test_retry_does_not_wait_for_the_backoff(bench: Bench) -> None:
    """A person who says retry is not told to wait an hour."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (delivery,) = bench.due()
    bench.journal.delivery_failed(delivery, RetryAt(after(days=2)), bench.now, reason="down")
    assert bench.journal.retry(bench.now) == 1
    assert len(bench.due()) == 1


def test_a_peer_that_is_back_gets_everything_at_once(bench: Bench) -> None:
    """While the peer is down its deliveries wait together; one success lets them all go."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=2)
    (first,) = bench.due(limit=1)
    later = after(days=1)
    bench.journal.delivery_failed(first, RetryAt(later), bench.now, reason="down", unreachable=True)
    bench.journal.hold_destination("pacs", later)
    assert bench.due() == ()
    assert bench.journal.resume_destination("pacs", bench.now) == 2
    assert len(bench.due()) == 2


def test_deliveries_to_a_removed_destination_are_parked(bench: Bench) -> None:
    """A destination that left the configuration shows, instead of waiting in silence."""
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1, destinations=("pacs", "old"))
    assert bench.journal.park_unknown_destinations({"pacs"}, bench.now) == ("old",)
    (delivery,) = [d for d in bench.journal.overview()[0].deliveries if d.destination == "old"]
    assert (delivery.state, "no destination 'old'" in str(delivery.reason)) == (
        DeliveryState.PARKED,
        True,
    )


def test_the_same_result_made_again_is_not_sent_again(bench: Bench) -> None:
    """A deterministic UID that is there already gets no second delivery."""
    bench.receive("R", "CC")
    job = bench.claim()
    (result,) = bench.results(job, 1)
    bench.journal.complete_job(job, [result], Outcome.FINDINGS, bench.now)
    bench.deliver_all()
    bench.receive("L", "CC")
    bench.journal.complete_job(bench.claim(), [result], Outcome.FINDINGS, bench.now)
    assert bench.due() == ()
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_retention_keeps_rows_and_a_late_view_wins(bench: Bench) -> None:
    """Files go after the days that were set; a study re-opened meanwhile keeps them."""
    bench.receive("R", "CC")
    bench.answer(results=1)
    assert bench.journal.expired(bench.now, 7) == ()
    bench.now = after(days=8)
    (expired,) = bench.journal.expired(bench.now, 7)
    bench.receive("L", "CC")
    assert bench.journal.sweep(expired, bench.now, bench.spool) == 0
    bench.answer(results=1)
    bench.now = after(days=30)
    (expired,) = bench.journal.expired(bench.now, 7)
    assert bench.journal.sweep(expired, bench.now, bench.spool) == 4
    assert bench.files() == []
    assert bench.journal.overview()[0].instances == 2


def test_a_swept_instance_that_comes_again_serves_a_late_view(bench: Bench) -> None:
    """A re-sent old study makes no job by itself, but a new view is analysed with it."""
    bench.receive("R", "CC", uid="1.1", content=b"a")
    bench.answer(results=1)
    bench.now = after(days=30)
    bench.sweep_all()
    assert bench.receive("R", "CC", uid="1.1", content=b"a") is CommitOutcome.NEW
    assert bench.journal.overview()[0].state is StudyState.ANSWERED
    bench.sweep_all()
    bench.receive("L", "CC")
    job = bench.claim()
    assert [i.available for i in job.instances] == [True, True]


def test_every_change_of_state_leaves_an_event(bench: Bench) -> None:
    """The history of a study can be told from its events alone."""
    bench.receive("R", "CC")
    bench.answer(results=1)
    study = bench.journal.overview()[0]
    history = bench.journal.events(Machine.STUDY, study.study_id)
    assert [e.to_state for e in history] == ["receiving", "ready", "delivering", "answered"]
    assert history[0].from_state is None
    assert history[0].at == START


def _fields(result: object) -> dict[str, object]:
    return {name: getattr(result, name) for name in result.__slots__}  # type: ignore[attr-defined]


def test_two_journals_on_one_file_see_the_same(tmp_path: Path) -> None:
    """What one connection committed the other one sees at once."""
    one = Bench(tmp_path)
    with Journal(tmp_path / "storage" / "journal.db") as other:
        one.receive("R", "CC")
        assert len(other.overview()) == 1
        job = one.claim()
        assert other.claim_job("other", 60, one.now) is None
        one.complete(job, results=1)
        assert other.counts()["delivery"]["pending"] == 1
    assert isinstance(one.spool, Spool)
