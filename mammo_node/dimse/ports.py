"""What a Storage SCP asks of the layer above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mammo_node.dimse.negotiation import (
    Acceptance,
    AcceptedContext,
    AssociationRequest,
    Rejection,
)


@dataclass(frozen=True, slots=True)
class AssociationInfo:
    """Which association a message came on; ``association_id`` is our own."""

    association_id: str
    calling_ae_title: str
    called_ae_title: str
    peer_address: str
    implementation_version_name: str
    """What the peer says that it runs (PS3.7 D.3.3.2)."""


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ (PS3.7 9.3.1.1); the UIDs are the command's, unchecked."""

    association: AssociationInfo
    context: AcceptedContext
    affected_sop_class_uid: str
    affected_sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class EventReport:
    """An N-EVENT-REPORT-RQ (PS3.7 10.3.1.1); ``information`` is encoded as the context says."""

    association: AssociationInfo
    context: AcceptedContext
    event_type_id: int | None
    information: bytes


@dataclass(frozen=True, slots=True)
class AssociationEnd:
    """How an association ended; ``reason`` is empty after a release."""

    aborted: bool
    reason: str


class Store(Protocol):
    """One dataset on its way in: written in pieces, then committed, always discarded last."""

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes; the view is valid during the call. Raises ReceptionError."""

    def commit(self) -> None:
        """Make the instance durable, or raise the ReceptionError to answer."""

    def discard(self) -> None:
        """Forget what was not committed; harmless afterwards, or twice; never raises."""


class StorageService(Protocol):
    """The layer above: what is accepted, and where datasets go."""

    def negotiate(
        self, request: AssociationRequest, peer_address: str, *, has_room: bool
    ) -> Acceptance | Rejection:
        """Answer an association request; ``has_room`` is False at the association limit."""

    def begin_store(self, request: StoreRequest) -> Store:
        """Begin to receive a dataset. Raises ReceptionError when it is refused at once."""

    def answered(self, request: StoreRequest, status: int, comment: str) -> None:
        """Take notice of the answer to a C-STORE; called before it is sent."""

    def event_reported(self, report: EventReport) -> tuple[int, str]:
        """Take an event; return the status and the Error Comment to answer."""

    def ended(self, association: AssociationInfo, end: AssociationEnd) -> None:
        """Take notice that an accepted association is over; called once for each."""
