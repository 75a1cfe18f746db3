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
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mammo_node.deliver.conversion import Converted
from mammo_node.deliver.credentials import authorization
from mammo_node.deliver.http import HttpAnswer, HttpClient, retry_after_s
from mammo_node.deliver.store_response import StoreResponse, parse
from mammo_node.destination import WebDestination
from mammo_node.dimse.outcome import SLOWEST_BYTES_PER_S, SendOutcome, StoredObject
from mammo_node.errors import (
    ConfigurationError,
    CredentialsUnavailable,
    DeliveryError,
    DestinationBusy,
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
#: Answers of a server or proxy that cannot be used now, whatever is sent.
_BUSY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
#: Answers that a single object in the request may be the reason of.
_PERHAPS_ONE = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
#: What would help against an answer that does not pass by itself.
_ADVICE = {
    HTTPStatus.FORBIDDEN: "the credentials may not store there",
    HTTPStatus.NOT_FOUND: "there is no STOW-RS service at this URL",
    HTTPStatus.METHOD_NOT_ALLOWED: "there is no STOW-RS service at this URL",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the server or a proxy limits the size of requests",
}


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
    parts = [part for part in found if isinstance(part, _Part)]
    sent = iter(_store(client, destination, parts))
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
) -> list[SendOutcome]:
    """Send a group; one by one where the whole failed and one of them may be the reason."""
    if not parts:
        return []
    try:
        answer = _post(client, parts)
    except NotConnected as error:
        return _all(parts, error, associated=False)
    except DestinationUnreachable as error:
        return _each(client, destination, parts, error)
    if answer.status in _PER_INSTANCE:
        return _outcomes(destination, parts, answer)
    failure = failure_of(destination, answer)
    if answer.status in _PERHAPS_ONE:
        return _each(client, destination, parts, failure)
    return _all(parts, failure, associated=False)


def _all(parts: Sequence[_Part], failure: DeliveryError, *, associated: bool) -> list[SendOutcome]:
    return [SendOutcome(part.item, failure=failure, associated=associated) for part in parts]


def _each(
    client: HttpClient,
    destination: WebDestination,
    parts: Sequence[_Part],
    failure: DeliveryError,
) -> list[SendOutcome]:
    """Send one by one what failed together, until the server is gone."""
    if len(parts) == 1:
        return _all(parts, failure, associated=True)
    outcomes: list[SendOutcome] = []
    for number, part in enumerate(parts):
        outcomes += _store(client, destination, [part])
        if isinstance(outcomes[-1].failure, DestinationUnreachable):
            return outcomes + [SendOutcome(left.item) for left in parts[number + 1 :]]
    return outcomes


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
) -> list[SendOutcome]:
    try:
        response = parse(answer.content)
    except ValueError as error:
        failure = ServerFailed(f"{destination.address} answered {answer.status} with {error}")
        return _all(parts, failure, associated=True)
    return [_outcome(destination, part, response) for part in parts]


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


def failure_of(destination: WebDestination, answer: HttpAnswer) -> DeliveryError:
    """Return what an HTTP status means that says nothing of single instances."""
    said = f"{destination.address} answered {_words(answer.status)}"
    if answer.status == HTTPStatus.UNAUTHORIZED:
        # Tokens expire and are renewed beside us: worth asking again.
        return DestinationBusy(f"{said}: the credentials are not accepted")
    if answer.status in _BUSY:
        return DestinationBusy(said, retry_after_s=retry_after_s(answer.retry_after, time.time))
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerFailed(said)
    if answer.status in range(300, 400):
        return RequestRefused(f"{said}: redirects are not followed, configure the URL it leads to")
    advice = _ADVICE.get(HTTPStatus(answer.status)) if _is_known(answer.status) else None
    return RequestRefused(f"{said}: {advice}" if advice else said)


def _words(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}" if _is_known(status) else str(status)


def _is_known(status: int) -> bool:
    return status in set(HTTPStatus)
