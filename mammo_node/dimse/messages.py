"""DIMSE messages from presentation data values: a whole command set, then a stream of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from mammo_node.dimse import command as dimse
from mammo_node.dimse.command import Command
from mammo_node.dimse.pdata import Pdv, PresentationData
from mammo_node.dimse.pdu import AbortReason
from mammo_node.errors import ProtocolViolation

#: A command set of ours takes some 300 bytes; none that is honest takes this many.
_MAXIMUM_COMMAND_BYTES = 16384


class MessageReader:
    """The messages of one association, one after the other (PS3.7 6.3, PS3.8 annex E).

    For each message call :meth:`begin`, :meth:`command`, and, when the command has a
    dataset, use up :meth:`dataset`. All raise AssociationFailure.

    Parameters
    ----------
    data : PresentationData
        Where PDVs come from.
    idle_deadline_s : float
        Between two PDUs.
    """

    def __init__(self, data: PresentationData, idle_deadline_s: float) -> None:
        self._data = data
        self._idle_deadline_s = idle_deadline_s
        self._first: Pdv | None = None

    def begin(self) -> bool:
        """Wait for the next message; return False when the peer asks to release instead."""
        self._first = self._data.next(self._idle_deadline_s)
        return self._first is not None

    def command(self) -> tuple[int, Command]:
        """Return the presentation context ID and the command of the message that began."""
        pdv, self._first = self._first, None
        if pdv is None:
            raise _unexpected("no message has begun")
        context_id, encoded = pdv.context_id, bytearray()
        while True:
            if not pdv.is_command or pdv.context_id != context_id:
                raise _unexpected("a message must begin with one whole command set")
            if len(encoded) + pdv.length > _MAXIMUM_COMMAND_BYTES:
                raise _unexpected("the command set is too long")
            for fragment in self._data.fragments(pdv):
                encoded += fragment
            if pdv.is_last:
                return context_id, dimse.decode(bytes(encoded))
            pdv = self._next()

    def dataset(self, context_id: int) -> Iterator[memoryview]:
        """Yield the dataset's bytes as they come; each view is valid until the next."""
        last = False
        while not last:
            pdv = self._next()
            if pdv.is_command or pdv.context_id != context_id:
                raise _unexpected("a dataset is interrupted by another message")
            yield from self._data.fragments(pdv)
            last = pdv.is_last

    def _next(self) -> Pdv:
        pdv = self._data.next(self._idle_deadline_s)
        if pdv is None:
            raise _unexpected("A-RELEASE-RQ in the middle of a message")
        return pdv


def _unexpected(message: str) -> ProtocolViolation:
    return ProtocolViolation(message, reason=AbortReason.UNEXPECTED_PDU_PARAMETER)
