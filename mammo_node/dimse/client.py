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

from collections.abc import Callable, Generator, Iterator, Sequence
from time import monotonic
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import build_context

from mammo_node.config import Destination
from mammo_node.dimse.outcome import SLOWEST_BYTES_PER_S, Loaded, SendOutcome, StoredObject
from mammo_node.dimse.outgoing import associate, end, no_answer, not_accepted, status_of
from mammo_node.errors import DeliveryError, DeliveryRefused, DestinationUnreachable

#: Verification SOP Class (PS3.4 A.4).
_VERIFICATION = "1.2.840.10008.1.1"
_SUCCESS = 0x0000
#: PS3.8 9.3.2.2: presentation context ids are the odd numbers of one octet.
_MAX_CONTEXTS = 128

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
            association = associate(destination, calling_ae_title, _contexts(group))
        except DeliveryError as error:
            yield from (SendOutcome(item, failure=error, associated=False) for item in group)
            continue
        try:
            yield from _send_all(association, destination, group, load)
        finally:
            end(association)


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
    association = associate(destination, calling_ae_title, [context])
    try:
        if not association.accepted_contexts:
            raise not_accepted(destination, _VERIFICATION)
        answer = association.send_c_echo()
        status = status_of(answer)
        if status is None:
            raise no_answer(association, destination)
        if status != _SUCCESS:
            message = f"{destination.address} answered C-ECHO with {status:04X}"
            raise DeliveryRefused(message, status=status)
        return monotonic() - started
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    finally:
        end(association)


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
        return SendOutcome(item, failure=not_accepted(destination, item.sop_class_uid))
    try:
        loaded = load(item, syntax)
        answer = _store(association, destination, item, loaded, message_id)
    except OSError as error:
        return SendOutcome(item, failure=DeliveryError(f"{item.path.name} cannot be read: {error}"))
    except DeliveryError as error:
        return SendOutcome(item, failure=error)
    status = status_of(answer)
    if status is None:
        return SendOutcome(item, failure=no_answer(association, destination))
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
        raise no_answer(association, destination) from error
    except (AttributeError, ValueError) as error:  # the object cannot be encoded
        raise DeliveryError(f"{item.path.name}: {error}") from error
