"""What an HTTP status means for a delivery, where it says nothing of single instances: pure."""

from __future__ import annotations

from http import HTTPStatus

from mammo_node.deliver.http import HttpAnswer
from mammo_node.destination import WebDestination
from mammo_node.errors import DeliveryError, DestinationBusy, RequestRefused, ServerFailed

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
PERHAPS_ONE = frozenset(
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


def failure_of(destination: WebDestination, answer: HttpAnswer) -> DeliveryError:
    """Return what an HTTP status means that says nothing of single instances."""
    said = f"{destination.address} answered {_words(answer.status)}"
    if answer.status == HTTPStatus.UNAUTHORIZED:
        # Tokens expire and are renewed beside us: worth asking again.
        return DestinationBusy(f"{said}: the credentials are not accepted")
    if answer.status in _BUSY:
        return DestinationBusy(said, retry_after_s=answer.retry_after_s)
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
