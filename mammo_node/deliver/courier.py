"""Results go to one destination: claim what is due, send one batch, record each outcome.

Rules:

* An outcome is recorded when it is known, not when the batch is through: after a crash
  only what the peer has not acknowledged is sent again, under the same UID.
* A peer that is down costs one connection attempt at a time: everything that waits for it
  waits together, and goes at once when it is back.
* The object at which an association broke waits by itself, so that one object that a peer
  cannot digest does not hold up the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from time import monotonic
from typing import Protocol

from mammo_node import log
from mammo_node.config import AnyDestination, Destination, Retry
from mammo_node.deliver.sending import send
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.errors import DeliveryError, DeliveryRefused, LeaseLost
from mammo_node.journal.journal import Journal
from mammo_node.journal.records import Delivery
from mammo_node.journal.retry import (
    DUPLICATE_SOP_INSTANCE,
    Park,
    RetryAt,
    decide_retry,
    is_delivered,
    is_warning,
)

_LOG = log.get("deliver")
#: Objects in one association.
BATCH_SIZE = 50
#: Beyond the deadlines of one object, before somebody else may take the batch.
_LEASE_MARGIN_S = 60.0
#: Stored objects are asked for together, and not before the peer had a moment.
_GATHER_S = 3.0


class Send(Protocol):
    """What sends a batch: :func:`mammo_node.deliver.sending.send`, or a fake."""

    def __call__(
        self, destination: AnyDestination, calling_ae_title: str, items: Sequence[StoredObject], /
    ) -> Generator[SendOutcome, None, None]:
        """Yield the outcome of each object, in order."""


@dataclass(frozen=True, slots=True)
class Courier:
    """Delivers to one destination.

    Parameters
    ----------
    journal : Journal
        Holds the deliveries.
    destination : Destination
        Where to.
    calling_ae_title : str
        Ours.
    retry : Retry
        Delays after failures.
    owner : str
        Names this courier in leases.
    clock : callable
        Returns the time, UTC.
    send : callable
        Sends a batch.
    random : callable
        Returns a number from [0, 1): which part of the jitter is taken.
    gather_s : float
        How long stored objects wait for others to be asked for together.
    """

    journal: Journal
    destination: AnyDestination
    calling_ae_title: str
    retry: Retry
    owner: str
    clock: Callable[[], datetime]
    send: Send = send
    random: Callable[[], float] = random
    gather_s: float = _GATHER_S

    def step(self) -> bool:
        """Send one batch if anything is due; return whether something was.

        Raises
        ------
        JournalError, OutOfResources
            If an outcome cannot be recorded: the delivery stays claimed until its lease
            runs out, and is then sent again.
        """
        batch = self.journal.due_deliveries(
            self.destination.name,
            self.clock(),
            BATCH_SIZE,
            owner=self.owner,
            lease_s=self._lease_s(),
        )
        if batch:
            _Round(self, batch).run()
        return bool(batch)

    @property
    def asks_commitment(self) -> bool:
        """Whether what is stored there is delivered only when it is committed to."""
        return isinstance(self.destination, Destination) and self.destination.commitment

    def lease_end(self) -> datetime:
        """Return until when a claim made now holds."""
        return self.clock() + timedelta(seconds=self._lease_s())

    def _lease_s(self) -> float:
        deadlines = self.destination.connect_timeout_s + self.destination.response_timeout_s
        return 2 * deadlines + _LEASE_MARGIN_S


class _Round:
    """One batch on its way."""

    def __init__(self, courier: Courier, batch: tuple[Delivery, ...]) -> None:
        self._courier = courier
        self._open = list(batch)
        self._counts: Counter[str] = Counter()
        self._reasons: dict[str, None] = {}
        self._notes: dict[str, None] = {}
        self._try_again_at: list[datetime] = []
        # One throw for the round: what fails together is tried again together.
        self._random = courier.random()

    def run(self) -> None:
        """Send, record, and write the one line that tells about it."""
        started = monotonic()
        courier, batch = self._courier, tuple(self._open)
        items = [_item(delivery) for delivery in batch]
        sending = courier.send(courier.destination, courier.calling_ae_title, items)
        try:
            with closing(sending):
                for delivery, outcome in zip(batch, sending, strict=True):
                    self._take(delivery, outcome)
        finally:
            # Not tried: another object broke the association, or recording failed.
            courier.journal.release_deliveries(self._open, courier.clock())
        self._tell_the_others()
        self._log(len(batch), monotonic() - started)

    def _take(self, delivery: Delivery, outcome: SendOutcome) -> None:
        if not outcome.tried:
            return
        try:
            self._record(delivery, outcome)
        except LeaseLost:
            # Somebody else sends it by now, under the same UID: their record counts.
            self._counts["lease_lost"] += 1
        self._open.remove(delivery)
        self._courier.journal.extend_deliveries(self._open, self._courier.lease_end())

    def _record(self, delivery: Delivery, outcome: SendOutcome) -> None:
        if outcome.status is None or not is_delivered(outcome.status):
            self._record_failure(delivery, outcome, outcome.failure or _refusal(outcome))
            return
        courier, warning, now = self._courier, _warning(outcome), self._courier.clock()
        if courier.asks_commitment:
            ask_at = now + timedelta(seconds=courier.gather_s)
            courier.journal.stored(delivery, outcome.status, now, warning, ask_at=ask_at)
        else:
            courier.journal.delivered(delivery, outcome.status, now, warning)
        self._counts["warned" if warning else "delivered"] += 1
        if outcome.note:
            self._notes[outcome.note] = None

    def _record_failure(
        self, delivery: Delivery, outcome: SendOutcome, failure: DeliveryError
    ) -> None:
        now, courier = self._courier.clock(), self._courier
        decision = decide_retry(
            failure,
            delivery.failures + 1,
            delivery.first_failed_at or now,
            now,
            courier.retry,
            random=self._random,
        )
        courier.journal.delivery_failed(
            delivery,
            decision,
            now,
            reason=str(failure),
            status=failure.status if isinstance(failure, DeliveryRefused) else None,
            unreachable=not outcome.associated,
        )
        self._counts["parked" if isinstance(decision, Park) else "postponed"] += 1
        self._reasons[_loggable(failure)] = None
        if isinstance(decision, RetryAt) and not outcome.associated:
            self._try_again_at.append(decision.when)

    def _tell_the_others(self) -> None:
        """Let what waits for this peer wait with us, or go now that it answers."""
        courier = self._courier
        if self._try_again_at:
            courier.journal.hold_destination(courier.destination.name, min(self._try_again_at))
        elif self._counts["delivered"] or self._counts["warned"]:
            courier.journal.resume_destination(courier.destination.name, courier.clock())

    def _log(self, objects: int, elapsed_s: float) -> None:
        """Write the canonical line: numbers and reasons, nothing of a patient."""
        write = _LOG.warning if self._reasons or self._notes else _LOG.info
        write(
            "delivery",
            destination=self._courier.destination.name,
            objects=objects,
            **self._counts,
            not_tried=len(self._open),
            reasons=list(self._reasons),
            notes=list(self._notes),
            elapsed_s=round(elapsed_s, 3),
        )


def _item(delivery: Delivery) -> StoredObject:
    return StoredObject(
        path=delivery.path,
        sop_class_uid=delivery.sop_class_uid,
        sop_instance_uid=delivery.sop_instance_uid,
        transfer_syntax_uid=delivery.transfer_syntax_uid,
    )


def _refusal(outcome: SendOutcome) -> DeliveryRefused:
    status = outcome.status or 0
    return DeliveryRefused(f"the peer answered {_words(outcome)}", status=status)


def _loggable(failure: DeliveryError) -> str:
    """Return a reason without the peer's own words: they may name a patient."""
    if isinstance(failure, DeliveryRefused):
        return f"status {failure.status:04X}"
    return str(failure)


def _warning(outcome: SendOutcome) -> str | None:
    """Return what is worth keeping of a success: warnings, or that the object was there."""
    said = [outcome.note] if outcome.note else []
    if outcome.status == DUPLICATE_SOP_INSTANCE:
        said.insert(0, "the peer had it already")
    if outcome.status is not None and is_warning(outcome.status):
        said.insert(0, f"warning {_words(outcome)}")
    return "; ".join(said) or None


def _words(outcome: SendOutcome) -> str:
    comment = f": {outcome.comment}" if outcome.comment else ""
    return f"{outcome.status or 0:04X}{comment}"
