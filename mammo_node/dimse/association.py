"""One accepted association, from the first message to its end.

Rules:

* One message at a time (no asynchronous operations window is negotiated); a response goes
  out only when the layer above has said what became of the dataset.
* Whatever happens, an unfinished dataset is discarded and the connection closed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from mammo_node.dimse import command as dimse
from mammo_node.dimse import pdu
from mammo_node.dimse.command import Command, CommandField, Status
from mammo_node.dimse.inbox import Inbox
from mammo_node.dimse.messages import MessageReader
from mammo_node.dimse.negotiation import (
    STORAGE_COMMITMENT_PUSH_MODEL,
    AcceptedContext,
    Rejection,
)
from mammo_node.dimse.pdata import PresentationData
from mammo_node.dimse.ports import (
    AssociationEnd,
    AssociationInfo,
    EventReport,
    StorageService,
    StoreRequest,
)
from mammo_node.dimse.storing import drain, store_dataset
from mammo_node.errors import (
    AssociationFailure,
    DeadlineExceeded,
    PeerGone,
    ProtocolViolation,
)

#: How long a peer may take to close the connection after the last PDU (ARTIM, PS3.8 9.1.5).
_CLOSE_DEADLINE_S = 2.0
#: A report of a thousand objects takes some 150 kB.
_MAXIMUM_EVENT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class AssociationLimits:
    """Deadlines in seconds and the PDU length that we announced, in bytes."""

    maximum_length: int
    pdu_deadline_s: float
    idle_deadline_s: float


class Association:
    """An association that was accepted.

    Parameters
    ----------
    sock : socket.socket
        The connection; :meth:`close` closes it.
    info : AssociationInfo
        Who is at the other end.
    contexts : Mapping[int, AcceptedContext]
        Accepted presentation contexts by ID.
    peer_maximum_length : int
        Longest PDU that the peer takes; 0 means no limit.
    service : StorageService
        The layer above.
    limits : AssociationLimits
        What we put up with.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        info: AssociationInfo,
        contexts: Mapping[int, AcceptedContext],
        peer_maximum_length: int,
        service: StorageService,
        limits: AssociationLimits,
    ) -> None:
        self.info = info
        self._socket = sock
        self._contexts = contexts
        self._peer_maximum_length = peer_maximum_length
        self._service = service
        self._deadline_s = limits.pdu_deadline_s
        data = PresentationData(Inbox(sock), limits.maximum_length, limits.pdu_deadline_s)
        self._messages = MessageReader(data, limits.idle_deadline_s)
        self._lock = threading.Lock()
        self._in_message = False
        self._stopping = False

    def run(self, acceptance: bytes) -> None:
        """Send the A-ASSOCIATE-AC and serve the peer in this thread until the end."""
        end = AssociationEnd(aborted=True, reason="internal error")
        abort_reason: int = pdu.AbortReason.NOT_SPECIFIED
        try:
            self._send(acceptance)
            self._serve()
            end = AssociationEnd(aborted=False, reason="")
        except ProtocolViolation as error:
            end = AssociationEnd(aborted=True, reason=str(error))
            abort_reason = error.reason
        except AssociationFailure as error:
            reason = "the node is stopping" if self._stopping else str(error)
            end = AssociationEnd(aborted=True, reason=reason)
        finally:
            # Also after an error of our own: the peer must not wait for us.
            if end.aborted:
                self._abort(abort_reason)
            self._service.ended(self.info, end)

    def refuse(self) -> None:
        """Reject the association after all, instead of :meth:`run`: try again later."""
        with suppress(AssociationFailure):
            self._send(pdu.rejection(*Rejection.TEMPORARY_CONGESTION.value))
        self._shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """End the association after the message in flight, or at once between messages."""
        with self._lock:
            self._stopping = True
            if not self._in_message:
                self._shutdown(socket.SHUT_RD)

    def kill(self) -> None:
        """End the association now; what has not been answered is lost to the peer."""
        self._stopping = True
        self._shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close so that the peer still reads our last PDU: a reset would throw it away."""
        deadline = time.monotonic() + _CLOSE_DEADLINE_S
        with self._socket, suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while (remaining := deadline - time.monotonic()) > 0:
                self._socket.settimeout(remaining)
                if not self._socket.recv(65536):
                    break

    def _serve(self) -> None:
        while self._messages.begin():
            self._enter_message()
            context_id, command = self._messages.command()
            self._handle(context_id, command)
            self._leave_message()
        self._send(pdu.release_response())

    def _enter_message(self) -> None:
        with self._lock:
            self._stop_if_asked()
            self._in_message = True

    def _leave_message(self) -> None:
        with self._lock:
            self._in_message = False
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._stopping:
            raise PeerGone("the node is stopping")

    def _handle(self, context_id: int, command: Command) -> None:
        context = self._contexts.get(context_id)
        if context is None:
            raise ProtocolViolation(
                f"presentation context {context_id} was not accepted",
                reason=pdu.AbortReason.INVALID_PDU_PARAMETER,
            )
        answer = self._answer(context, command, self._dataset(context_id, command))
        if answer is not None:
            response = dimse.encode_response(command, *answer)
            self._send(pdu.command_data(context_id, response, self._peer_maximum_length))

    def _dataset(self, context_id: int, command: Command) -> Iterator[memoryview]:
        return self._messages.dataset(context_id) if command.has_dataset else iter(())

    def _answer(
        self, context: AcceptedContext, command: Command, dataset: Iterator[memoryview]
    ) -> tuple[int, str] | None:
        """Return status and Error Comment, or None where no response is wanted."""
        if command.command_field == CommandField.C_STORE_RQ:
            return self._store(context, command, dataset)
        if command.command_field == CommandField.N_EVENT_REPORT_RQ:
            return self._event(context, command, dataset)
        drain(dataset)
        if command.command_field == CommandField.C_ECHO_RQ:
            return Status.SUCCESS, ""
        if command.command_field == CommandField.C_CANCEL_RQ:
            return None  # PS3.7 9.3.2.3; and there is nothing to cancel
        return Status.UNRECOGNIZED_OPERATION, "only C-STORE, C-ECHO and commitment reports"

    def _store(
        self, context: AcceptedContext, command: Command, dataset: Iterator[memoryview]
    ) -> tuple[int, str]:
        request = StoreRequest(
            self.info, context, command.affected_sop_class_uid, command.affected_sop_instance_uid
        )
        status, comment = store_dataset(self._service, request, dataset)
        self._service.answered(request, status, comment)
        return status, comment

    def _event(
        self, context: AcceptedContext, command: Command, dataset: Iterator[memoryview]
    ) -> tuple[int, str]:
        if context.abstract_syntax != STORAGE_COMMITMENT_PUSH_MODEL:
            drain(dataset)
            return Status.SOP_CLASS_NOT_SUPPORTED, "no such events here"
        information = bytearray()
        for fragment in dataset:
            if len(information) <= _MAXIMUM_EVENT_BYTES:  # the rest is read and forgotten
                information += fragment
        if len(information) > _MAXIMUM_EVENT_BYTES:
            return Status.RESOURCE_LIMITATION, "the report is too long"
        return self._service.event_reported(
            EventReport(self.info, context, command.event_type_id, bytes(information))
        )

    def _send(self, content: bytes) -> None:
        try:
            self._socket.settimeout(self._deadline_s)
            self._socket.sendall(content)
        except TimeoutError as error:
            raise DeadlineExceeded("the peer does not take our response") from error
        except OSError as error:
            raise PeerGone(f"the connection broke: {error.strerror or error}") from error

    def _abort(self, reason: int) -> None:
        with suppress(AssociationFailure):  # a peer that is gone needs no abort
            self._send(pdu.abort(reason))

    def _shutdown(self, how: int) -> None:
        with suppress(OSError):  # the peer was faster
            self._socket.shutdown(how)
