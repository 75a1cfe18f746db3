"""What a destination stored is delivered when it has committed to it: asking, again if need be.

Rules:

* A request is in the journal before it is sent: its report may be faster than its answer.
* Transaction UIDs are drawn at random: knowing one is what entitles a peer to report on it,
  beside its AE title.
* A report is taken whenever it comes, also for a request that was repeated since.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Any, Protocol

from mammo_node import log
from mammo_node.config import Retry
from mammo_node.destination import Destination
from mammo_node.dimse.commitment import OnReport, request_commitment
from mammo_node.dimse.outgoing import SOP_CLASS_NOT_SUPPORTED
from mammo_node.errors import (
    AssociationRejected,
    CannotUnderstand,
    DeliveryError,
    DeliveryRefused,
    DestinationUnreachable,
    MammoNodeError,
)
from mammo_node.header.commitment import report_of
from mammo_node.journal.journal import Journal
from mammo_node.journal.records import CommitmentRequest
from mammo_node.journal.retry import (
    NO_SUCH_OBJECT_INSTANCE,
    Park,
    RetryAt,
    SendAgain,
    decide_commitment,
    decide_retry,
)
from mammo_node.vocabulary import CommitmentReport

_LOG = log.get("commitment")
#: Objects in one request.
BATCH_SIZE = 500
#: How long a report may come on the association of the request.
_LINGER_S = 2.0
#: Beyond the deadlines of a request, before it counts as not sent.
_MARGIN_S = 60.0
#: Statuses of an N-EVENT-REPORT (PS3.7 10.1.1.1.8).
_SUCCESS = 0x0000
_PROCESSING_FAILURE = 0x0110
_INVALID_ARGUMENT_VALUE = 0x0115


def new_transaction_uid() -> str:
    """Return a UID that nobody can guess (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


class Ask(Protocol):
    """What asks: :func:`mammo_node.dimse.commitment.request_commitment`, or a fake."""

    def __call__(
        self,
        destination: Destination,
        calling_ae_title: str,
        transaction_uid: str,
        references: Sequence[tuple[str, str]],
        /,
        *,
        on_report: OnReport,
        linger_s: float,
    ) -> None:
        """Ask, or raise a DeliveryError."""


@dataclass(frozen=True, slots=True)
class Clerk:
    """Asks one destination to commit to what it stored.

    Parameters
    ----------
    journal : Journal
        Holds what waits.
    destination : Destination
        Whom to ask.
    calling_ae_title : str
        Ours; reports come to it.
    retry : Retry
        Delays after failures.
    clock : callable
        Returns the time, UTC.
    new_uid : callable
        Draws Transaction UIDs.
    ask : callable
        Asks.
    random : callable
        Returns a number from [0, 1): which part of the jitter is taken.
    """

    journal: Journal
    destination: Destination
    calling_ae_title: str
    retry: Retry
    clock: Callable[[], datetime]
    new_uid: Callable[[], str] = new_transaction_uid
    ask: Ask = request_commitment
    random: Callable[[], float] = random

    def step(self) -> bool:
        """Ask once if anything is due; return whether something was."""
        request = self.journal.begin_commitment(
            self.destination.name, self.new_uid(), self.clock(), BATCH_SIZE, wait_s=self._wait_s()
        )
        if request is None:
            return False
        references = [(item.sop_class_uid, item.sop_instance_uid) for item in request.items]
        try:
            self.ask(
                self.destination,
                self.calling_ae_title,
                request.transaction_uid,
                references,
                on_report=self._take,
                linger_s=_LINGER_S,
            )
        except DeliveryError as error:
            self._not_asked(request, error)
        else:
            later = timedelta(seconds=self.destination.commitment_timeout_s)
            self.journal.commitment_asked(request, self.clock() + later)
            self._log("commitment-asked", request)
        return True

    def decide(self, reason: int, asked: int, stored_at: datetime) -> RetryAt | SendAgain | Park:
        """Decide what becomes of an object that the peer does not commit to."""
        return decide_commitment(reason, asked, stored_at, self.clock(), self.retry)

    def _take(self, information: Any) -> int:
        """Take a report that comes on our own association; called by the library's thread."""
        try:
            report = report_of(information)
            known = self._report(report)
        except CannotUnderstand:
            return _INVALID_ARGUMENT_VALUE
        except MammoNodeError as error:
            _LOG.error("commitment-report-lost", reason=str(error))
            return _PROCESSING_FAILURE
        return _SUCCESS if known else _INVALID_ARGUMENT_VALUE

    def _report(self, report: CommitmentReport) -> bool:
        names = [self.destination.name]
        return self.journal.commitment_reported(report, names, self.clock(), self.decide)

    def _not_asked(self, request: CommitmentRequest, error: DeliveryError) -> None:
        now = self.clock()
        decision = self._decision(request, error, now)
        self.journal.commitment_failed(
            request,
            decision,
            now,
            reason=str(error),
            unreachable=isinstance(error, DestinationUnreachable | AssociationRejected),
        )
        self._log("commitment-not-asked", request, reason=str(error), parked=_parks(decision))

    def _decision(
        self, request: CommitmentRequest, error: DeliveryError, now: datetime
    ) -> RetryAt | Park:
        if isinstance(error, DeliveryRefused) and error.status == SOP_CLASS_NOT_SUPPORTED:
            return Park(f"{error}: set commitment = false for it, then mammo-node retry")
        if isinstance(error, DeliveryRefused) and error.status != NO_SUCH_OBJECT_INSTANCE:
            decision = self.decide(error.status, request.asked, request.stored_at)
            return Park(str(error)) if isinstance(decision, SendAgain) else decision
        return decide_retry(
            error, request.asked, request.stored_at, now, self.retry, random=self.random()
        )

    def _wait_s(self) -> float:
        deadlines = self.destination.connect_timeout_s + self.destination.response_timeout_s
        return 2 * deadlines + _LINGER_S + _MARGIN_S

    def _log(self, event: str, request: CommitmentRequest, **facts: object) -> None:
        write = _LOG.warning if "reason" in facts else _LOG.info
        write(event, destination=self.destination.name, objects=len(request.items), **facts)


def _parks(decision: RetryAt | Park) -> bool:
    return isinstance(decision, Park)
