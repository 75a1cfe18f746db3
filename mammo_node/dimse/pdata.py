"""P-DATA-TF PDUs read as presentation data values, fragment by fragment (PS3.8 9.3.5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from mammo_node.dimse.inbox import Inbox
from mammo_node.dimse.pdu import (
    COMMAND,
    HEADER,
    LAST,
    PDV_HEADER,
    PDV_LENGTH_OVERHEAD,
    AbortReason,
    PduType,
)
from mammo_node.errors import PeerGone, ProtocolViolation

#: Octets that the PDV length field itself takes.
_PDV_LENGTH_FIELD = 4
#: Length of A-RELEASE-RQ and A-ABORT (PS3.8 9.3.6, 9.3.8).
_FIXED_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Pdv:
    """The header of a presentation data value; ``length`` counts the fragment alone."""

    context_id: int
    is_command: bool
    is_last: bool
    length: int


class PresentationData:
    """What an established association brings: PDVs, until the peer asks for release.

    Parameters
    ----------
    inbox : Inbox
        Where bytes come from.
    maximum_length : int
        Longest P-DATA-TF variable field that we announced.
    pdu_deadline_s : float
        For the rest of a PDU that has begun.
    """

    def __init__(self, inbox: Inbox, maximum_length: int, pdu_deadline_s: float) -> None:
        self._inbox = inbox
        self._maximum_length = maximum_length
        self._pdu_deadline_s = pdu_deadline_s
        self._deadline = 0.0
        self._pdu_left = 0

    def next(self, idle_deadline_s: float) -> Pdv | None:
        """Return the next PDV's header, or None when the peer asks to release.

        All fragments of the PDV before must have been taken.

        Raises
        ------
        PeerGone
            If the peer aborted or went away.
        DeadlineExceeded
            If no PDU began in ``idle_deadline_s``, or one that began did not end in time.
        ProtocolViolation
            If what came is no PDU for an open association, or its lengths lie.
        """
        if not self._pdu_left and not self._next_pdu(idle_deadline_s):
            return None
        if self._pdu_left < PDV_HEADER.size:
            raise _invalid("a PDV item is cut off by its PDU")
        header = self._inbox.exactly(PDV_HEADER.size, self._deadline)
        length, context_id, control = PDV_HEADER.unpack(header)
        if not PDV_LENGTH_OVERHEAD <= length <= self._pdu_left - _PDV_LENGTH_FIELD:
            raise _invalid("a PDV length does not fit its PDU")
        self._pdu_left -= length + _PDV_LENGTH_FIELD
        return Pdv(
            context_id,
            is_command=bool(control & COMMAND),
            is_last=bool(control & LAST),
            length=length - PDV_LENGTH_OVERHEAD,
        )

    def fragments(self, pdv: Pdv) -> Iterator[memoryview]:
        """Yield the PDV's bytes as they come; each view is valid until the next."""
        left = pdv.length
        while left:
            piece = self._inbox.at_most(left, self._deadline)
            left -= len(piece)
            yield piece

    def _next_pdu(self, idle_deadline_s: float) -> bool:
        self._inbox.wait(time.monotonic() + idle_deadline_s)
        self._deadline = time.monotonic() + self._pdu_deadline_s
        kind, length = HEADER.unpack(self._inbox.exactly(HEADER.size, self._deadline))
        if kind == PduType.P_DATA_TF:
            self._check_length(length)
            self._pdu_left = length
            return True
        self._control(kind, length)
        return False

    def _check_length(self, length: int) -> None:
        if length > self._maximum_length:
            raise _invalid(f"a PDU of {length} bytes is longer than {self._maximum_length}")
        if length == 0:
            raise _invalid("a P-DATA-TF PDU without a PDV")

    def _control(self, kind: int, length: int) -> None:
        """Take a PDU that is not P-DATA; return only for A-RELEASE-RQ."""
        if kind not in set(PduType):
            raise ProtocolViolation(
                f"PDU type {kind:#04x} is unknown", reason=AbortReason.UNRECOGNIZED_PDU
            )
        if kind not in (PduType.A_RELEASE_RQ, PduType.A_ABORT):
            raise ProtocolViolation(
                f"{PduType(kind).name} on an open association", reason=AbortReason.UNEXPECTED_PDU
            )
        if length != _FIXED_LENGTH:
            raise _invalid(f"{PduType(kind).name} with a length of {length}")
        self._inbox.exactly(length, self._deadline)
        if kind == PduType.A_ABORT:
            raise PeerGone("the peer aborted the association")


def _invalid(message: str) -> ProtocolViolation:
    return ProtocolViolation(message, reason=AbortReason.INVALID_PDU_PARAMETER)
