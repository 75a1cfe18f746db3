"""A-ASSOCIATE and command sets: the same as pynetdicom's, and safe with any bytes."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode as decode_dataset
from pynetdicom.dsutils import encode as encode_dataset
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)

from mammo_node.dimse import command, pdu
from mammo_node.dimse.associate_pdu import decode_request, encode_acceptance
from mammo_node.dimse.command import Command, CommandField
from mammo_node.dimse.negotiation import (
    APPLICATION_CONTEXT_NAME,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    RoleSelection,
)
from mammo_node.dimse.pdu import HEADER, AbortReason
from mammo_node.errors import ProtocolViolation
from tests.receiving import MG, STORE, VERIFICATION, echo_command, item, request


def pynetdicom_request() -> bytes:
    """Return an A-ASSOCIATE-RQ as pynetdicom encodes it, with all kinds of user items."""
    ask = A_ASSOCIATE()
    ask.application_context_name = APPLICATION_CONTEXT_NAME
    ask.calling_ae_title, ask.called_ae_title = "ROOM_1", "MAMMO_AI"
    context = build_context(MG, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    context.context_id = 5
    ask.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 32768
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID("1.2.3.4")
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = "SENDER_1"
    ask.user_information = [length, implementation, version, build_role(MG, scu_role=True)]
    encoded = A_ASSOCIATE_RQ(ask)
    return encoded.encode()


def test_request_of_pynetdicom_is_understood() -> None:
    """An independent encoder's A-ASSOCIATE-RQ decodes to what it was made of."""
    decoded = decode_request(pynetdicom_request()[HEADER.size :])
    assert decoded.called_ae_title == "MAMMO_AI"
    assert decoded.calling_ae_title == "ROOM_1"
    assert decoded.protocol_version == 1
    assert decoded.application_context_name == APPLICATION_CONTEXT_NAME
    assert decoded.maximum_length == 32768
    assert decoded.implementation_version_name == "SENDER_1"
    assert decoded.contexts == (
        ProposedContext(5, MG, (ExplicitVRLittleEndian, ImplicitVRLittleEndian)),
    )
    assert decoded.roles == (RoleSelection(MG, scu=True, scp=False),)


def test_acceptance_is_understood_by_pynetdicom() -> None:
    """An independent decoder reads our A-ASSOCIATE-AC."""
    asked = decode_request(pynetdicom_request()[HEADER.size :])
    encoded = encode_acceptance(
        asked,
        (
            ContextAnswer(5, ContextResult.ACCEPTANCE, ExplicitVRLittleEndian),
            ContextAnswer(7, ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, ImplicitVRLittleEndian),
        ),
        roles=(RoleSelection("1.2.840.10008.1.20.1", scu=False, scp=True),),
        maximum_length=131072,
        implementation_class_uid="2.25.1",
        implementation_version_name="MAMMO_NODE",
    )
    decoded = A_ASSOCIATE_AC()
    decoded.decode(encoded)
    assert decoded.user_information is not None
    assert decoded.user_information.maximum_length == 131072
    assert decoded.reserved_aet == "MAMMO_AI"
    assert decoded.reserved_aec == "ROOM_1"
    results = [(c.context_id, c.result, c.transfer_syntax) for c in decoded.presentation_context]
    assert results[0] == (5, 0, ExplicitVRLittleEndian)
    assert results[1][:2] == (7, 3)
    (role,) = decoded.user_information.role_selection.values()
    assert (role.uid, role.scu, role.scp) == ("1.2.840.10008.1.20.1", 0, 1)


def test_unknown_items_are_skipped() -> None:
    """PS3.8 9.3.1: an item that we do not know must not cost the association."""
    body = request(STORE, extra=item(0x77, b"future"))[HEADER.size :]
    assert len(decode_request(body).contexts) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(67),
        bytes(68) + b"\x10",
        bytes(68) + b"\x10\0\xff\xff",
        bytes(68) + item(0x20, b"\x01"),
        bytes(68) + item(0x20, b"\x01\0\0\0"),
        bytes(68) + item(0x20, b"\x01\0\0\0" + item(0x30, b"1.2") + item(0x30, b"1.2")),
        bytes(68) + item(0x20, b"\x02\0\0\0" + item(0x30, b"1.2") + item(0x40, b"1.2")),
        bytes(68) + item(0x20, b"\x01\0\0\0" + item(0x30, b"1.2") + item(0x40, b"1.2")) * 2,
        bytes(68) + item(0x50, item(0x51, b"\0\0")),
        bytes(68) + item(0x50, item(0x54, b"")),
        bytes(68) + item(0x50, item(0x54, b"\0\x03" + b"1.2" + b"\x01")),
        bytes(68) + item(0x50, item(0x54, b"\xff\xff" + b"1.2" + b"\x01\x01")),
    ],
)
def test_lies_in_a_request_are_protocol_violations(body: bytes) -> None:
    """Lengths that do not fit, and contexts that are none, are named as such."""
    with pytest.raises(ProtocolViolation):
        decode_request(body)


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_violate(tail: bytes) -> None:
    """No bytes make the decoder of a request fail in another way."""
    with suppress(ProtocolViolation):
        assert decode_request(bytes(68) + tail).protocol_version == 0


def test_fixed_pdus_are_understood_by_pynetdicom() -> None:
    """A-ASSOCIATE-RJ and A-ABORT carry their fields where the standard has them."""
    rejected = A_ASSOCIATE_RJ()
    rejected.decode(pdu.rejection(2, 3, 1))
    assert (rejected.result, rejected.source, rejected.reason_diagnostic) == (2, 3, 1)
    aborted = A_ABORT_RQ()
    aborted.decode(pdu.abort(AbortReason.INVALID_PDU_PARAMETER))
    assert (aborted.source, aborted.reason_diagnostic) == (2, 6)


def test_store_request_of_pynetdicom_is_understood() -> None:
    """An independent encoder's C-STORE-RQ decodes to what it was made of."""
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 7, 1
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = UID(MG), UID("1.2.3")
    primitive.DataSet = BytesIO(b"\0\0")
    message = C_STORE_RQ()
    message.primitive_to_message(primitive)
    encoded = encode_dataset(message.command_set, is_implicit_vr=True, is_little_endian=True)
    assert encoded is not None
    decoded = command.decode(encoded)
    assert decoded == Command(CommandField.C_STORE_RQ, 7, MG, "1.2.3", has_dataset=True)


def test_echo_request_of_pynetdicom_is_understood() -> None:
    """A C-ECHO-RQ has no instance and no dataset."""
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = 3, UID(VERIFICATION)
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    encoded = encode_dataset(message.command_set, is_implicit_vr=True, is_little_endian=True)
    assert encoded is not None
    assert command.decode(encoded) == Command(
        CommandField.C_ECHO_RQ, 3, VERIFICATION, "", has_dataset=False
    )


def test_response_is_understood_by_pynetdicom() -> None:
    """Status, Error Comment and UIDs of a C-STORE-RSP are where others look for them."""
    asked = Command(CommandField.C_STORE_RQ, 7, MG, "1.2.3", has_dataset=True)
    encoded = command.encode_response(asked, 0xA900, "é" + "x" * 100)
    ds = decode_dataset(BytesIO(encoded), True, True)
    message = C_STORE_RSP()
    message.command_set = ds
    response = message.message_to_primitive()
    assert isinstance(response, C_STORE)
    assert response.Status == 0xA900
    assert response.MessageIDBeingRespondedTo == 7
    assert response.AffectedSOPInstanceUID == "1.2.3"
    assert ds.ErrorComment == "?" + "x" * 63
    assert ds.CommandGroupLength == len(encoded) - 12


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\0\0\0\1",
        echo_command()[:-1],
        struct.pack("<HHL", 8, 0, 0),
        struct.pack("<HHL", 0, 0x0100, 0xFFFFFFFF),
        struct.pack("<HHLH", 0, 0x0100, 2, 1),
        struct.pack("<HHLL", 0, 0x0100, 4, 1),
    ],
)
def test_broken_command_sets_are_protocol_violations(encoded: bytes) -> None:
    """A command that lies about lengths or lacks what makes it one is refused as such."""
    with pytest.raises(ProtocolViolation):
        command.decode(encoded)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_violate(encoded: bytes) -> None:
    """No bytes make the decoder of a command fail in another way."""
    with suppress(ProtocolViolation):
        assert command.decode(encoded).message_id in range(65536)


@pytest.mark.parametrize("maximum_length", [0, 1, 7, 16, 64, 16384])
def test_a_response_is_cut_to_what_the_peer_takes(maximum_length: int) -> None:
    """Each P-DATA-TF respects the peer's maximum length; the pieces add up."""
    encoded = bytes(range(100))
    at, pieces, controls, content = 0, 0, [], b""
    sent = pdu.command_data(3, encoded, maximum_length)
    while at < len(sent):
        kind, length = HEADER.unpack_from(sent, at)
        decoded = P_DATA_TF()
        decoded.decode(sent[at : at + HEADER.size + length])
        assert kind == pdu.PduType.P_DATA_TF
        assert maximum_length < 8 or length <= maximum_length
        value = decoded.presentation_data_value_items[0].presentation_data_value
        assert value is not None
        controls.append(value[0])
        content += value[1:]
        at += HEADER.size + length
        pieces += 1
    assert content == encoded
    assert controls == [pdu.COMMAND] * (pieces - 1) + [pdu.COMMAND | pdu.LAST]
