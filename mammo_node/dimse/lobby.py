"""Connections that have not asked for an association yet, or were turned away.

Rules:

* No thread and at most one request's bytes for each: port scans, load balancers' health
  checks and silent peers cost next to nothing.
* When it is full the longest waiting goes: an honest peer asks within milliseconds, so the
  ones that wait are the ones that mean nothing.
* Who is turned away is told, and given a moment to read it before the connection closes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, BaseSelector

from mammo_node.dimse.pdu import HEADER, AbortReason, PduType
from mammo_node.errors import PeerGone, ProtocolViolation

#: Longest A-ASSOCIATE-RQ taken: 128 contexts with 30 transfer syntaxes each stay below it.
MAXIMUM_REQUEST_BYTES = 131072
#: How long a peer that was turned away may take to close (ARTIM, PS3.8 9.1.5).
_FAREWELL_S = 2.0


@dataclass(eq=False, slots=True)
class Visitor:
    """A connection in the lobby."""

    sock: socket.socket
    address: str
    deadline: float
    received: bytearray = field(default_factory=bytearray)
    leaving: bool = False


class Lobby:
    """All connections of one process that have no association.

    Parameters
    ----------
    selector : BaseSelector
        Where connections are watched; each key's data is a function to call when readable.
    on_readable : Callable[[Visitor], None]
        What to do then.
    on_close : Callable[[], None]
        Called for each connection that is closed here.
    capacity : int
        Most connections kept.
    deadline_s : float
        From connect to a whole A-ASSOCIATE-RQ.
    """

    def __init__(
        self,
        selector: BaseSelector,
        on_readable: Callable[[Visitor], None],
        on_close: Callable[[], None],
        capacity: int,
        deadline_s: float,
    ) -> None:
        self._selector = selector
        self._on_readable = on_readable
        self._on_close = on_close
        self._capacity = capacity
        self._deadline_s = deadline_s
        self._visitors: dict[Visitor, None] = {}  # in order of arrival

    def __len__(self) -> int:
        return len(self._visitors)

    def admit(self, sock: socket.socket, address: str) -> None:
        """Watch a new connection; closes the oldest when there are too many."""
        if len(self._visitors) >= self._capacity:
            self.drop(next(iter(self._visitors)))
        sock.setblocking(False)
        visitor = Visitor(sock, address, time.monotonic() + self._deadline_s)
        self._visitors[visitor] = None
        self._selector.register(sock, EVENT_READ, lambda: self._on_readable(visitor))

    def read(self, visitor: Visitor) -> bytes | None:
        """Read on; return the A-ASSOCIATE-RQ without its header when it is whole.

        Raises
        ------
        PeerGone
            If the connection closed.
        ProtocolViolation
            If what came is no A-ASSOCIATE-RQ, or one of an absurd length.
        """
        if visitor.leaving:
            _receive(visitor.sock, MAXIMUM_REQUEST_BYTES)
            return None
        if len(visitor.received) < HEADER.size:
            visitor.received += _receive(visitor.sock, HEADER.size - len(visitor.received))
        if len(visitor.received) < HEADER.size:
            return None
        whole = HEADER.size + _request_length(visitor.received)
        if len(visitor.received) < whole:
            visitor.received += _receive(visitor.sock, whole - len(visitor.received))
        return bytes(visitor.received[HEADER.size :]) if len(visitor.received) == whole else None

    def dismiss(self, visitor: Visitor, farewell: bytes) -> None:
        """Send a last PDU and wait a moment for the peer to close."""
        visitor.leaving = True
        visitor.deadline = time.monotonic() + _FAREWELL_S
        try:
            visitor.sock.send(farewell)
            visitor.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the peer was faster
            self.drop(visitor)

    def hand_over(self, visitor: Visitor) -> socket.socket:
        """Give the connection away: it has an association now."""
        self._forget(visitor)
        return visitor.sock

    def drop(self, visitor: Visitor) -> None:
        """Close a connection without a word."""
        if visitor in self._visitors:
            self._forget(visitor)
            visitor.sock.close()
            self._on_close()

    def expire(self, now: float) -> None:
        """Drop all whose time is up."""
        for visitor in [v for v in self._visitors if v.deadline <= now]:
            self.drop(visitor)

    def close(self) -> None:
        """Drop all."""
        for visitor in list(self._visitors):
            self.drop(visitor)

    def _forget(self, visitor: Visitor) -> None:
        del self._visitors[visitor]
        with suppress(KeyError):
            self._selector.unregister(visitor.sock)


def _request_length(header: bytearray) -> int:
    kind, length = HEADER.unpack_from(header)
    if kind != PduType.A_ASSOCIATE_RQ:
        raise ProtocolViolation(
            f"{kind:#04x} is not the type of an A-ASSOCIATE-RQ", reason=AbortReason.UNEXPECTED_PDU
        )
    if length > MAXIMUM_REQUEST_BYTES:
        raise ProtocolViolation(
            f"an A-ASSOCIATE-RQ of {length} bytes", reason=AbortReason.INVALID_PDU_PARAMETER
        )
    return int(length)


def _receive(sock: socket.socket, count: int) -> bytes:
    if count == 0:
        return b""
    try:
        received = sock.recv(count)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise PeerGone(f"the connection broke: {error.strerror or error}") from error
    if not received:
        raise PeerGone("the peer closed the connection before an association")
    return received
