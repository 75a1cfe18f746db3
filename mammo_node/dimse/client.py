"""Storage and Verification SCU: one association per batch, a status for every object.

Rules:

* Nothing waits for ever: connect, association, every response and every blocked write
  have a deadline.
* Each object of a batch gets exactly one :class:`SendOutcome`, as soon as it is known. An
  association that breaks in the middle leaves what was answered answered; the object that
  was under way failed, and the others were not tried.
* Errors of the network library become :mod:`mammo_node.errors` here.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from time import monotonic
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from mammo_node.config import Destination
from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mammo_node.dimse.outcome import SLOWEST_BYTES_PER_S
from mammo_node.dimse.outcome import Loaded as Loaded  # noqa: PLC0414 - part of this interface
from mammo_node.dimse.outcome import SendOutcome as SendOutcome  # noqa: PLC0414 - likewise
from mammo_node.dimse.outcome import StoredObject as StoredObject  # noqa: PLC0414 - likewise
from mammo_node.errors import (
    AssociationRejected,
    DeliveryError,
    DeliveryRefused,
    DestinationUnreachable,
)

#: Verification SOP Class (PS3.4 A.4).
_VERIFICATION = "1.2.840.10008.1.1"
_SUCCESS = 0x0000
#: PS3.7 C.5.6: SOP class not supported; also what a refused presentation context means.
SOP_CLASS_NOT_SUPPORTED = 0x0122
#: PS3.8 9.3.4, A-ASSOCIATE-RJ Result.
_REJECTED_TRANSIENT = 2
#: PS3.8 9.3.2.2: presentation context ids are the odd numbers of one octet.
_MAX_CONTEXTS = 128
_MAX_PDU_BYTES = 131072

#: Reads an object in one of the transfer syntaxes that it was offered in. Raises DeliveryError.
Load = Callable[[StoredObject, str], Loaded]


def load_as_it_is(item: StoredObject, _transfer_syntax_uid: str) -> Loaded:
    """Read a file as it is; the network library writes it anew where the syntax differs."""
    try:
        return Loaded(pydicom.dcmread(item.path))
    except (OSError, InvalidDicomError) as error:
        raise DeliveryError(f"{item.path.name} cannot be read: {error}") from error


def send_batch(
    destination: Destination,
    calling_ae_title: str,
    items: Sequence[StoredObject],
    load: Load = load_as_it_is,
) -> Generator[SendOutcome, None, None]:
    """Send objects over one association and yield the outcome of each, in order.

    Parameters
    ----------
    destination : Destination
        The Storage SCP, with its deadlines.
    calling_ae_title : str
        Ours, unless the destination sets its own.
    items : sequence of StoredObject
        More than 128 pairs of SOP class and transfer syntax take a further association.
    load : callable
        Reads an object in the transfer syntax in which it goes out.

    Yields
    ------
    SendOutcome
        One for each object. When there is no association at all, each has the same
        :class:`DestinationUnreachable` or :class:`AssociationRejected` as its failure.
    """
    for group in _groups(items):
        try:
            association = _associate(destination, calling_ae_title, _contexts(group))
        except DeliveryError as error:
            yield from (SendOutcome(item, failure=error, associated=False) for item in group)
            continue
        try:
            yield from _send_all(association, destination, group, load)
        finally:
            _end(association)


def echo(destination: Destination, calling_ae_title: str) -> float:
    """Send a C-ECHO; return how long association and answer took, in seconds.

    Raises
    ------
    DestinationUnreachable
        If nobody answers.
    AssociationRejected
        If the peer does not want us.
    DeliveryRefused
        If it answers with a failure, or does not take part in verification.
    """
    started = monotonic()
    context = build_context(_VERIFICATION, [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
    association = _associate(destination, calling_ae_title, [context])
    try:
        if not association.accepted_contexts:
            raise _not_accepted(destination, _VERIFICATION)
        answer = association.send_c_echo()
        status = _status_of(answer)
        if status is None:
            raise _no_answer(association, destination)
        if status != _SUCCESS:
            message = f"{destination.address} answered C-ECHO with {status:04X}"
            raise DeliveryRefused(message, status=status)
        return monotonic() - started
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    finally:
        _end(association)


def _groups(items: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    """Split so that the presentation contexts of each part fit one association."""
    group: list[StoredObject] = []
    pairs: set[tuple[str, str]] = set()
    for item in items:
        wanted = set(_pairs(item))
        if group and len(pairs | wanted) > _MAX_CONTEXTS:
            yield group
            group, pairs = [], set()
        group.append(item)
        pairs |= wanted
    if group:
        yield group


def _contexts(items: Sequence[StoredObject]) -> list[Any]:
    """Propose each transfer syntax by itself, so that the choice among them is ours."""
    pairs = dict.fromkeys(pair for item in items for pair in _pairs(item))
    return [build_context(sop_class, syntax) for sop_class, syntax in pairs]


def _pairs(item: StoredObject) -> list[tuple[str, str]]:
    """Return what an object can be sent as, preferred first; the default is there at last.

    PS3.5 10.1 wants it offered for all that is not compressed.
    """
    syntaxes = list(item.offered or (item.transfer_syntax_uid,))
    if item.transfer_syntax_uid == ExplicitVRLittleEndian:
        syntaxes.append(ImplicitVRLittleEndian)
    return [(item.sop_class_uid, str(syntax)) for syntax in dict.fromkeys(syntaxes)]


def _associate(destination: Destination, calling_ae_title: str, contexts: list[Any]) -> Any:
    """Return an association: established, or without a context that the peer accepted."""
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
            evt_handlers=[(evt.EVT_CONN_OPEN, _tune, [destination.response_timeout_s])],
        )
    except OSError as error:  # the name does not resolve, or no descriptor is left
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    if association.is_established or association.acceptor.primitive is not None:
        _refuse_rejection(association, destination)
        return association
    raise DestinationUnreachable(f"{destination.address}: no answer to the association request")


def _tune(event: Any, deadline_s: float) -> None:
    """Set what the library leaves to the system: no Nagle, no endless blocking read or write."""
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    interval = struct.pack("@ll", int(deadline_s), int(deadline_s % 1 * 1e6))  # a timeval
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)


def _refuse_rejection(association: Any, destination: Destination) -> None:
    answer = association.acceptor.primitive
    if not association.is_rejected:
        return
    raise AssociationRejected(
        f"{destination.address} rejected the association: {answer.reason_str}"
        f" ({answer.result_str}, {answer.source_str})",
        transient=answer.result == _REJECTED_TRANSIENT,
    )


def _send_all(
    association: Any, destination: Destination, items: Sequence[StoredObject], load: Load
) -> Iterator[SendOutcome]:
    broken = False
    for number, item in enumerate(items):
        if broken:
            yield SendOutcome(item)
            continue
        outcome = _send(association, destination, item, load, number % 0xFFFF + 1)
        broken = isinstance(outcome.failure, DestinationUnreachable)
        yield outcome


def _send(
    association: Any, destination: Destination, item: StoredObject, load: Load, message_id: int
) -> SendOutcome:
    syntax = _agreed_syntax(association, item)
    if syntax is None:
        return SendOutcome(item, failure=_not_accepted(destination, item.sop_class_uid))
    try:
        loaded = load(item, syntax)
        answer = _store(association, destination, item, loaded, message_id)
    except OSError as error:
        return SendOutcome(item, failure=DeliveryError(f"{item.path.name} cannot be read: {error}"))
    except DeliveryError as error:
        return SendOutcome(item, failure=error)
    status = _status_of(answer)
    if status is None:
        return SendOutcome(item, failure=_no_answer(association, destination))
    return SendOutcome(item, status, answer.get("ErrorComment"), note=loaded.note)


def _agreed_syntax(association: Any, item: StoredObject) -> str | None:
    accepted = {
        (str(context.abstract_syntax), str(syntax))
        for context in association.accepted_contexts
        for syntax in context.transfer_syntax
    }
    return next((pair[1] for pair in _pairs(item) if pair in accepted), None)


def _store(
    association: Any,
    destination: Destination,
    item: StoredObject,
    loaded: Loaded,
    message_id: int,
) -> Any:
    size_bytes = item.path.stat().st_size
    association.dimse_timeout = destination.response_timeout_s + size_bytes / SLOWEST_BYTES_PER_S
    try:
        return association.send_c_store(loaded.dataset, msg_id=message_id)
    except RuntimeError as error:  # no association any more
        raise _no_answer(association, destination) from error
    except (AttributeError, ValueError) as error:  # the object cannot be encoded
        raise DeliveryError(f"{item.path.name}: {error}") from error


def _status_of(answer: Any) -> int | None:
    status = answer.get("Status")
    return None if status is None else int(status)


def _no_answer(association: Any, destination: Destination) -> DestinationUnreachable:
    aborted = association.acse.is_aborted()
    what = "the peer ended the association" if aborted else "no answer in time"
    return DestinationUnreachable(f"{destination.address}: {what}")


def _not_accepted(destination: Destination, sop_class_uid: str) -> DeliveryRefused:
    return DeliveryRefused(
        f"{destination.address} does not accept {UID(sop_class_uid).name} ({sop_class_uid})",
        status=SOP_CLASS_NOT_SUPPORTED,
    )


def _end(association: Any) -> None:
    if association.is_established:
        association.release()
    if association.is_established:  # the peer does not answer the release request
        association.abort()
