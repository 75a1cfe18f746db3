"""STOW-RS (PS3.18 10.5): results to a DICOMweb server, with an outcome for each object.

Rules:

* Objects go in groups, one request each. Where an answer is about the request as a whole and
  may be the fault of one object, each is sent by itself, so that one does not hold up the
  others.
* An object counts as stored only when the answer names it: a page of some proxy that says
  200 has stored nothing.
* Where the server itself cannot be used (down, busy, credentials), one attempt is enough for
  the whole batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mammo_node.deliver.conversion import Converted
from mammo_node.deliver.credentials import authorization
from mammo_node.deliver.http import HttpAnswer, HttpClient
from mammo_node.deliver.http_status import PERHAPS_ONE, failure_of
from mammo_node.deliver.store_response import StoreResponse, parse
from mammo_node.destination import WebDestination
from mammo_node.dimse.outcome import SLOWEST_BYTES_PER_S, SendOutcome, StoredObject
from mammo_node.errors import (
    ConfigurationError,
    CredentialsUnavailable,
    DeliveryError,
    DestinationUnreachable,
    NotConnected,
    RequestRefused,
    ServerFailed,
)
from mammo_node.journal.retry import is_warning

_STUDIES = "/studies"
#: Sent in one request, unless a single object is larger.
_GROUP_BYTES = 32 << 20
_SUCCESS = 0x0000
#: PS3.7 C.5.14: Processing failure, for a server that gives no reason.
_PROCESSING_FAILURE = 0x0110
#: Answers with a response for each instance (PS3.18 Table 10.5.3-1).
_PER_INSTANCE = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT})


@dataclass(frozen=True, slots=True)
class _Part:
    item: StoredObject
    content: bytes
    note: str | None


#: Reads an object as the destination wants it. Raises DeliveryError.
Read = Callable[[StoredObject], Converted]


def store_batch(
    destination: WebDestination,
    items: Sequence[StoredObject],
    read: Read,
    environment: Mapping[str, str],
) -> Generator[SendOutcome, None, None]:
    """Store objects on a DICOMweb server and yield the outcome of each, in order.

    Parameters
    ----------
    destination : WebDestination
        The server.
    items : sequence of StoredObject
        What to store.
    read : callable
        Gives an object's file as it goes out.
    environment : mapping
        Environment variables, for secrets.

    Yields
    ------
    SendOutcome
        ``status`` is Failure or Warning Reason of the answer, or 0000. Where the server could
        not be used at all, each object has the same failure and is not ``associated``.
    """
    try:
        client = HttpClient(destination, authorization(destination, environment))
    except (CredentialsUnavailable, ConfigurationError) as error:
        failure = _as_delivery_error(error)
        yield from (SendOutcome(item, failure=failure, associated=False) for item in items)
        return
    with client:
        yield from _store_all(client, destination, items, read)


def _as_delivery_error(error: CredentialsUnavailable | ConfigurationError) -> DeliveryError:
    return error if isinstance(error, DeliveryError) else RequestRefused(str(error))


def _store_all(
    client: HttpClient, destination: WebDestination, items: Sequence[StoredObject], read: Read
) -> Iterator[SendOutcome]:
    down: DeliveryError | None = None
    for group in _groups(items):
        if down is not None:
            yield from (SendOutcome(item, failure=down, associated=False) for item in group)
            continue
        for outcome in _store_group(client, destination, group, read):
            down = down if outcome.associated else outcome.failure
            yield outcome


def _groups(items: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    group: list[StoredObject] = []
    size = 0
    for item in items:
        own = item.path.stat().st_size if item.path.exists() else 0
        if group and size + own > _GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(item)
        size += own
    if group:
        yield group


def _store_group(
    client: HttpClient, destination: WebDestination, group: Sequence[StoredObject], read: Read
) -> Iterator[SendOutcome]:
    found = [_part(item, read) for item in group]
    sent = _store(client, destination, [part for part in found if isinstance(part, _Part)])
    for part in found:
        yield next(sent) if isinstance(part, _Part) else part


def _part(item: StoredObject, read: Read) -> _Part | SendOutcome:
    try:
        converted = read(item)
    except DeliveryError as error:
        return SendOutcome(item, failure=error)
    return _Part(item, converted.content, converted.note)


def _store(
    client: HttpClient, destination: WebDestination, parts: Sequence[_Part]
) -> Iterator[SendOutcome]:
    """Send a group; one by one where the whole failed and one of them may be the reason."""
    if not parts:
        return
    try:
        answer = _post(client, parts)
    except NotConnected as error:
        yield from _all(parts, error, associated=False)
    except DestinationUnreachable as error:
        yield from _each(client, destination, parts, error)
    else:
        yield from _judge(client, destination, parts, answer)


def _judge(
    client: HttpClient, destination: WebDestination, parts: Sequence[_Part], answer: HttpAnswer
) -> Iterator[SendOutcome]:
    if answer.status in _PER_INSTANCE:
        yield from _outcomes(destination, parts, answer)
        return
    failure = failure_of(destination, answer)
    if answer.status in PERHAPS_ONE:
        yield from _each(client, destination, parts, failure)
    else:
        yield from _all(parts, failure, associated=False)


def _all(
    parts: Sequence[_Part], failure: DeliveryError, *, associated: bool
) -> Iterator[SendOutcome]:
    return (SendOutcome(part.item, failure=failure, associated=associated) for part in parts)


def _each(
    client: HttpClient,
    destination: WebDestination,
    parts: Sequence[_Part],
    failure: DeliveryError,
) -> Iterator[SendOutcome]:
    """Send one by one what failed together, until the server is gone."""
    if len(parts) == 1:
        yield from _all(parts, failure, associated=True)
        return
    for number, part in enumerate(parts):
        (outcome,) = _store(client, destination, [part])
        yield outcome
        if not outcome.associated or isinstance(outcome.failure, DestinationUnreachable):
            # The others are as good as before: next time, without this one.
            yield from (SendOutcome(left.item) for left in parts[number + 1 :])
            return


def _post(client: HttpClient, parts: Sequence[_Part]) -> HttpAnswer:
    digest = hashlib.sha256(b"".join(part.content for part in parts)).hexdigest()
    head = f"--{digest}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    content = [piece for part in parts for piece in (head, part.content, b"\r\n")]
    content.append(f"--{digest}--\r\n".encode())
    return client.post(
        _STUDIES,
        f'multipart/related; type="application/dicom"; boundary={digest}',
        content,
        extra_s=sum(map(len, content)) / SLOWEST_BYTES_PER_S,
    )


def _outcomes(
    destination: WebDestination, parts: Sequence[_Part], answer: HttpAnswer
) -> Iterator[SendOutcome]:
    try:
        response = parse(answer.content)
    except ValueError as error:
        failure = ServerFailed(f"{destination.address} answered {answer.status} with {error}")
        return _all(parts, failure, associated=True)
    return (_outcome(destination, part, response) for part in parts)


def _outcome(destination: WebDestination, part: _Part, response: StoreResponse) -> SendOutcome:
    uid = part.item.sop_instance_uid
    if uid in response.failed:
        reason = response.failed[uid] or _PROCESSING_FAILURE
        return SendOutcome(part.item, reason, note=part.note)
    if uid in response.stored:
        warning = response.stored[uid] or _SUCCESS
        known = warning if is_warning(warning) else _SUCCESS
        return SendOutcome(part.item, known, note=part.note)
    unsaid = ServerFailed(f"{destination.address} does not say what became of it")
    return SendOutcome(part.item, failure=unsaid)
