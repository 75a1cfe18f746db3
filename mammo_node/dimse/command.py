"""DIMSE command sets: the few elements that storing, verifying and reports need (PS3.7 E.1).

A command set is always Implicit VR Little Endian (PS3.7 6.3.1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from mammo_node.dimse.pdu import AbortReason
from mammo_node.dimse.text import to_text
from mammo_node.errors import ProtocolViolation

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_UL = struct.Struct("<L")
_COMMAND_GROUP = 0x0000
#: Command Data Set Type: no dataset present (PS3.7 E.1-1).
_NO_DATASET = 0x0101
#: The bit that makes a response of a request's Command Field (PS3.7 E.1-1).
_RESPONSE = 0x8000
#: Longest Error Comment (VR LO, PS3.5 6.2).
_COMMENT_LENGTH = 64


class CommandField(IntEnum):
    """Command Field values (PS3.7 E.1-1)."""

    C_STORE_RQ = 0x0001
    C_ECHO_RQ = 0x0030
    N_EVENT_REPORT_RQ = 0x0100
    C_CANCEL_RQ = 0x0FFF


class CommandElement(IntEnum):
    """Element numbers of group 0000 (PS3.7 E.1)."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_RESPONDED_TO = 0x0120
    DATASET_TYPE = 0x0800
    STATUS = 0x0900
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    EVENT_TYPE_ID = 0x1002


class Status(IntEnum):
    """Statuses that the association itself answers (PS3.7 Annex C)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    NO_SUCH_EVENT_TYPE = 0x0113
    INVALID_ARGUMENT_VALUE = 0x0115
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213


@dataclass(frozen=True, slots=True)
class Command:
    """A request of the peer; UIDs are as they came, without padding, unchecked."""

    command_field: int
    message_id: int
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    has_dataset: bool
    event_type_id: int | None = None
    """Of an N-EVENT-REPORT-RQ (PS3.7 10.3.1.1)."""


def decode(encoded: bytes) -> Command:
    """Decode a command set.

    Raises
    ------
    ProtocolViolation
        If an element does not fit, or Command Field, Message ID or Command Data Set Type
        are missing.
    """
    elements = _elements(encoded)
    return Command(
        command_field=_unsigned(elements, CommandElement.COMMAND_FIELD),
        message_id=_unsigned(elements, CommandElement.MESSAGE_ID),
        affected_sop_class_uid=_uid(elements, CommandElement.AFFECTED_SOP_CLASS_UID),
        affected_sop_instance_uid=_uid(elements, CommandElement.AFFECTED_SOP_INSTANCE_UID),
        has_dataset=_unsigned(elements, CommandElement.DATASET_TYPE) != _NO_DATASET,
        event_type_id=(
            _unsigned(elements, CommandElement.EVENT_TYPE_ID)
            if CommandElement.EVENT_TYPE_ID in elements
            else None
        ),
    )


def encode_response(command: Command, status: int, comment: str = "") -> bytes:
    """Return the command set of the response to a request, without a dataset.

    Parameters
    ----------
    command : Command
        The request.
    status : int
        PS3.7 Annex C or PS3.4 B.2-1.
    comment : str
        Error Comment (0000,0902) for the peer's log, cut to 64 characters; left out if empty.
    """
    elements = {
        CommandElement.AFFECTED_SOP_CLASS_UID: _pad(command.affected_sop_class_uid, b"\0"),
        CommandElement.COMMAND_FIELD: _US.pack(command.command_field | _RESPONSE),
        CommandElement.MESSAGE_ID_RESPONDED_TO: _US.pack(command.message_id),
        CommandElement.DATASET_TYPE: _US.pack(_NO_DATASET),
        CommandElement.STATUS: _US.pack(status),
        CommandElement.ERROR_COMMENT: _pad(comment[:_COMMENT_LENGTH], b" "),
        CommandElement.AFFECTED_SOP_INSTANCE_UID: _pad(command.affected_sop_instance_uid, b"\0"),
    }
    optional = (CommandElement.ERROR_COMMENT, CommandElement.AFFECTED_SOP_INSTANCE_UID)
    return _encode({k: v for k, v in elements.items() if v or k not in optional})


def _elements(encoded: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(encoded):
        if at + _ELEMENT.size > len(encoded):
            raise _invalid("a command element is cut off")
        group, element, length = _ELEMENT.unpack_from(encoded, at)
        at += _ELEMENT.size
        if group != _COMMAND_GROUP or at + length > len(encoded):
            raise _invalid("the command set is not one of PS3.7 6.3")
        elements[element] = encoded[at : at + length]
        at += length
    return elements


def _unsigned(elements: dict[int, bytes], element: CommandElement) -> int:
    value = elements.get(element, b"")
    if len(value) != _US.size:
        raise _invalid(f"the command set has no valid {element.name}")
    return int(_US.unpack(value)[0])


def _uid(elements: dict[int, bytes], element: CommandElement) -> str:
    return to_text(elements.get(element, b""))


def _encode(elements: dict[CommandElement, bytes]) -> bytes:
    body = b"".join(
        _ELEMENT.pack(_COMMAND_GROUP, element, len(value)) + value
        for element, value in sorted(elements.items())
    )
    length = _ELEMENT.pack(_COMMAND_GROUP, CommandElement.GROUP_LENGTH, _UL.size)
    return length + _UL.pack(len(body)) + body


def _pad(value: str, padding: bytes) -> bytes:
    encoded = value.encode("ascii", "replace")
    return encoded + padding if len(encoded) % 2 else encoded


def _invalid(message: str) -> ProtocolViolation:
    return ProtocolViolation(message, reason=AbortReason.INVALID_PDU_PARAMETER)
