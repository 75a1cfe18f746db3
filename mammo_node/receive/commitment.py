"""Reports of storage commitment that a destination brings on an association of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from mammo_node import log
from mammo_node.config import Retry
from mammo_node.dimse.command import Status
from mammo_node.dimse.ports import EventReport
from mammo_node.errors import CannotUnderstand, JournalError, OutOfResources
from mammo_node.header.commitment import decode_report
from mammo_node.journal.retry import Park, RetryAt, SendAgain, decide_commitment
from mammo_node.receive.ports import CommitmentJournal

_LOG = log.get("commitment")
#: Event Type IDs of PS3.4 J.3.3.1: all are committed to; there are failures.
_EVENT_TYPES = frozenset((1, 2))


@dataclass(frozen=True, slots=True)
class CommitmentDesk:
    """Takes reports into the journal.

    Parameters
    ----------
    journal : CommitmentJournal
        Knows what was asked for.
    retry : Retry
        Delays for what is not committed to.
    now : callable
        The clock, UTC.
    """

    journal: CommitmentJournal
    retry: Retry
    now: Callable[[], datetime]

    def take(self, event: EventReport, destinations: Collection[str]) -> tuple[int, str]:
        """Record a report; return the status and the Error Comment to answer.

        Parameters
        ----------
        event : EventReport
            As it came.
        destinations : collection of str
            Names of the destinations that its sender may speak for.
        """
        if event.event_type_id not in _EVENT_TYPES:
            return Status.NO_SUCH_EVENT_TYPE, "only event types 1 and 2 of PS3.4 J.3.3"
        try:
            report = decode_report(event.information, event.context.transfer_syntax)
            known = self.journal.commitment_reported(report, destinations, self.now(), self.decide)
        except CannotUnderstand as error:
            return self._refused(event, Status.INVALID_ARGUMENT_VALUE, str(error))
        except (JournalError, OutOfResources) as error:
            _LOG.error("commitment-report-lost", reason=str(error))
            return Status.PROCESSING_FAILURE, "the journal cannot be used for now"
        if not known:
            return self._refused(event, Status.INVALID_ARGUMENT_VALUE, "no such transaction")
        _LOG.info(
            "commitment-reported",
            calling_ae_title=event.association.calling_ae_title,
            committed=len(report.committed),
            failed=len(report.failed),
            reasons=sorted({f"{reason:04X}" for reason in report.failed.values()}),
        )
        return Status.SUCCESS, ""

    def decide(self, reason: int, asked: int, stored_at: datetime) -> RetryAt | SendAgain | Park:
        """Decide what becomes of an object that the peer does not commit to."""
        return decide_commitment(reason, asked, stored_at, self.now(), self.retry)

    def _refused(self, event: EventReport, status: Status, why: str) -> tuple[int, str]:
        _LOG.warning(
            "commitment-report-refused",
            calling_ae_title=event.association.calling_ae_title,
            peer_address=event.association.peer_address,
            reason=why,
        )
        return status, why
