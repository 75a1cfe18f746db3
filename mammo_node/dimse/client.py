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
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from mammo_node.config import Destination
from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
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
#: A link that is slower than this counts as broken: time is allowed for sending as well.
_SLOWEST_BYTES_PER_S = 250_000
_MAX_PDU_BYTES = 131072


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A DICOM file to send; classes and syntax as in its file meta information."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What became of one object.

    Exactly one of these holds: ``status`` is a C-STORE answer (of any class), ``failure``
    says why there is none, or neither is set: not tried, because the association broke at
    another object.
    """

    item: StoredObject
    status: int | None = None
    comment: str | None = None
    """Error Comment (0000,0902) of the answer."""
    failure: DeliveryError | None = None
    associated: bool = True
    """False when there was no association at all: the failure is of the peer alone."""

    @property
    def tried(self) -> bool:
        """Whether the object was offered to the peer at all."""
        return self.status is not None or self.failure is not None


def send_batch(
    destination: Destination, calling_ae_title: str, items: Sequence[StoredObject]
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
            yield from _send_all(association, destination, group)
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
            message = f"{_title(destination)} answered C-ECHO with {status:04X}"
            raise DeliveryRefused(message, status=status)
        return monotonic() - started
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{_title(destination)}: {error}") from error
    finally:
        _end(association)


def _groups(items: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    """Split so that the presentation contexts of each part fit one association."""
    group: list[StoredObject] = []
    pairs: set[tuple[str, str]] = set()
    for item in items:
        pair = (item.sop_class_uid, item.transfer_syntax_uid)
        if pair not in pairs and len(pairs) == _MAX_CONTEXTS:
            yield group
            group, pairs = [], set()
        group.append(item)
        pairs.add(pair)
    if group:
        yield group


def _contexts(items: Sequence[StoredObject]) -> list[Any]:
    """Offer each pair as it is stored; plain ones also in the default syntax (PS3.5 10.1)."""
    pairs = dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in items)
    return [build_context(sop_class, _syntaxes(syntax)) for sop_class, syntax in pairs]


def _syntaxes(syntax: str) -> list[str | UID]:
    own = UID(syntax)
    if own == ExplicitVRLittleEndian:
        return [own, ImplicitVRLittleEndian]
    return [own]


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
        raise DestinationUnreachable(f"{_title(destination)}: {error}") from error
    if association.is_established or association.acceptor.primitive is not None:
        _refuse_rejection(association, destination)
        return association
    raise DestinationUnreachable(f"{_title(destination)}: no answer to the association request")


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
        f"{_title(destination)} rejected the association: {answer.reason_str}"
        f" ({answer.result_str}, {answer.source_str})",
        transient=answer.result == _REJECTED_TRANSIENT,
    )


def _send_all(
    association: Any, destination: Destination, items: Sequence[StoredObject]
) -> Iterator[SendOutcome]:
    broken = False
    for number, item in enumerate(items):
        if broken:
            yield SendOutcome(item)
            continue
        outcome = _send(association, destination, item, number % 0xFFFF + 1)
        broken = isinstance(outcome.failure, DestinationUnreachable)
        yield outcome


def _send(
    association: Any, destination: Destination, item: StoredObject, message_id: int
) -> SendOutcome:
    accepted = {
        (str(context.abstract_syntax), str(syntax))
        for context in association.accepted_contexts
        for syntax in context.transfer_syntax
    }
    if not any(
        (item.sop_class_uid, str(s)) in accepted for s in _syntaxes(item.transfer_syntax_uid)
    ):
        return SendOutcome(item, failure=_not_accepted(destination, item.sop_class_uid))
    try:
        dataset = pydicom.dcmread(item.path)
        size_bytes = item.path.stat().st_size
    except (OSError, InvalidDicomError) as error:
        return SendOutcome(item, failure=DeliveryError(f"{item.path.name} cannot be read: {error}"))
    association.dimse_timeout = destination.response_timeout_s + size_bytes / _SLOWEST_BYTES_PER_S
    try:
        answer = association.send_c_store(dataset, msg_id=message_id)
    except RuntimeError:  # no association any more
        return SendOutcome(item, failure=_no_answer(association, destination))
    except (AttributeError, ValueError) as error:  # the object cannot be encoded
        return SendOutcome(item, failure=DeliveryError(f"{item.path.name}: {error}"))
    status = _status_of(answer)
    if status is None:
        return SendOutcome(item, failure=_no_answer(association, destination))
    return SendOutcome(item, status, answer.get("ErrorComment"))


def _status_of(answer: Any) -> int | None:
    status = answer.get("Status")
    return None if status is None else int(status)


def _no_answer(association: Any, destination: Destination) -> DestinationUnreachable:
    aborted = association.acse.is_aborted()
    what = "the peer ended the association" if aborted else "no answer in time"
    return DestinationUnreachable(f"{_title(destination)}: {what}")


def _not_accepted(destination: Destination, sop_class_uid: str) -> DeliveryRefused:
    return DeliveryRefused(
        f"{_title(destination)} does not accept {UID(sop_class_uid).name} ({sop_class_uid})",
        status=SOP_CLASS_NOT_SUPPORTED,
    )


def _title(destination: Destination) -> str:
    return f"{destination.ae_title}@{destination.host}:{destination.port}"


def _end(association: Any) -> None:
    if association.is_established:
        association.release()
    if association.is_established:  # the peer does not answer the release request
        association.abort()
