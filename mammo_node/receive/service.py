"""Receiving, as the DICOM server sees it: who may send, where datasets go, who is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mammo_node import log
from mammo_node.dimse.command import Status
from mammo_node.dimse.negotiation import Acceptance, AssociationRequest, Rejection
from mammo_node.dimse.ports import (
    AssociationEnd,
    AssociationInfo,
    EventReport,
    Store,
    StoreRequest,
)
from mammo_node.errors import JournalError, OutOfResources, ReceptionError
from mammo_node.receive.acceptance import AcceptancePolicy
from mammo_node.receive.commitment import CommitmentDesk
from mammo_node.receive.ports import IncomingSpool, InstanceJournal
from mammo_node.receive.transaction import StoreTransaction, Taken, check_request

_LOG = log.get("receive")
#: What a peer sends as a UID goes into a log line only so far (PS3.5 9.1).
_UID_LENGTH = 64
#: Implementation Version Name (PS3.7 D.3.3.2.3).
_NAME_LENGTH = 16


@dataclass(slots=True)
class _Ledger:
    """What one association brought so far; used by that association's thread alone."""

    began_at: datetime
    study_instance_uids: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    size_bytes: int = 0

    def note(self, taken: Taken) -> None:
        self.study_instance_uids.add(taken.instance.ref.study_instance_uid)
        self.counts[taken.outcome.value.replace("-", "_")] += 1
        self.size_bytes += taken.instance.size_bytes


class ReceiveService:
    """A ``dimse.ports.StorageService`` over a spool and a journal; used by many threads.

    Parameters
    ----------
    policy : AcceptancePolicy
        Who may send what.
    spool : IncomingSpool
        Where files go.
    journal : InstanceJournal
        Where rows go.
    now : Callable[[], datetime]
        The clock, UTC.
    min_free_bytes : int
        Watermark: below it nothing is taken.
    max_instance_bytes : int
        Longest dataset taken.
    commitments : CommitmentDesk or None
        Takes reports of storage commitment; None where nobody is asked to commit.
    """

    def __init__(
        self,
        *,
        policy: AcceptancePolicy,
        spool: IncomingSpool,
        journal: InstanceJournal,
        now: Callable[[], datetime],
        min_free_bytes: int,
        max_instance_bytes: int,
        commitments: CommitmentDesk | None = None,
    ) -> None:
        self._policy = policy
        self._spool = spool
        self._journal = journal
        self._now = now
        self._min_free_bytes = min_free_bytes
        self._max_instance_bytes = max_instance_bytes
        self._commitments = commitments
        self._ledgers: dict[str, _Ledger] = {}

    def negotiate(
        self, request: AssociationRequest, peer_address: str, *, has_room: bool
    ) -> Acceptance | Rejection:
        """Answer an association request by policy, room and disk."""
        answer = self._policy.negotiate(
            request, peer_address, has_room=has_room, has_disk=self._has_disk()
        )
        if isinstance(answer, Rejection):
            _LOG.warning(
                "association-rejected",
                reason=answer.name,
                calling_ae_title=request.calling_ae_title,
                called_ae_title=request.called_ae_title,
                peer_address=peer_address,
            )
        return answer

    def begin_store(self, request: StoreRequest) -> Store:
        """Begin to receive a dataset. Raises ReceptionError when it is refused at once."""
        ledger = self._ledgers.setdefault(request.association.association_id, _Ledger(self._now()))
        check_request(request)
        if not self._has_disk():
            raise OutOfResources("the spool is nearly full")
        incoming = self._spool.open_incoming()
        try:
            return StoreTransaction(
                request,
                incoming,
                record=self._journal.commit,
                report=ledger.note,
                now=self._now,
                max_bytes=self._max_instance_bytes,
            )
        except ReceptionError:
            incoming.discard()
            raise

    def answered(self, request: StoreRequest, status: int, comment: str) -> None:
        """Log what was refused; what was stored is counted for the association's line."""
        if status == Status.SUCCESS:
            return
        association = request.association
        self._ledgers[association.association_id].counts["refused"] += 1
        _LOG.warning(
            "instance-refused",
            status=f"{status:04X}",
            reason=comment,
            sop_instance_uid=request.affected_sop_instance_uid[:_UID_LENGTH],
            sop_class_uid=request.affected_sop_class_uid[:_UID_LENGTH],
            association_id=association.association_id,
            calling_ae_title=association.calling_ae_title,
            peer_address=association.peer_address,
        )

    def event_reported(self, report: EventReport) -> tuple[int, str]:
        """Take a report of storage commitment from a destination that was asked to commit."""
        destinations = self._policy.committed_by(report.association.calling_ae_title)
        if self._commitments is None or not destinations:
            return Status.SOP_CLASS_NOT_SUPPORTED, "nobody asked for a commitment"
        return self._commitments.take(report, destinations)

    def ended(self, association: AssociationInfo, end: AssociationEnd) -> None:
        """Tell the journal, and log one line for the whole association."""
        at = self._now()
        ledger = self._ledgers.pop(association.association_id, _Ledger(at))
        if ledger.study_instance_uids:
            self._release(association, ledger, end, at)
        # Echoes that monitors send every few seconds are worth no line of their own.
        write = _LOG.info if ledger.counts or end.aborted else _LOG.debug
        write(
            "association-ended",
            association_id=association.association_id,
            calling_ae_title=association.calling_ae_title,
            peer_address=association.peer_address,
            peer_implementation=association.implementation_version_name[:_NAME_LENGTH],
            end="aborted" if end.aborted else "released",
            reason=end.reason,
            studies=sorted(ledger.study_instance_uids),
            instances=dict(ledger.counts),
            size_bytes=ledger.size_bytes,
            seconds=round((at - ledger.began_at).total_seconds(), 3),
        )

    def _release(
        self, association: AssociationInfo, ledger: _Ledger, end: AssociationEnd, at: datetime
    ) -> None:
        try:
            self._journal.association_released(
                association.association_id,
                association.calling_ae_title,
                sorted(ledger.study_instance_uids),
                at,
                end.aborted,
            )
        except (JournalError, OutOfResources) as error:
            # The study's deadline goes on without it: later, but not lost.
            _LOG.error(
                "release-not-recorded",
                association_id=association.association_id,
                reason=str(error),
            )

    def _has_disk(self) -> bool:
        try:
            return self._spool.free_bytes() >= self._min_free_bytes
        except OutOfResources:
            return False
