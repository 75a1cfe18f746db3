"""The SCU against real peers and against peers that misbehave: deadlines, statuses, order."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, evt

from mammo_node.config import Destination
from mammo_node.dimse.client import echo, send_batch
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.dimse.outgoing import associate, end
from mammo_node.errors import AssociationRejected, DeliveryRefused, DestinationUnreachable
from tests.orthanc import Orthanc
from tests.peers import require
from tests.ports import free_port
from tests.unit.result_objects import COMPREHENSIVE_3D_SR, write_report

_VERIFICATION = "1.2.840.10008.1.1"
_CLOSED_S = 20.0


def _destination(port: int, **settings: Any) -> Destination:
    values = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": port, **settings}
    return Destination.model_validate(values)


@contextmanager
def _scp(
    store: Callable[[Any], int],
    *,
    syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian,),
    classes: tuple[str, ...] = (COMPREHENSIVE_3D_SR, _VERIFICATION),
    required_title: str | None = None,
    handlers: tuple[Any, ...] = (),
) -> Iterator[int]:
    """Run a Storage SCP on a free port; ``store`` gives the status of each C-STORE."""
    ae = AE(ae_title="PACS")
    for sop_class in classes:
        ae.add_supported_context(sop_class, list(syntaxes))
    if required_title is not None:
        ae.require_calling_aet = [required_title]
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store), *handlers]
    )
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@pytest.fixture
def reports(tmp_path: Path) -> list[StoredObject]:
    return [write_report(tmp_path, number) for number in range(1, 5)]


def _send(destination: Destination, items: list[StoredObject]) -> list[SendOutcome]:
    return list(send_batch(destination, "MAMMO_AI", items))


def test_orthanc_takes_a_batch(reports: list[StoredObject]) -> None:
    """A real PACS answers 0000 for each object and holds exactly these UIDs."""
    with Orthanc() as pacs:
        destination = _destination(pacs.dicom_port, ae_title="ORTHANC")
        assert echo(destination, "MAMMO_AI") < 5
        outcomes = _send(destination, reports)
        assert [o.status for o in outcomes] == [0x0000] * 4
        assert pacs.sop_instance_uids() == {item.sop_instance_uid for item in reports}


def test_dcmtk_takes_a_batch_in_one_association(
    reports: list[StoredObject], tmp_path: Path
) -> None:
    """DCMTK's storescp sees one association with every object in it."""
    port, received = free_port(), tmp_path / "received"
    received.mkdir()
    log = tmp_path / "storescp.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [require("storescp"), "-v", "-aet", "PACS", "-od", str(received), str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TCP_NODELAY": "1"},
        ) as peer,
    ):
        try:
            _wait_for_port(port)
            outcomes = _send(_destination(port), reports)
        finally:
            peer.terminate()
    assert [o.status for o in outcomes] == [0x0000] * 4
    assert len(list(received.iterdir())) == 4
    # One connection was the probe of the port, one the batch.
    assert log.read_text().count("Association Acknowledged") == 1


def test_responses_reach_us_on_a_busy_machine(reports: list[StoredObject]) -> None:
    """The library's own thread takes none of them, also when it is late to pause while we send."""

    def be_busy(event: Any) -> None:
        checkpoint, dimse = event.assoc._reactor_checkpoint, event.assoc.dimse
        # The machine does something else when the library's thread may go on, and we have sent.
        checkpoint.wait = _then_sleep(checkpoint.wait, 0.05)
        dimse.send_msg = _then_sleep(dimse.send_msg, 0.3)

    contexts = [build_context(COMPREHENSIVE_3D_SR)]
    with _scp(lambda _: 0xB000) as port:
        destination = _destination(port, response_timeout_s=5)
        handlers = [(evt.EVT_CONN_OPEN, be_busy)]
        association = associate(destination, "MAMMO_AI", contexts, handlers)
        dataset = pydicom.dcmread(reports[0].path)
        answers = [association.send_c_store(dataset) for _ in range(5)]
        association.release()
    assert [answer.get("Status") for answer in answers] == [0xB000] * 5


def test_a_peer_with_the_default_syntax_only_gets_it(reports: list[StoredObject]) -> None:
    """Implicit VR Little Endian is what every peer must take (PS3.5 10.1)."""
    seen = []

    def store(event: Any) -> int:
        seen.append(event.context.transfer_syntax)
        assert event.dataset.ConceptNameCodeSequence[0].CodeValue == "126000"
        return 0x0000

    with _scp(store, syntaxes=(ImplicitVRLittleEndian,)) as port:
        outcomes = _send(_destination(port), reports[:1])
    assert [o.status for o in outcomes] == [0x0000]
    assert seen == [ImplicitVRLittleEndian]


def test_a_status_is_kept_for_each_object(reports: list[StoredObject]) -> None:
    """Success, warning, refusal and failure in one batch are four different outcomes."""
    statuses = iter((0x0000, 0xB000, 0xA700, 0xC123))
    with _scp(lambda _: next(statuses)) as port:
        outcomes = _send(_destination(port), reports)
    assert [o.status for o in outcomes] == [0x0000, 0xB000, 0xA700, 0xC123]
    assert [o.item for o in outcomes] == reports


def test_a_sop_class_that_is_not_accepted_fails_alone(
    reports: list[StoredObject], tmp_path: Path
) -> None:
    """The refused class is named, the other objects of the batch arrive."""
    other = write_report(tmp_path, 9, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.33")
    with _scp(lambda _: 0x0000) as port:
        outcomes = _send(_destination(port), [other, reports[0]])
    assert isinstance(outcomes[0].failure, DeliveryRefused)
    assert outcomes[0].failure.status == 0x0122
    assert "Comprehensive SR Storage" in str(outcomes[0].failure)
    assert outcomes[1].status == 0x0000


def test_a_peer_that_accepts_no_class_at_all_is_a_refusal(reports: list[StoredObject]) -> None:
    """No accepted context is about the objects, not about the network."""
    with _scp(lambda _: 0x0000, classes=(_VERIFICATION,)) as port:
        outcomes = _send(_destination(port), reports[:2])
    assert [type(o.failure) for o in outcomes] == [DeliveryRefused, DeliveryRefused]


def test_nobody_listening_fails_every_object_at_once(reports: list[StoredObject]) -> None:
    """Connection refused: no association, each object keeps its claim to a retry."""
    outcomes = _send(_destination(free_port()), reports)
    assert {type(o.failure) for o in outcomes} == {DestinationUnreachable}
    assert not any(o.associated for o in outcomes)


def test_a_name_that_does_not_resolve_is_unreachable(reports: list[StoredObject]) -> None:
    """A wrong host name is told as such."""
    (outcome,) = _send(_destination(104, host="no-such-host.invalid"), reports[:1])
    assert isinstance(outcome.failure, DestinationUnreachable)


def test_a_rejected_association_says_why(reports: list[StoredObject]) -> None:
    """A PACS that does not know our AE title is a permanent rejection with its reason."""
    with _scp(lambda _: 0x0000, required_title="SOMEBODY") as port:
        (outcome,) = _send(_destination(port), reports[:1])
    assert isinstance(outcome.failure, AssociationRejected)
    assert not outcome.failure.transient
    assert "alling AE" in str(outcome.failure)


def test_a_full_peer_is_a_transient_rejection(reports: list[StoredObject]) -> None:
    """A peer at its association limit is worth a retry."""
    with _raw_peer(_reject_transient) as port:
        (outcome,) = _send(_destination(port), reports[:1])
    assert isinstance(outcome.failure, AssociationRejected)
    assert outcome.failure.transient


def test_a_rejection_is_heard_however_late_we_look() -> None:
    """On a busy node the connection is closed again before our thread has seen it open."""
    closed = threading.Event()
    handlers = [
        # Between sending the request and looking at the connection.
        (evt.EVT_REQUESTED, lambda _: closed.wait(_CLOSED_S)),
        (evt.EVT_CONN_CLOSE, lambda _: closed.set()),
    ]
    contexts = [build_context(_VERIFICATION)]
    with _raw_peer(_reject_transient) as port, pytest.raises(AssociationRejected) as caught:
        associate(_destination(port), "MAMMO_AI", contexts, handlers)
    assert closed.is_set()
    assert caught.value.transient


def test_a_lost_association_keeps_what_was_answered(reports: list[StoredObject]) -> None:
    """The peer aborts at the third object: two are stored, one failed, one was not tried."""
    count = []

    def store(event: Any) -> int:
        count.append(1)
        if len(count) == 3:
            event.assoc.abort()
        return 0x0000

    with _scp(store) as port:
        outcomes = _send(_destination(port), reports)
    assert [o.status for o in outcomes] == [0x0000, 0x0000, None, None]
    assert isinstance(outcomes[2].failure, DestinationUnreachable)
    assert outcomes[2].associated
    assert not outcomes[3].tried


def test_a_missing_file_fails_alone(reports: list[StoredObject]) -> None:
    """An object that cannot be read does not hold up the others."""
    reports[0].path.unlink()
    reports[1].path.write_bytes(b"no DICOM")
    with _scp(lambda _: 0x0000) as port:
        outcomes = _send(_destination(port), reports)
    assert [o.status for o in outcomes] == [None, None, 0x0000, 0x0000]
    assert "cannot be read" in str(outcomes[0].failure)


@pytest.mark.parametrize("behaviour", ["silent", "deaf", "closing", "garbage"])
def test_no_peer_can_hold_us(behaviour: str, reports: list[StoredObject], tmp_path: Path) -> None:
    """Silence, a reader that stops reading, a closed door and nonsense all end in time."""
    large = write_report(tmp_path, 50, padding_bytes=20_000_000)
    started = time.monotonic()
    with _raw_peer(_PEERS[behaviour]) as port:
        destination = _destination(port, connect_timeout_s=1, response_timeout_s=1)
        # The deaf peer's deadline grows with the size: cut it to the rate of this test.
        outcomes = _send(destination, [large if behaviour == "deaf" else reports[0]])
    assert isinstance(outcomes[0].failure, DestinationUnreachable)
    assert time.monotonic() - started < 20


def test_a_release_that_does_not_end_is_given_up() -> None:
    """Whatever the library waits for, we do not wait with it."""
    with _scp(lambda _: 0x0000) as port:
        destination = _destination(port, connect_timeout_s=1)
        association = associate(destination, "MAMMO_AI", [build_context(_VERIFICATION)])
        association.release = threading.Event().wait
        started = time.monotonic()
        end(association)
    assert association.is_aborted
    assert time.monotonic() - started < 20


def test_echo_tells_a_refusal_from_silence() -> None:
    """The three ways in which C-ECHO fails are three errors."""
    with (
        _scp(lambda _: 0x0000, classes=(COMPREHENSIVE_3D_SR,)) as port,
        pytest.raises(DeliveryRefused),
    ):
        echo(_destination(port), "MAMMO_AI")
    with (
        _scp(lambda _: 0x0000, required_title="SOMEBODY") as port,
        pytest.raises(AssociationRejected),
    ):
        echo(_destination(port), "MAMMO_AI")
    with pytest.raises(DestinationUnreachable):
        echo(_destination(free_port()), "MAMMO_AI")
    with (
        _scp(lambda _: 0, handlers=((evt.EVT_C_ECHO, lambda _: 0x0211),)) as port,
        pytest.raises(DeliveryRefused) as caught,
    ):
        echo(_destination(port), "MAMMO_AI")
    assert caught.value.status == 0x0211


def test_the_destination_may_set_our_title() -> None:
    """A destination's own calling AE title wins over the node's."""
    with _scp(lambda _: 0x0000, required_title="OTHER") as port:
        assert echo(_destination(port, calling_ae_title="OTHER"), "MAMMO_AI") < 5


def test_every_class_gets_its_association(tmp_path: Path) -> None:
    """More than 128 kinds of objects are sent over two associations, none is forgotten."""
    count = []
    items = [
        StoredObject(tmp_path / "absent", f"1.2.3.{number}", f"1.2.4.{number}", "1.2.840.10008.1.2")
        for number in range(130)
    ]
    opened = (evt.EVT_ESTABLISHED, lambda _: count.append(1))
    classes = ("1.2.3.0", "1.2.3.129")
    with _scp(
        lambda _: 0, syntaxes=("1.2.840.10008.1.2",), classes=classes, handlers=(opened,)
    ) as port:
        outcomes = _send(_destination(port), items)
    assert len(outcomes) == 130
    assert len(count) == 2


def _then_sleep(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        value = function(*arguments)
        time.sleep(seconds)
        return value

    return call


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "storescp does not listen"
            threading.Event().wait(0.02)


@contextmanager
def _raw_peer(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A TCP server that does with its first connection what ``behave`` says."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            behave(connection, done)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join(30)


def _reject_transient(connection: socket.socket, _done: threading.Event) -> None:
    """PS3.8 9.3.4: A-ASSOCIATE-RJ, transient, presentation provider, local limit exceeded."""
    connection.recv(65536)
    connection.sendall(bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2)))


def _silent(connection: socket.socket, done: threading.Event) -> None:
    connection.recv(65536)
    done.wait(60)


def _closing(connection: socket.socket, _done: threading.Event) -> None:
    connection.recv(10)


def _garbage(connection: socket.socket, done: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    done.wait(60)


def _deaf(connection: socket.socket, done: threading.Event) -> None:
    """Accept the association by hand, then read nothing any more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(_acceptance(connection.recv(65536)))
    done.wait(60)


def _acceptance(request: bytes) -> bytes:
    """PS3.8 9.3.3: an A-ASSOCIATE-AC that accepts the first context in Explicit VR LE."""
    uid = b"1.2.840.10008.3.1.1.1"
    syntax = b"1.2.840.10008.1.2.1"

    def item(kind: int, content: bytes) -> bytes:
        return bytes((kind, 0)) + len(content).to_bytes(2, "big") + content

    context = item(0x21, bytes((1, 0, 0, 0)) + item(0x40, syntax))
    user = item(0x50, item(0x51, (16384).to_bytes(4, "big")) + item(0x52, b"1.2.3"))
    variable = request[6:74] + item(0x10, uid) + context + user
    return b"\x02\x00" + len(variable).to_bytes(4, "big") + variable


_PEERS = {"silent": _silent, "deaf": _deaf, "closing": _closing, "garbage": _garbage}
