"""HTTP as a DICOMweb client needs it: deadlines, no redirects, no surprises. Only httpx user.

Rules:

* Nothing waits for ever: connecting, each read and write, and the request as a whole have a
  deadline, also against a server that sends one byte at a time.
* A redirect is not followed: credentials go to the configured server and nowhere else.
  Proxies and other settings of the environment are not looked at.
* An answer is read up to a limit. What a server says stays out of messages: it may name a
  patient.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from types import TracebackType
from typing import Any, Self

import httpx

from mammo_node.destination import WebDestination
from mammo_node.errors import ConfigurationError, DestinationUnreachable, NotConnected

_MAXIMUM_ANSWER_BYTES = 4 << 20
#: Written at a time: each piece has the deadline of a write to itself.
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer; ``retry_after_s`` is 0 where it does not ask to be left alone."""

    status: int
    content_type: str
    content: bytes
    retry_after_s: float = 0.0


class HttpClient:
    """A connection to one DICOMweb server; use it in a ``with`` statement.

    Parameters
    ----------
    destination : WebDestination
        Its URL, deadlines and TLS settings.
    authorization : str or None
        Value of the Authorization header.

    Raises
    ------
    ConfigurationError
        If ``ca_file`` cannot be read.
    """

    def __init__(self, destination: WebDestination, authorization: str | None) -> None:
        self._destination = destination
        headers = {"Accept": "application/dicom+json", "Accept-Encoding": "identity"}
        if authorization is not None:
            headers["Authorization"] = authorization
        answer_s = destination.response_timeout_s
        self._client = httpx.Client(
            headers=headers,
            verify=_tls(destination),
            timeout=httpx.Timeout(answer_s, connect=destination.connect_timeout_s),
            follow_redirects=False,
            trust_env=False,
        )
        self._watch = _Watch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.forget()
        self._client.close()

    def get(self, path: str, parameters: Mapping[str, str]) -> HttpAnswer:
        """GET a resource below the base URL. Raises as :meth:`post`."""
        return self._ask("GET", path, 0.0, params=dict(parameters))

    def post(
        self, path: str, content_type: str, content: list[bytes], extra_s: float
    ) -> HttpAnswer:
        """POST pieces of content to a resource below the base URL.

        Parameters
        ----------
        extra_s : float
            Time allowed for sending, beside the deadlines of the destination.

        Raises
        ------
        DestinationUnreachable
            If there is no whole answer in time.
        NotConnected
            If there is not even a connection.
        """
        size = sum(map(len, content))
        headers = {"Content-Type": content_type, "Content-Length": str(size)}
        return self._ask("POST", path, extra_s, content=_pieces(content), headers=headers)

    def _ask(self, method: str, path: str, extra_s: float, **request: Any) -> HttpAnswer:
        destination = self._destination
        within_s = destination.connect_timeout_s + destination.response_timeout_s + extra_s
        url, extensions = f"{destination.url}{path}", {"trace": self._watch.trace}
        with (
            _translated(destination, self._watch),
            self._watch.deadline(within_s),
            self._client.stream(method, url, extensions=extensions, **request) as response,
        ):
            return HttpAnswer(
                status=response.status_code,
                content_type=response.headers.get("Content-Type", ""),
                content=_read(response),
                retry_after_s=retry_after_s(response.headers.get("Retry-After", ""), time()),
            )


def retry_after_s(header: str, now_s: float) -> float:
    """Return what a Retry-After header asks for (RFC 9110 10.2.3), 0 where it asks nothing.

    Parameters
    ----------
    header : str
        Seconds, or a date.
    now_s : float
        Seconds since the epoch.
    """
    if header.strip().isdigit():
        return float(header)
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_s)
    return 0.0


class _Watch:
    """Cuts the connection when the request as a whole takes too long."""

    def __init__(self) -> None:
        self._connection: socket.socket | None = None
        self.late = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take notice of a connection (httpcore's trace extension)."""
        if event == "connection.connect_tcp.complete":
            self.forget()
            # A descriptor of our own: TLS takes the socket over, and the library closes it.
            number = os.dup(info["return_value"].get_extra_info("socket").fileno())
            self._connection = socket.socket(fileno=number)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Give the block that much time."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        self.late = False
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def forget(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cut(self) -> None:
        self.late = True
        if self._connection is not None:
            with suppress(OSError):  # the peer was faster
                self._connection.shutdown(socket.SHUT_RDWR)


def _tls(destination: WebDestination) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(
            cafile=None if destination.ca_file is None else str(destination.ca_file)
        )
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"destination {destination.name!r}: ca_file {destination.ca_file}: {error}"
        ) from error
    if not destination.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _pieces(content: list[bytes]) -> Iterator[bytes]:
    for part in content:
        for at in range(0, len(part), _PIECE_BYTES):
            yield part[at : at + _PIECE_BYTES]


def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > _MAXIMUM_ANSWER_BYTES:
            raise httpx.RemoteProtocolError("too long")
    return bytes(content)


@contextmanager
def _translated(destination: WebDestination, watch: _Watch) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        words = str(error) or "no connection in time"
        raise NotConnected(f"{destination.address}: {words}") from error
    except httpx.TimeoutException as error:
        raise DestinationUnreachable(f"{destination.address}: no answer in time") from error
    except httpx.TransportError as error:
        raise DestinationUnreachable(f"{destination.address}: {_ended(watch)}") from error


def _ended(watch: _Watch) -> str:
    if watch.late:
        return "no whole answer in time"
    return "the connection broke, or the answer is not HTTP"
