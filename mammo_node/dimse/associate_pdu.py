"""A-ASSOCIATE-RQ from bytes, A-ASSOCIATE-AC to bytes (PS3.8 9.3.2, 9.3.3, annex D).

Rules:

* Every length is checked against what contains it; a lie is a ProtocolViolation.
* Items that we do not know are skipped, as PS3.8 9.3.1 asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mammo_node.dimse.negotiation import (
    APPLICATION_CONTEXT_NAME,
    AssociationRequest,
    ContextAnswer,
    ProposedContext,
    RoleSelection,
)
from mammo_node.dimse.pdu import HEADER, AbortReason, PduType
from mammo_node.dimse.text import to_text
from mammo_node.errors import ProtocolViolation

_ITEM = struct.Struct(">BxH")
#: Protocol version, reserved, called and calling AE title, reserved.
_FIXED = struct.Struct(">Hxx16s16s32x")
_ECHO = slice(4, 68)

_APPLICATION_CONTEXT = 0x10
_PRESENTATION_CONTEXT_RQ = 0x20
_PRESENTATION_CONTEXT_AC = 0x21
_ABSTRACT_SYNTAX = 0x30
_TRANSFER_SYNTAX = 0x40
_USER_INFORMATION = 0x50
_MAXIMUM_LENGTH = 0x51
_IMPLEMENTATION_CLASS_UID = 0x52
_ROLE_SELECTION = 0x54
_IMPLEMENTATION_VERSION_NAME = 0x55

_CONTEXT_HEADER = struct.Struct(">Bxxx")
_CONTEXT_ANSWER = struct.Struct(">BxBx")
_LENGTH = struct.Struct(">L")
_UID_LENGTH = struct.Struct(">H")
_ROLES = struct.Struct(">BB")
_PROTOCOL_VERSION = 1


def decode_request(body: bytes) -> AssociationRequest:
    """Decode the variable field of an A-ASSOCIATE-RQ, that is without the six-octet header.

    Raises
    ------
    ProtocolViolation
        If a length does not fit, or what must be there is not.
    """
    if len(body) < _FIXED.size:
        raise _invalid("A-ASSOCIATE-RQ is too short")
    version, called, calling = _FIXED.unpack_from(body)
    application_context, user_information = "", b""
    contexts: list[ProposedContext] = []
    for kind, value in _items(body[_FIXED.size :]):
        if kind == _APPLICATION_CONTEXT:
            application_context = to_text(value)
        elif kind == _PRESENTATION_CONTEXT_RQ:
            contexts.append(_decode_context(value))
        elif kind == _USER_INFORMATION:
            user_information = value
    _check_context_ids(contexts)
    maximum_length, version_name, roles = _decode_user_information(user_information)
    return AssociationRequest(
        called_ae_title=to_text(called),
        calling_ae_title=to_text(calling),
        protocol_version=version,
        application_context_name=application_context,
        contexts=tuple(contexts),
        maximum_length=maximum_length,
        implementation_version_name=version_name,
        echo=body[_ECHO],
        roles=roles,
    )


def encode_acceptance(
    request: AssociationRequest,
    answers: tuple[ContextAnswer, ...],
    *,
    roles: tuple[RoleSelection, ...] = (),
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version_name: str,
) -> bytes:
    """Return the A-ASSOCIATE-AC PDU that answers a request."""
    user_information = (
        _item(_MAXIMUM_LENGTH, _LENGTH.pack(maximum_length))
        + _item(_IMPLEMENTATION_CLASS_UID, implementation_class_uid.encode())
        + b"".join(_item(_ROLE_SELECTION, _encode_role(role)) for role in roles)
        + _item(_IMPLEMENTATION_VERSION_NAME, implementation_version_name.encode())
    )
    body = (
        struct.pack(">Hxx", _PROTOCOL_VERSION)
        + request.echo
        + _item(_APPLICATION_CONTEXT, APPLICATION_CONTEXT_NAME.encode())
        + b"".join(_encode_answer(answer) for answer in answers)
        + _item(_USER_INFORMATION, user_information)
    )
    return HEADER.pack(PduType.A_ASSOCIATE_AC, len(body)) + body


def _encode_answer(answer: ContextAnswer) -> bytes:
    return _item(
        _PRESENTATION_CONTEXT_AC,
        _CONTEXT_ANSWER.pack(answer.context_id, answer.result)
        + _item(_TRANSFER_SYNTAX, answer.transfer_syntax.encode()),
    )


def _decode_context(value: bytes) -> ProposedContext:
    if len(value) < _CONTEXT_HEADER.size:
        raise _invalid("a presentation context item is too short")
    (context_id,) = _CONTEXT_HEADER.unpack_from(value)
    abstract_syntaxes, transfer_syntaxes = [], []
    for kind, content in _items(value[_CONTEXT_HEADER.size :]):
        if kind == _ABSTRACT_SYNTAX:
            abstract_syntaxes.append(to_text(content))
        elif kind == _TRANSFER_SYNTAX:
            transfer_syntaxes.append(to_text(content))
    if len(abstract_syntaxes) != 1 or not transfer_syntaxes:
        raise _invalid("a presentation context needs one abstract syntax and a transfer syntax")
    return ProposedContext(context_id, abstract_syntaxes[0], tuple(transfer_syntaxes))


def _check_context_ids(contexts: list[ProposedContext]) -> None:
    ids = [context.context_id for context in contexts]
    # PS3.8 9.3.2.2: odd integers between 1 and 255, each once.
    if len(set(ids)) != len(ids) or any(number % 2 == 0 for number in ids):
        raise _invalid("presentation context IDs must be odd and unique")


def _decode_user_information(value: bytes) -> tuple[int, str, tuple[RoleSelection, ...]]:
    maximum_length, version_name = 0, ""
    roles: list[RoleSelection] = []
    for kind, content in _items(value):
        if kind == _MAXIMUM_LENGTH:
            if len(content) != _LENGTH.size:
                raise _invalid("the maximum length sub-item must hold four octets")
            (maximum_length,) = _LENGTH.unpack(content)
        elif kind == _IMPLEMENTATION_VERSION_NAME:
            version_name = to_text(content)
        elif kind == _ROLE_SELECTION:
            roles.append(_decode_role(content))
    return maximum_length, version_name, tuple(roles)


def _decode_role(content: bytes) -> RoleSelection:
    """PS3.7 D.3.3.4.1: UID-length, SOP-class-uid, SCU-role, SCP-role."""
    length = _UID_LENGTH.unpack_from(content)[0] if len(content) >= _UID_LENGTH.size else -1
    if len(content) != _UID_LENGTH.size + length + _ROLES.size:
        raise _invalid("a role selection sub-item does not have the length that it says")
    scu, scp = _ROLES.unpack_from(content, _UID_LENGTH.size + length)
    uid = content[_UID_LENGTH.size : _UID_LENGTH.size + length]
    return RoleSelection(to_text(uid), bool(scu), bool(scp))


def _encode_role(role: RoleSelection) -> bytes:
    uid = role.sop_class_uid.encode()
    return _UID_LENGTH.pack(len(uid)) + uid + _ROLES.pack(role.scu, role.scp)


def _items(value: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(value):
        if at + _ITEM.size > len(value):
            raise _invalid("an item header is cut off")
        kind, length = _ITEM.unpack_from(value, at)
        at += _ITEM.size
        if at + length > len(value):
            raise _invalid("an item is longer than what contains it")
        yield kind, value[at : at + length]
        at += length


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _invalid(message: str) -> ProtocolViolation:
    return ProtocolViolation(message, reason=AbortReason.INVALID_PDU_PARAMETER)
