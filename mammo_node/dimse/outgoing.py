"""An association that we open: deadlines on everything, the library's errors as ours."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

from pydicom.uid import UID
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import A_ASSOCIATE

from mammo_node.destination import Destination
from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mammo_node.errors import AssociationRejected, DeliveryRefused, DestinationUnreachable

#: PS3.7 C.5.6: SOP class not supported; also what a refused presentation context means.
SOP_CLASS_NOT_SUPPORTED = 0x0122
#: PS3.8 9.3.4, A-ASSOCIATE-RJ Result.
_REJECTED_PERMANENT = 1
_REJECTED_TRANSIENT = 2
_MAX_PDU_BYTES = 131072
#: The library's own deadline for the answer to a release request comes first.
_RELEASE_MARGIN_S = 5.0


def associate(
    destination: Destination,
    calling_ae_title: str,
    contexts: list[Any],
    handlers: Sequence[tuple[Any, ...]] = (),
    roles: Sequence[Any] = (),
) -> Any:
    """Return a pynetdicom association: established, or without a context that was accepted.

    ``roles`` are SCP/SCU Role Selection items (PS3.7 D.3.3.4), for peers that send to us.

    Raises
    ------
    DestinationUnreachable
        If nobody answers in time.
    AssociationRejected
        If the peer does not want us.
    """
    ae = AE(ae_title=destination.calling_ae_title or calling_ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.connection_timeout = destination.connect_timeout_s
    ae.acse_timeout = destination.connect_timeout_s
    ae.dimse_timeout = destination.response_timeout_s
    ae.network_timeout = destination.response_timeout_s
    try:
        association = ae.associate(
            destination.host,
            destination.port,
            contexts,
            ae_title=destination.ae_title,
            max_pdu=_MAX_PDU_BYTES,
            ext_neg=list(roles),
            evt_handlers=[
                (evt.EVT_CONN_OPEN, _tune, [destination.response_timeout_s]),
                (evt.EVT_CONN_OPEN, _keep_responses),
                *handlers,
            ],
        )
    except OSError as error:  # the name does not resolve, or no descriptor is left
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    _refuse_rejection(association, destination)
    if association.is_established or association.acceptor.primitive is not None:
        return association
    raise DestinationUnreachable(f"{destination.address}: no answer to the association request")


def _tune(event: Any, deadline_s: float) -> None:
    """Set what the library leaves to the system: no Nagle, no endless blocking read or write."""
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    interval = struct.pack("@ll", int(deadline_s), int(deadline_s % 1 * 1e6))  # a timeval
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)


def _keep_responses(event: Any) -> None:
    """Leave responses to the thread that waits for them.

    The library's thread that serves requests of the peer is told to pause before we send. On a
    busy machine it may be past that point already: it then takes the response, does not know what
    to do with it and drops it, and we wait for it in vain.
    """
    dimse = event.assoc.dimse
    take = dimse.get_msg

    def get_msg(block: bool = False) -> Any:
        _, first = dimse.peek_msg()
        is_request = first is not None and first.is_valid_request
        return take(block) if block or is_request else (None, None)

    dimse.get_msg = get_msg


def _refuse_rejection(association: Any, destination: Destination) -> None:
    answer = association.acceptor.primitive
    if answer is None:
        # The library's network thread closes the connection once it has read a rejection. Where
        # that is before the waiting thread has seen the connection open, as on a busy machine,
        # this one takes it for refused, reports an abort and leaves the rejection in the queue.
        answer = association.dul.peek_next_pdu()
    rejected = isinstance(answer, A_ASSOCIATE) and answer.result in (
        _REJECTED_PERMANENT,
        _REJECTED_TRANSIENT,
    )
    if rejected:
        raise AssociationRejected(
            f"{destination.address} rejected the association: {answer.reason_str}"
            f" ({answer.result_str}, {answer.source_str})",
            transient=answer.result == _REJECTED_TRANSIENT,
        )


def status_of(answer: Any) -> int | None:
    """Return the status of a response, None when none came."""
    status = answer.get("Status")
    return None if status is None else int(status)


def no_answer(association: Any, destination: Destination) -> DestinationUnreachable:
    """Return the error for a response that did not come."""
    aborted = association.acse.is_aborted()
    what = "the peer ended the association" if aborted else "no answer in time"
    return DestinationUnreachable(f"{destination.address}: {what}")


def not_accepted(destination: Destination, sop_class_uid: str) -> DeliveryRefused:
    """Return the error for a presentation context that the peer refused."""
    return DeliveryRefused(
        f"{destination.address} does not accept {UID(sop_class_uid).name} ({sop_class_uid})",
        status=SOP_CLASS_NOT_SUPPORTED,
    )


def end(association: Any) -> None:
    """Release an association; abort it where that does not come to an end."""
    if association.is_established:
        # The library waits for its own thread to pause, and would wait for ever where a request
        # of the peer, served meanwhile in a thread of its own, lets it forget that it has.
        releasing = threading.Thread(target=association.release, daemon=True)
        releasing.start()
        releasing.join(association.acse_timeout + _RELEASE_MARGIN_S)
    if association.is_established:  # the peer does not answer the release request
        association.abort()
