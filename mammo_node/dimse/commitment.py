"""Storage Commitment Push Model SCU (PS3.4 Annex J): asking a peer to commit.

The report comes on an association of the peer's own (:mod:`mammo_node.receive`), or on this
one, which is kept for a moment for the sake of peers that do it so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.presentation import build_context

from mammo_node.destination import Destination
from mammo_node.dimse.negotiation import STORAGE_COMMITMENT_PUSH_MODEL
from mammo_node.dimse.outgoing import associate, end, no_answer, not_accepted, status_of
from mammo_node.errors import DeliveryRefused, DestinationUnreachable

#: The well-known SOP instance (PS3.4 J.3.5).
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
#: Action Type ID: Request Storage Commitment (PS3.4 J.3.2.1).
_REQUEST = 1
_SUCCESS = 0x0000

#: Takes the event information of a report; returns the status to answer (PS3.7 10.3.1).
OnReport = Callable[[Dataset], int]


def request_commitment(
    destination: Destination,
    calling_ae_title: str,
    transaction_uid: str,
    references: Iterable[tuple[str, str]],
    *,
    on_report: OnReport,
    linger_s: float,
) -> None:
    """Ask a peer to commit to objects, and take a report that comes at once.

    Parameters
    ----------
    destination : Destination
        Who stored them.
    calling_ae_title : str
        Ours: the peer calls it to report.
    transaction_uid : str
        Transaction UID (0008,1195) of this request.
    references : iterable of (str, str)
        SOP Class and SOP Instance UIDs.
    on_report : callable
        Called, perhaps from another thread, when the report comes on this association.
    linger_s : float
        How long to wait for that.

    Raises
    ------
    DestinationUnreachable, AssociationRejected
        If there is no association, or no answer.
    DeliveryRefused
        If the peer offers no storage commitment, or answers with a failure.
    """
    reported = threading.Event()
    serving: list[threading.Thread] = []

    def take(event: Any) -> tuple[int, None]:
        serving.append(threading.current_thread())
        return on_report(event.event_information), None

    def sent(event: Any) -> None:
        # Not before our response is on its way may the association be released.
        if type(event.message).__name__ == "N_EVENT_REPORT_RSP":
            reported.set()

    context = build_context(
        STORAGE_COMMITMENT_PUSH_MODEL, [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    )
    handlers = [(evt.EVT_N_EVENT_REPORT, take), (evt.EVT_DIMSE_SENT, sent)]
    association = associate(destination, calling_ae_title, [context], handlers)
    try:
        if not association.accepted_contexts:
            raise not_accepted(destination, STORAGE_COMMITMENT_PUSH_MODEL)
        _ask(association, destination, _information(transaction_uid, references))
        reported.wait(linger_s)
        # The library has a thread for each report; while one ends, nothing can be released.
        for thread in serving:
            thread.join(destination.response_timeout_s)
    finally:
        end(association)


def _ask(association: Any, destination: Destination, information: Dataset) -> None:
    try:
        answer, _ = association.send_n_action(
            information, _REQUEST, STORAGE_COMMITMENT_PUSH_MODEL, STORAGE_COMMITMENT_INSTANCE
        )
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    status = status_of(answer)
    if status is None:
        raise no_answer(association, destination)
    if status != _SUCCESS:
        message = f"{destination.address} answered the request for commitment with {status:04X}"
        raise DeliveryRefused(message, status=status)


def _information(transaction_uid: str, references: Iterable[tuple[str, str]]) -> Dataset:
    """Return the action information (PS3.4 Table J.3-1)."""
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    ds.ReferencedSOPSequence = [_reference(*reference) for reference in references]
    return ds


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item
