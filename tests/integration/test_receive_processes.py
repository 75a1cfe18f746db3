"""Receiver processes: they share a port, survive each other, and do not outlive their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mammo_node.config import AETitles, Configuration, Local, Receive, Settings, Source, Storage
from mammo_node.dimse.pdu import COMMAND, LAST, PduType
from mammo_node.errors import ConfigurationError, ReceiverFailed
from mammo_node.journal.journal import Journal
from mammo_node.journal.spool import Spool
from mammo_node.receive.supervisor import Receiver
from tests.receiving import (
    CALLING,
    Peer,
    encoded_mammogram,
    pdv,
    store_command,
    store_message,
    until,
)


def configured(port: int = 0, **receive: object) -> Configuration:
    return Configuration(
        ae_titles=AETitles(
            local=Local(bind="127.0.0.1", port=port), source=(Source(ae_title=CALLING),)
        ),
        settings=Settings(storage=Storage(min_free_mb=0), receive=Receive(**receive)),
    )


@contextmanager
def receiving(folder: Path, port: int = 0, **receive: object) -> Iterator[tuple[Receiver, int]]:
    Spool(folder)
    Journal(folder / "journal.db").close()
    receiver = Receiver(configured(port, **receive), folder / "journal.db", folder, grace_s=5)
    try:
        yield receiver, receiver.start()
    finally:
        receiver.stop()


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def stored(folder: Path) -> list[Path]:
    return sorted((folder / "studies").iterdir())


def test_instances_reach_the_journal_through_any_process(tmp_path: Path) -> None:
    """Several senders at once: all files and rows are there, and none twice."""
    with receiving(tmp_path, processes=2) as (receiver, port):
        peers = [Peer(port) for _ in range(4)]
        for number, peer in enumerate(peers, start=1):
            assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
            uid = f"2.25.{number}"
            assert peer.store(encoded_mammogram(uid), uid)[0] == 0x0000
            assert peer.store(encoded_mammogram("2.25.9"), "2.25.9")[0] == 0x0000
        assert receiver.associations == 4
        # Both processes have some of them: each association is a thread.
        assert all(threads(pid) > 1 for pid in receiver.pids)
        for peer in peers:
            assert peer.release() == PduType.A_RELEASE_RP
            peer.sock.close()
        until(lambda: receiver.associations == 0)
        assert len(stored(tmp_path)) == 5
    assert receiver.pids == ()


def test_the_association_limit_is_shared(tmp_path: Path) -> None:
    """max_associations counts over all processes; beyond it: transient, local limit."""
    with receiving(tmp_path, processes=2, max_associations=3) as (_, port):
        peers = [Peer(port) for _ in range(4)]
        answers = [peer.associate() for peer in peers]
        assert [kind for kind, _ in answers] == [PduType.A_ASSOCIATE_AC] * 3 + [
            PduType.A_ASSOCIATE_RJ
        ]
        assert answers[3][1] == bytes([0, 2, 3, 2])
        for peer in peers:
            peer.sock.close()


def test_a_killed_process_is_replaced_and_its_places_are_free(tmp_path: Path) -> None:
    """Kill -9 costs the associations of one process; the node goes on and tells which."""
    with receiving(tmp_path, processes=1, max_associations=1) as (receiver, port):
        peer = Peer(port)
        assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
        for part in list(store_message(encoded_mammogram("2.25.1"), "2.25.1"))[:-1]:
            peer.send(part)
        (pid,) = receiver.pids
        assert receiver.poll() == []
        os.kill(pid, signal.SIGKILL)
        assert peer.read_pdu()[0] == 0
        dead = []
        until(lambda: bool(dead.extend(receiver.poll()) or dead))
        assert [(d.pid, d.exit_code) for d in dead] == [(pid, -signal.SIGKILL)]
        assert dead[0].association_prefix
        until(lambda: not receiver.poll() and len(receiver.pids) == 1)
        with Peer(port, timeout_s=30) as peer:
            assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
            assert peer.store(encoded_mammogram("2.25.2"), "2.25.2")[0] == 0x0000


def test_stop_lets_a_message_in_flight_end(tmp_path: Path) -> None:
    """SIGTERM: the dataset that has begun is stored and answered, then the peer is aborted."""
    with receiving(tmp_path, processes=1) as (receiver, port):
        peer = Peer(port)
        peer.associate()
        content = encoded_mammogram("2.25.1")
        peer.send(pdv(1, store_command("2.25.1"), COMMAND | LAST) + pdv(1, content[:100], 0))
        until(lambda: bool(list((tmp_path / "incoming").iterdir())))
        (pid,) = receiver.pids
        os.kill(pid, signal.SIGTERM)
        peer.send(pdv(1, content[100:], LAST))
        assert peer.response()[0] == 0x0000
        assert peer.read_pdu()[0] == PduType.A_ABORT
        peer.sock.close()
        until(lambda: not alive(pid))
        assert receiver.poll()[0].exit_code == 0
    assert len(stored(tmp_path)) == 1


_PARENT = """
import sys, threading
from pathlib import Path
from tests.integration.test_receive_processes import configured
from mammo_node.receive.supervisor import Receiver
folder = Path(sys.argv[1])
receiver = Receiver(configured(processes=2), folder / "journal.db", folder)
port = receiver.start()
print(port, *receiver.pids, flush=True)
threading.Event().wait()
"""


def test_processes_die_with_their_parent(tmp_path: Path) -> None:
    """Kill -9 of the node leaves no receiver behind, and the port is free again."""
    Spool(tmp_path)
    Journal(tmp_path / "journal.db").close()
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    port, *pids = (int(word) for word in parent.stdout.readline().split())
    with parent.stdout, Peer(port) as peer:
        assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
        assert all(alive(pid) for pid in pids)
        parent.kill()
        parent.wait()
        until(lambda: not any(alive(pid) for pid in pids))
        assert peer.read_pdu()[0] == 0
    # Also while the last threads of the old processes are still going away.
    with receiving(tmp_path, port=port) as (_, again):
        assert again == port


def test_a_port_in_use_is_a_configuration_error(tmp_path: Path) -> None:
    """The message names the file, the table, the address and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        receiver = Receiver(configured(port), tmp_path / "journal.db", tmp_path)
        words = rf"ae_titles.toml: local: cannot listen on 127.0.0.1 port {port}: Address already"
        with pytest.raises(ConfigurationError, match=words):
            receiver.start()


def test_a_process_that_cannot_start_is_reported(tmp_path: Path) -> None:
    """A journal that is none ends the start, not a loop of restarts."""
    Spool(tmp_path)
    (tmp_path / "journal.db").write_text("this is no database, but it is long enough to be one")
    receiver = Receiver(configured(processes=2), tmp_path / "journal.db", tmp_path)
    with pytest.raises(ReceiverFailed):
        receiver.start()
    assert receiver.pids == ()


def test_a_process_that_dies_young_is_not_restarted_in_a_tight_loop(tmp_path: Path) -> None:
    """Polling as fast as one can does not start a process for each poll."""
    with receiving(tmp_path, processes=1) as (receiver, _):
        # From now on no process can start.
        (tmp_path / "journal.db").unlink()
        (tmp_path / "journal.db").mkdir()
        os.kill(receiver.pids[0], signal.SIGKILL)
        dead, began = [], time.monotonic()
        while time.monotonic() - began < 3:
            dead += receiver.poll()
        assert 1 <= len(dead) <= 4
