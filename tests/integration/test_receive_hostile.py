"""Peers that lie, stall, vanish or flood: each costs a bounded wait and nothing more."""

from __future__ import annotations

import dataclasses
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from mammo_node.dimse import server as server_module
from mammo_node.dimse.lobby import MAXIMUM_REQUEST_BYTES
from mammo_node.dimse.pdu import COMMAND, HEADER, LAST, PDV_HEADER, PduType
from tests.receiving import (
    LIMITS,
    STORE,
    Peer,
    Reception,
    echo_command,
    encoded_mammogram,
    pdv,
    reception,
    request,
    store_command,
    store_message,
    until,
)

SHORT = dataclasses.replace(
    LIMITS, association_deadline_s=0.3, pdu_deadline_s=0.3, idle_deadline_s=0.6
)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Reception]:
    """A server with ordinary deadlines."""
    with reception(tmp_path) as running:
        yield running


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Reception]:
    """A server whose deadlines end within a second."""
    with reception(tmp_path, limits=SHORT) as running:
        yield running


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def sends(peer: Peer, content: bytes) -> bool:
    """Return whether the connection still stands; a peer that does not take it all does."""
    try:
        peer.send(content)
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def still_serves(receiver: Reception) -> None:
    """Another peer is served as if nothing had happened, and nothing is left open."""
    receiver.quiet()
    with receiver.peer() as peer:
        assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
        assert peer.echo() == 0x0000
        assert peer.release() == PduType.A_RELEASE_RP


# -- before an association --------------------------------------------------------------------


@pytest.mark.parametrize(
    "beginning", [b"", b"\x01", b"\x01\0\0\0\1\0" + bytes(70), request(STORE)[:-1]]
)
def test_silence_before_an_association_ends_at_the_deadline(
    impatient: Reception, beginning: bytes
) -> None:
    """Silent and half-asking clients are closed without a word, and lock nobody out."""
    silent = [Peer(impatient.port) for _ in range(20)]
    for peer in silent:
        peer.send(beginning)
    still_serves(impatient)
    for peer in silent:
        assert peer.read_pdu()[0] == 0
        peer.sock.close()


def test_connect_and_close_costs_nothing(receiver: Reception) -> None:
    """A load balancer's health checks leave neither thread nor descriptor."""
    still_serves(receiver)
    before, threads = descriptors(), threading.active_count()
    for _ in range(300):
        socket.create_connection(("127.0.0.1", receiver.port)).close()
    still_serves(receiver)
    until(lambda: descriptors() <= before and threading.active_count() <= threads)


def test_reset_before_an_association_costs_nothing(receiver: Reception) -> None:
    """A port scanner's RST is taken like a close."""
    for _ in range(20):
        sock = socket.create_connection(("127.0.0.1", receiver.port))
        sock.send(b"\x01\0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    still_serves(receiver)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 2),
        (HEADER.pack(PduType.P_DATA_TF, 20) + bytes(20), 2),
        (HEADER.pack(PduType.A_ASSOCIATE_RQ, 0xFFFFFFFF) + bytes(1000), 6),
        (HEADER.pack(PduType.A_ASSOCIATE_RQ, MAXIMUM_REQUEST_BYTES + 1), 6),
        (HEADER.pack(PduType.A_ASSOCIATE_RQ, 10) + bytes(10), 6),
    ],
)
def test_what_is_no_association_request_is_aborted(
    receiver: Reception, content: bytes, reason: int
) -> None:
    """Other protocols, and lengths of gigabytes, get an A-ABORT at once."""
    with receiver.peer() as peer:
        peer.send(content)
        kind, body = peer.read_pdu()
        assert (kind, body[2], body[3]) == (PduType.A_ABORT, 2, reason)
    still_serves(receiver)


def test_a_rejected_peer_that_stays_is_closed(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an A-ASSOCIATE-RJ the connection ends, even if the peer sends on."""
    monkeypatch.setattr("mammo_node.dimse.lobby._FAREWELL_S", 0.2)
    with receiver.peer() as peer:
        assert peer.associate(called="WRONG")[0] == PduType.A_ASSOCIATE_RJ
        until(lambda: not sends(peer, bytes(1000)))
    still_serves(receiver)


def test_the_lobby_is_bounded_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many silent clients the longest waiting are closed; honest peers still get in."""
    monkeypatch.setattr(server_module, "_LOBBY_CAPACITY", 10)
    with reception(tmp_path) as receiver:
        silent = [Peer(receiver.port) for _ in range(30)]
        still_serves(receiver)
        assert [peer.read_pdu()[0] for peer in silent[:20]] == [0] * 20
        for peer in silent:
            peer.sock.close()


# -- within an association --------------------------------------------------------------------

CONTENT = encoded_mammogram("2.25.77")
BEGUN = pdv(1, store_command("2.25.77"), COMMAND | LAST) + pdv(1, CONTENT[:100], 0)


def lying_pdv(length: int) -> bytes:
    inner = PDV_HEADER.pack(length, 1, COMMAND) + bytes(10)
    return HEADER.pack(PduType.P_DATA_TF, len(inner)) + inner


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(HEADER.pack(PduType.P_DATA_TF, 0xFFFFFFFF), 6, id="PDU of 4 GiB"),
        pytest.param(HEADER.pack(PduType.P_DATA_TF, 131073), 6, id="PDU longer than announced"),
        pytest.param(HEADER.pack(PduType.P_DATA_TF, 0), 6, id="PDU without PDV"),
        pytest.param(HEADER.pack(PduType.P_DATA_TF, 3) + bytes(3), 6, id="PDV header cut off"),
        pytest.param(lying_pdv(0xFFFFFFFF), 6, id="PDV of 4 GiB"),
        pytest.param(lying_pdv(13), 6, id="PDV longer than its PDU"),
        pytest.param(lying_pdv(1), 6, id="PDV too short for its own header"),
        pytest.param(lying_pdv(0), 6, id="PDV of length 0"),
        pytest.param(pdv(9, echo_command(), COMMAND | LAST), 6, id="context not accepted"),
        pytest.param(pdv(1, CONTENT, LAST), 5, id="dataset without a command"),
        pytest.param(pdv(1, b"\0" * 7, COMMAND | LAST), 6, id="no command set"),
        pytest.param(pdv(1, b"", COMMAND | LAST), 6, id="empty command set"),
        pytest.param(pdv(1, bytes(9000), COMMAND) * 2, 5, id="endless command set"),
        pytest.param(
            pdv(1, store_command("2.25.1")[:8], COMMAND) + pdv(3, b"xx", COMMAND | LAST),
            5,
            id="command on two contexts",
        ),
        pytest.param(BEGUN + pdv(3, CONTENT[100:], LAST), 5, id="dataset on two contexts"),
        pytest.param(
            BEGUN + pdv(3, echo_command(), COMMAND | LAST), 5, id="echo in the middle of a dataset"
        ),
        pytest.param(BEGUN + pdv(1, store_command("2.25.78"), COMMAND), 5, id="two commands"),
        pytest.param(
            BEGUN + HEADER.pack(PduType.A_RELEASE_RQ, 4) + bytes(4), 5, id="release in a dataset"
        ),
        pytest.param(request(STORE), 2, id="second association request"),
        pytest.param(HEADER.pack(PduType.A_RELEASE_RP, 4) + bytes(4), 2, id="release response"),
        pytest.param(HEADER.pack(0x99, 4) + bytes(4), 1, id="unknown PDU"),
        pytest.param(HEADER.pack(PduType.A_RELEASE_RQ, 900), 6, id="long release request"),
    ],
)
def test_a_violation_is_answered_with_an_abort(
    receiver: Reception, content: bytes, reason: int
) -> None:
    """The A-ABORT says which rule was broken; nothing of the message is kept."""
    with receiver.peer() as peer:
        peer.associate()
        peer.send(content)
        kind, body = peer.read_pdu()
        assert (kind, body[2], body[3]) == (PduType.A_ABORT, 2, reason)
        assert peer.read_pdu()[0] == 0
    receiver.quiet()
    assert receiver.files() == []
    assert receiver.journal.instances == []
    still_serves(receiver)


@pytest.mark.parametrize("goodbye", ["abort", "close", "reset"])
def test_a_peer_that_vanishes_leaves_no_file_and_no_descriptor(
    receiver: Reception, goodbye: str
) -> None:
    """A-ABORT, close and reset in the middle of a dataset all release everything."""
    still_serves(receiver)
    before, threads = descriptors(), threading.active_count()
    for _ in range(5):
        peer = receiver.peer()
        peer.associate()
        peer.send(BEGUN)
        until(lambda: len(receiver.files()) == 1)
        if goodbye == "abort":
            peer.send(HEADER.pack(PduType.A_ABORT, 4) + bytes(4))
        elif goodbye == "reset":
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sock.close()
        until(lambda: receiver.files() == [])
    still_serves(receiver)
    until(lambda: descriptors() <= before and threading.active_count() <= threads)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="between messages"),
        pytest.param(b"\x04", id="in a PDU header"),
        pytest.param(BEGUN[:-10], id="in a PDU"),
        pytest.param(BEGUN, id="between PDUs of a dataset"),
        pytest.param(HEADER.pack(PduType.P_DATA_TF, 100), id="after a PDU header"),
    ],
)
def test_a_peer_that_falls_silent_is_aborted(impatient: Reception, content: bytes) -> None:
    """The idle deadline and the whole-PDU deadline both end in an A-ABORT and a free place."""
    with impatient.peer() as peer:
        peer.associate()
        peer.send(content)
        assert peer.read_pdu()[0] == PduType.A_ABORT
        assert peer.read_pdu()[0] == 0
    impatient.quiet()
    assert impatient.files() == []


def test_dripping_a_pdu_does_not_stretch_its_deadline(impatient: Reception) -> None:
    """One octet at a time, each in time, still ends at the deadline of the whole PDU."""
    with impatient.peer() as peer:
        peer.associate()
        stop = threading.Event()

        def drip() -> None:
            for octet in BEGUN:
                if stop.wait(0.02):
                    return
                try:
                    peer.send(bytes([octet]))
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        assert peer.read_pdu()[0] in (PduType.A_ABORT, 0)
        assert time.monotonic() - began < 100 * SHORT.pdu_deadline_s
        stop.set()
        thread.join()
    impatient.quiet()


def test_a_peer_that_does_not_read_its_answers_is_aborted(
    impatient: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Responses that nobody takes fill the buffers; then the send deadline ends it."""
    monkeypatch.setattr("mammo_node.dimse.association._CLOSE_DEADLINE_S", 0.2)
    # Connections inherit the listener's small buffer, so that it is full at once.
    impatient.server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with impatient.peer() as peer:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.associate()
        peer.sock.settimeout(0.05)
        echo = pdv(3, echo_command(), COMMAND | LAST) * 100
        until(lambda: not sends(peer, echo) or impatient.occupancy.associations == 0)
    still_serves(impatient)


def test_a_peer_with_an_absurd_maximum_length_gets_its_answer(receiver: Reception) -> None:
    """A peer that takes PDUs of one octet gets the response in very many."""
    with receiver.peer() as peer:
        peer.associate(maximum_length=1)
        peer.send(pdv(3, echo_command(), COMMAND | LAST))
        kind, body = peer.read_pdu()
        assert (kind, len(body)) == (PduType.P_DATA_TF, PDV_HEADER.size + 1)


def test_an_error_of_our_own_ends_one_association_only(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A bug in storing aborts that peer, leaves no temporary file, and is logged."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(receiver.journal, "commit", fail)
    with receiver.peer() as peer:
        peer.associate()
        for part in store_message(CONTENT, "2.25.77"):
            peer.send(part)
        assert peer.read_pdu()[0] == PduType.A_ABORT
    receiver.quiet()
    assert not list(receiver.spool.incoming.iterdir())
    captured = capfd.readouterr()
    assert "association-failed" in captured.out + captured.err
    still_serves(receiver)


def test_no_thread_to_be_had_is_a_transient_rejection(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system refuses a thread the peer is told to try again, and the place is free."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch, receiver.peer() as peer:
        patch.setattr(threading.Thread, "start", refuse)
        assert peer.associate() == (PduType.A_ASSOCIATE_RJ, bytes([0, 2, 3, 1]))
    still_serves(receiver)


def test_descriptors_above_1023_are_as_good_as_any(tmp_path: Path) -> None:
    """No select(2): a server whose descriptors begin at 1100 serves as always."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("the hard limit of open files is below 4096")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    filler = [os.open("/dev/null", os.O_RDONLY)]
    try:
        while filler[-1] < 1100:
            filler.append(os.open("/dev/null", os.O_RDONLY))
        with reception(tmp_path) as receiver, receiver.peer() as peer:
            peer.associate()
            assert peer.store(CONTENT, "2.25.77")[0] == 0x0000
    finally:
        for descriptor in filler:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_out_of_descriptors_for_a_while(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a descriptor for the next connection the server waits instead of spinning."""
    with reception(tmp_path) as receiver:
        peer = socket.socket()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        fill: list[int] = []
        try:
            highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
            with suppress(OSError):
                while True:
                    fill.append(os.open("/dev/null", os.O_RDONLY))
            peer.connect(("127.0.0.1", receiver.port))
            until(lambda: "accepting-paused" in "".join(capfd.readouterr()))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in fill:
                os.close(descriptor)
            peer.close()
        still_serves(receiver)


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_to_a_session_is_survived(receiver: Reception, seed: int) -> None:
    """Whatever octets are changed, cut out or put in, the session ends and the next one works."""
    damaged = damage(b"".join([request(STORE), *store_message(CONTENT, "2.25.77")]), seed)
    with receiver.peer() as peer:
        with suppress(OSError):
            peer.send(damaged)
            peer.sock.shutdown(socket.SHUT_WR)
        until(lambda: peer.read_pdu()[0] == 0)
    receiver.quiet()
    assert not list(receiver.spool.incoming.iterdir())
    assert len(receiver.files()) == len(receiver.journal.instances)


def damage(content: bytes, seed: int) -> bytes:
    random = Random(seed)
    damaged = bytearray(content)
    for _ in range(random.randint(1, 4)):
        # Most of it in the first octets: there are the lengths.
        at = random.randrange(random.choice([200, 1000, len(damaged)]))
        kind = random.choice(["change", "cut", "insert"])
        if kind == "change":
            damaged[at] = random.randrange(256)
        elif kind == "cut":
            del damaged[at : at + random.randint(1, 40)]
        else:
            damaged[at:at] = random.randbytes(random.randint(1, 40))
    return bytes(damaged)


# -- the end ----------------------------------------------------------------------------------


def test_stopping_aborts_idle_peers_at_once(tmp_path: Path) -> None:
    """An association between messages ends with an A-ABORT when the server stops."""
    with reception(tmp_path) as receiver, receiver.peer() as peer:
        peer.associate()
        assert peer.echo() == 0x0000
        receiver.server.stop()
        assert peer.read_pdu()[0] == PduType.A_ABORT


def test_stopping_lets_a_message_in_flight_end(tmp_path: Path) -> None:
    """A dataset that has begun is stored and answered; then the association is aborted."""
    with reception(tmp_path) as receiver, receiver.peer() as peer:
        peer.associate()
        peer.send(BEGUN)
        until(lambda: len(receiver.files()) == 1)
        receiver.server.stop()
        with pytest.raises(ConnectionRefusedError):
            until(lambda: not Peer(receiver.port).sock)
        peer.send(pdv(1, CONTENT[100:], LAST))
        assert peer.response()[0] == 0x0000
        assert peer.read_pdu()[0] == PduType.A_ABORT
    assert len(receiver.journal.instances) == 1


def test_stopping_does_not_wait_longer_than_the_grace_period(tmp_path: Path) -> None:
    """A message that does not end in time is dropped, and so is its file."""
    with reception(tmp_path) as receiver, receiver.peer() as peer:
        peer.associate()
        peer.send(BEGUN)
        until(lambda: len(receiver.files()) == 1)
        began = time.monotonic()
        receiver.server.stop()
        receiver.thread.join(60)
        assert 0.9 < time.monotonic() - began < 60
        assert receiver.files() == []
