"""The courier: every outcome lands in the journal, and a PACS that is down costs only time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mammo_node.config import Destination, Retry
from mammo_node.deliver.courier import Courier
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.errors import (
    AssociationRejected,
    DeliveryRefused,
    DestinationUnreachable,
    OutOfResources,
)
from mammo_node.journal.records import DeliveryOverview
from mammo_node.journal.states import DeliveryState, StudyState
from tests.unit.journal_cases import Bench

_DOWN = DestinationUnreachable("PACS@host:104: Connection refused")
Answer = Callable[[StoredObject], SendOutcome]


class FakePacs:
    """Answers each object as it is told; remembers what it was offered."""

    def __init__(self) -> None:
        self.offered: list[list[str]] = []
        self.answer: Answer = _takes
        self.closed = 0

    def __call__(
        self, _destination: Destination, _title: str, items: Sequence[StoredObject], /
    ) -> Generator[SendOutcome, None, None]:
        self.offered.append([item.sop_instance_uid for item in items])
        try:
            for item in items:
                yield self.answer(item)
        finally:
            self.closed += 1


def _takes(item: StoredObject) -> SendOutcome:
    return SendOutcome(item, 0x0000)


def _is_down(item: StoredObject) -> SendOutcome:
    return SendOutcome(item, failure=_DOWN, associated=False)


def _status(status: int, comment: str | None = None) -> Answer:
    return lambda item: SendOutcome(item, status, comment)


def _in_turn(*answers: Answer) -> Answer:
    left = iter(answers)
    return lambda item: next(left)(item)  # noqa: PLW0108 - one more answer for each item


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    return bench


@pytest.fixture
def pacs() -> FakePacs:
    return FakePacs()


def _courier(bench: Bench, pacs: FakePacs) -> Courier:
    return Courier(
        journal=bench.journal,
        destination=Destination(name="pacs", ae_title="PACS", host="host", port=104),
        calling_ae_title="MAMMO_AI",
        retry=Retry(first_s=10, max_s=1000, give_up_days=2, jitter=0.2),
        owner="courier",
        clock=lambda: bench.now,
        send=pacs,
        random=lambda: 0.5,
    )


def _deliveries(bench: Bench) -> tuple[DeliveryOverview, ...]:
    return bench.journal.overview()[0].deliveries


def test_a_batch_is_delivered_and_the_study_answered(bench: Bench, pacs: FakePacs) -> None:
    """One round sends everything that is due, and there is nothing left to do."""
    bench.complete(bench.claim(), results=3)
    courier = _courier(bench, pacs)
    assert courier.step()
    assert not courier.step()
    assert [len(batch) for batch in pacs.offered] == [3]
    assert bench.journal.overview()[0].state is StudyState.ANSWERED
    assert pacs.closed == 1


@pytest.mark.parametrize(
    ("status", "comment", "kept"),
    [
        (0x0111, None, "the peer had it already"),
        (0xB000, "coerced", "warning B000: coerced"),
        (0x0000, None, None),
    ],
)
def test_success_keeps_its_warning(
    bench: Bench, pacs: FakePacs, status: int, comment: str | None, kept: str | None
) -> None:
    """0111 and Bxxx are successes, and what they said is kept with the status."""
    bench.complete(bench.claim(), results=1)
    pacs.answer = _status(status, comment)
    _courier(bench, pacs).step()
    (delivery,) = _deliveries(bench)
    assert delivery.state is DeliveryState.DELIVERED
    assert (delivery.last_status, delivery.reason) == (status, kept)


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0x0122, 0x0124, 0x0110])
def test_a_permanent_refusal_is_parked_and_the_others_go(
    bench: Bench, pacs: FakePacs, status: int
) -> None:
    """The refused object waits for a person; it is not offered again by itself."""
    bench.complete(bench.claim(), results=2)
    pacs.answer = _in_turn(_status(status, "because"), _takes)
    courier = _courier(bench, pacs)
    courier.step()
    bench.now += timedelta(days=1)
    assert not courier.step()
    refused, taken = _deliveries(bench)
    assert (refused.state, refused.last_status) == (DeliveryState.PARKED, status)
    assert refused.reason == f"the peer answered {status:04X}: because"
    assert taken.state is DeliveryState.DELIVERED
    assert bench.journal.overview()[0].state is StudyState.UNDELIVERED


def test_out_of_resources_is_tried_again_later(bench: Bench, pacs: FakePacs) -> None:
    """A700 waits by itself, with backoff, and is delivered at the next chance."""
    bench.complete(bench.claim(), results=2)
    pacs.answer = _in_turn(_status(0xA700), _takes, _takes)
    courier = _courier(bench, pacs)
    courier.step()
    assert not courier.step()
    first, _ = _deliveries(bench)
    assert (first.state, first.last_status) == (DeliveryState.PENDING, 0xA700)
    assert first.due_at - bench.now == timedelta(seconds=9)
    bench.now += timedelta(seconds=9)
    assert courier.step()
    assert bench.journal.overview()[0].state is StudyState.ANSWERED
    assert pacs.offered[1] == [first.sop_instance_uid]


def test_a_pacs_that_is_down_is_asked_rarely_and_gets_everything(
    bench: Bench, pacs: FakePacs
) -> None:
    """Backoff doubles up to its cap; everything arrives in one go when the PACS is back."""
    bench.complete(bench.claim(), results=2)
    pacs.answer = _is_down
    courier = _courier(bench, pacs)
    went_down = bench.now
    attempts = []
    while bench.now - went_down < timedelta(hours=3):
        if courier.step():
            attempts.append((bench.now - went_down).total_seconds())
        bench.now += timedelta(seconds=1)
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    assert waits[:4] == [9, 18, 36, 72]
    assert max(waits) == 900
    assert {d.state for d in _deliveries(bench)} == {DeliveryState.PENDING}
    assert {d.reason for d in _deliveries(bench)} == {str(_DOWN)}
    pacs.answer = _takes
    bench.now += timedelta(seconds=1000)
    courier.step()
    assert len(pacs.offered[-1]) == 2
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_a_new_study_finds_out_that_the_pacs_is_back(bench: Bench, pacs: FakePacs) -> None:
    """One success lets go what was waiting for an hour-long backoff to end."""
    bench.complete(bench.claim(), results=1)
    pacs.answer = _is_down
    courier = _courier(bench, pacs)
    for _ in range(9):
        courier.step()
        bench.now = max(d.due_at for d in _deliveries(bench))
    courier.step()
    pacs.answer = _takes
    waiting_until = _deliveries(bench)[0].due_at
    bench.receive("L", "CC", study="1.2.3")
    bench.now += timedelta(seconds=1)
    bench.complete(bench.claim_unfinished(), results=1)
    assert bench.now < waiting_until
    assert courier.step()
    assert courier.step()
    assert {study.state for study in bench.journal.overview()} == {StudyState.ANSWERED}


def test_a_pacs_that_stays_down_is_given_up_after_days(bench: Bench, pacs: FakePacs) -> None:
    """After give_up_days the delivery is parked, and a person's retry starts anew."""
    bench.complete(bench.claim(), results=1)
    pacs.answer = _is_down
    courier = _courier(bench, pacs)
    courier.step()
    bench.now += timedelta(days=2)
    courier.step()
    (delivery,) = _deliveries(bench)
    assert delivery.state is DeliveryState.PARKED
    assert "given up after 2 days" in str(delivery.reason)
    bench.journal.retry(bench.now)
    pacs.answer = _takes
    courier.step()
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_a_permanent_rejection_is_parked(bench: Bench, pacs: FakePacs) -> None:
    """A PACS that does not know us will not know us in an hour: a person must act."""
    bench.complete(bench.claim(), results=2)
    error = AssociationRejected("calling AE title not recognised", transient=False)
    pacs.answer = lambda item: SendOutcome(item, failure=error, associated=False)
    _courier(bench, pacs).step()
    assert {d.state for d in _deliveries(bench)} == {DeliveryState.PARKED}


def test_the_object_that_breaks_the_association_waits_alone(bench: Bench, pacs: FakePacs) -> None:
    """Before it: delivered. It: postponed. After it: sent at once in the next round."""
    bench.complete(bench.claim(), results=3)
    lost = DestinationUnreachable("the peer ended the association")
    pacs.answer = _in_turn(_takes, lambda i: SendOutcome(i, failure=lost), SendOutcome, _takes)
    courier = _courier(bench, pacs)
    courier.step()
    assert [d.state for d in _deliveries(bench)] == [
        DeliveryState.DELIVERED,
        DeliveryState.PENDING,
        DeliveryState.PENDING,
    ]
    assert courier.step()
    assert pacs.offered[1] == [_deliveries(bench)[2].sop_instance_uid]
    assert not courier.step()


def test_a_journal_that_fails_in_the_middle_gives_the_rest_back(
    bench: Bench, pacs: FakePacs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unrecorded is not delivered: the rest of the batch is due again, the association closed."""
    bench.complete(bench.claim(), results=2)

    def full(*_: object) -> None:
        raise OutOfResources("disk full")

    monkeypatch.setattr(bench.journal, "delivered", full)
    with pytest.raises(OutOfResources):
        _courier(bench, pacs).step()
    assert pacs.closed == 1
    monkeypatch.undo()
    _courier(bench, pacs).step()
    assert bench.journal.overview()[0].state is StudyState.ANSWERED


def test_a_round_that_took_too_long_does_not_spoil_the_next_owner(
    bench: Bench, pacs: FakePacs
) -> None:
    """When the lease is lost the outcome is not recorded: the new owner's record counts."""
    bench.complete(bench.claim(), results=1)

    def slow(item: StoredObject) -> SendOutcome:
        bench.now += timedelta(hours=1)
        bench.journal.requeue_expired(bench.now)
        bench.due()
        return SendOutcome(item, 0xC000)

    pacs.answer = slow
    with capture_logs() as lines:
        _courier(bench, pacs).step()
    assert lines[0]["lease_lost"] == 1
    (delivery,) = _deliveries(bench)
    assert delivery.state is DeliveryState.SENDING


def test_one_line_for_a_round_without_the_peers_words(bench: Bench, pacs: FakePacs) -> None:
    """The log says where, how many and which status; a peer's comment may name a patient."""
    bench.complete(bench.claim(), results=2)
    pacs.answer = _in_turn(_takes, _status(0xC000, "bad name DOE^JANE"))
    with capture_logs() as lines:
        _courier(bench, pacs).step()
    (line,) = lines
    assert (line["event"], line["destination"], line["objects"]) == ("delivery", "pacs", 2)
    assert (line["delivered"], line["parked"], line["reasons"]) == (1, 1, ["status C000"])
    assert "DOE" not in str(line)
    refused = _deliveries(bench)[1]
    assert refused.last_status == 0xC000
    assert isinstance(DeliveryRefused("x", status=0xC000).status, int)


def test_what_was_not_done_as_asked_is_kept_and_logged(bench: Bench, pacs: FakePacs) -> None:
    """A note on an object that arrived stands in the journal and in the round's line."""
    bench.complete(bench.claim(), results=1)
    note = "2 characters that ISO_IR 100 cannot carry became '?'"
    pacs.answer = lambda item: SendOutcome(item, 0xB000, note=note)
    with capture_logs() as lines:
        _courier(bench, pacs).step()
    (delivery,) = _deliveries(bench)
    assert delivery.reason == f"warning B000; {note}"
    assert (lines[0]["notes"], lines[0]["log_level"]) == ([note], "warning")


def test_what_is_to_be_committed_is_stored_first(bench: Bench, pacs: FakePacs) -> None:
    """With commitment a C-STORE success is not yet the end of a delivery."""
    bench.complete(bench.claim(), results=1)
    courier = _courier(bench, pacs)
    destination = courier.destination.model_copy(update={"commitment": True})
    replace(courier, destination=destination).step()
    (delivery,) = _deliveries(bench)
    assert (delivery.state, delivery.last_status) == (DeliveryState.STORED, 0x0000)
    assert delivery.due_at - bench.now == timedelta(seconds=courier.gather_s)
    assert bench.journal.overview()[0].state is StudyState.DELIVERING
