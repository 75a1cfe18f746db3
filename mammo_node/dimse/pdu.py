"""Protocol Data Units of the DICOM upper layer that have a fixed form (PS3.8 9.3)."""

from __future__ import annotations

import struct
from enum import IntEnum

#: PDU header: type, reserved, length of what follows (PS3.8 9.3.1).
HEADER = struct.Struct(">BxL")
#: PDV item header: length of what follows, presentation context ID, control (PS3.8 9.3.5.1, E.2).
PDV_HEADER = struct.Struct(">LBB")
#: The PDV length counts the context ID and the message control header too.
PDV_LENGTH_OVERHEAD = 2

#: Message control header bits (PS3.8 E.2).
COMMAND = 0x01
LAST = 0x02


class PduType(IntEnum):
    """PDU types (PS3.8 9.3)."""

    A_ASSOCIATE_RQ = 0x01
    A_ASSOCIATE_AC = 0x02
    A_ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    A_RELEASE_RQ = 0x05
    A_RELEASE_RP = 0x06
    A_ABORT = 0x07


class AbortReason(IntEnum):
    """Reason/Diag. of an A-ABORT by the service provider (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PDU_PARAMETER = 4
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER = 6


_ABORT_BY_PROVIDER = 2
_FIXED_FORM = struct.Struct(">BxLxBBB")
_FIXED_LENGTH = 4


def release_response() -> bytes:
    """Return an A-RELEASE-RP PDU (PS3.8 9.3.7)."""
    return _FIXED_FORM.pack(PduType.A_RELEASE_RP, _FIXED_LENGTH, 0, 0, 0)


def abort(reason: int) -> bytes:
    """Return an A-ABORT PDU from the service provider (PS3.8 9.3.8)."""
    return _FIXED_FORM.pack(PduType.A_ABORT, _FIXED_LENGTH, 0, _ABORT_BY_PROVIDER, reason)


def rejection(result: int, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ PDU (PS3.8 9.3.4)."""
    return _FIXED_FORM.pack(PduType.A_ASSOCIATE_RJ, _FIXED_LENGTH, result, source, reason)


def command_data(context_id: int, command: bytes, maximum_length: int) -> bytes:
    """Return a command set as one P-DATA-TF PDU, or more when the peer takes only short ones.

    Parameters
    ----------
    context_id : int
        Presentation context ID.
    command : bytes
        The encoded command set.
    maximum_length : int
        Longest variable field that the peer takes; 0 means no limit (PS3.8 D.1).
    """
    # A peer that announces an absurdly small maximum still gets one octet a PDU.
    room = max(1, maximum_length - PDV_HEADER.size) if maximum_length else len(command)
    pieces = [command[at : at + room] for at in range(0, len(command), room)]
    pdus = []
    for number, piece in enumerate(pieces, start=1):
        control = COMMAND | (LAST if number == len(pieces) else 0)
        item = PDV_HEADER.pack(len(piece) + PDV_LENGTH_OVERHEAD, context_id, control) + piece
        pdus.append(HEADER.pack(PduType.P_DATA_TF, len(item)) + item)
    return b"".join(pdus)
