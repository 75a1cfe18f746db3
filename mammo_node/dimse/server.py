"""The SCP of storage, verification and commitment reports: one listening socket, one process.

One loop accepts connections and negotiates; each association then has a thread that
sleeps in the kernel until its peer sends. Several processes may serve the same socket:
the one with fewest connections is left the first try at a new one.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector

from mammo_node import log
from mammo_node.dimse import pdu
from mammo_node.dimse.associate_pdu import decode_request, encode_acceptance
from mammo_node.dimse.association import Association, AssociationLimits
from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mammo_node.dimse.lobby import Lobby, Visitor
from mammo_node.dimse.negotiation import Acceptance, AssociationRequest, Rejection
from mammo_node.dimse.occupancy import Occupancy
from mammo_node.dimse.ports import AssociationInfo, StorageService
from mammo_node.dimse.roster import Roster
from mammo_node.errors import AssociationFailure, ProtocolViolation

_LOG = log.get("dimse")

#: Connections without an association that one process keeps.
_LOBBY_CAPACITY = 256
#: How long a busier process leaves a new connection to the others.
_HOLD_OFF_S = 0.003
#: Pause before accepting again when the system has no descriptor or memory for it.
_EXHAUSTED_S = 0.5
_TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Deadlines in seconds, caps, and the PDU length to announce, in bytes."""

    max_associations: int
    maximum_length: int
    association_deadline_s: float
    pdu_deadline_s: float
    idle_deadline_s: float


class Server:
    """Accepts connections, negotiates, and runs associations until told to stop.

    Parameters
    ----------
    listener : socket.socket
        Listening; may be shared with other processes. Closed by :meth:`run`.
    service : StorageService
        The layer above.
    limits : ServerLimits
        What peers are allowed.
    occupancy : Occupancy
        Counters shared with the other processes of this socket.
    new_id : Callable[[], str]
        Makes association ids.
    """

    def __init__(
        self,
        listener: socket.socket,
        service: StorageService,
        limits: ServerLimits,
        occupancy: Occupancy,
        new_id: Callable[[], str],
    ) -> None:
        self._listener = listener
        self._service = service
        self._limits = limits
        self._occupancy = occupancy
        self._new_id = new_id
        self._selector = DefaultSelector()
        self._lobby = Lobby(
            self._selector,
            self._on_visitor,
            occupancy.disconnected,
            _LOBBY_CAPACITY,
            limits.association_deadline_s,
        )
        self._roster = Roster(occupancy)
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._listen_at: float | None = None

    def watch(self, descriptor: int, on_readable: Callable[[], None]) -> None:
        """Have the loop call a function when a descriptor becomes readable."""
        self._selector.register(descriptor, EVENT_READ, on_readable)

    def stop(self) -> None:
        """Ask :meth:`run` to return; safe from signal handlers and other threads."""
        if not self._stopping.is_set():
            # In this order: run() closes the pipe only once it sees the flag.
            os.write(self._wake_write, b"\0")
            self._stopping.set()

    def run(self, grace_s: float) -> None:
        """Serve until :meth:`stop`, then let messages in flight end for ``grace_s`` seconds."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, EVENT_READ, self._on_listener)
        self._selector.register(self._wake_read, EVENT_READ, lambda: None)
        try:
            while not self._stopping.is_set():
                for key, _ in self._selector.select(self._timeout()):
                    key.data()
                self._tick(time.monotonic())
        finally:
            self._close(grace_s)

    def _timeout(self) -> float:
        if self._listen_at is None:
            return _TICK_S
        return min(_TICK_S, max(0.0, self._listen_at - time.monotonic()))

    def _tick(self, now: float) -> None:
        self._lobby.expire(now)
        if self._listen_at is not None and self._listen_at <= now:
            self._listen_at = None
            self._selector.register(self._listener, EVENT_READ, self._on_listener)
            self._accept()  # whoever is still there after the hold-off is ours

    def _pause_listening(self, seconds: float) -> None:
        self._selector.unregister(self._listener)
        self._listen_at = time.monotonic() + seconds

    def _on_listener(self) -> None:
        if self._occupancy.surplus > 0:
            self._pause_listening(_HOLD_OFF_S)
        else:
            self._accept()

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # another process was faster, or the peer went away
        except OSError as error:
            _LOG.warning("accepting-paused", reason=error.strerror)
            self._pause_listening(_EXHAUSTED_S)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._occupancy.connected()
        self._lobby.admit(sock, str(address[0]))

    def _on_visitor(self, visitor: Visitor) -> None:
        try:
            body = self._lobby.read(visitor)
            if body is not None:
                self._negotiate(visitor, decode_request(body))
        except ProtocolViolation as error:
            _LOG.warning("connection-refused", peer_address=visitor.address, reason=str(error))
            self._lobby.dismiss(visitor, pdu.abort(error.reason))
        except AssociationFailure:
            self._lobby.drop(visitor)  # a health check or a port scan: not worth a line

    def _negotiate(self, visitor: Visitor, request: AssociationRequest) -> None:
        has_room = self._occupancy.enter(self._limits.max_associations)
        answer = self._service.negotiate(request, visitor.address, has_room=has_room)
        if isinstance(answer, Acceptance) and has_room:
            self._begin(visitor, request, answer)
            return
        if has_room:
            self._occupancy.leave()
        rejection = answer if isinstance(answer, Rejection) else Rejection.LOCAL_LIMIT_EXCEEDED
        self._lobby.dismiss(visitor, pdu.rejection(*rejection.value))

    def _begin(self, visitor: Visitor, request: AssociationRequest, answer: Acceptance) -> None:
        acceptance = encode_acceptance(
            request,
            answer.answers,
            roles=answer.roles,
            maximum_length=self._limits.maximum_length,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        )
        info = AssociationInfo(
            self._new_id(),
            request.calling_ae_title,
            request.called_ae_title,
            visitor.address,
            request.implementation_version_name,
        )
        association = Association(
            self._lobby.hand_over(visitor),
            info=info,
            contexts=answer.accepted(request),
            peer_maximum_length=request.maximum_length,
            service=self._service,
            limits=AssociationLimits(
                self._limits.maximum_length,
                self._limits.pdu_deadline_s,
                self._limits.idle_deadline_s,
            ),
        )
        self._roster.start(association, acceptance)

    def _close(self, grace_s: float) -> None:
        self._listener.close()
        self._lobby.close()
        self._selector.close()
        self._roster.stop(grace_s)
        os.close(self._wake_read)
        os.close(self._wake_write)
