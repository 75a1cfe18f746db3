"""The receiver processes as one thing: started, watched, stopped.

Several processes accept from one listening socket, for one Python process cannot copy,
hash and write for many senders at a time.
"""

from __future__ import annotations

import errno
import ipaddress
import mmap
import os
import select
import socket
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mammo_node import log
from mammo_node.config import Configuration
from mammo_node.dimse.occupancy import Occupancy
from mammo_node.errors import ConfigurationError, ReceiverFailed
from mammo_node.receive.process import READY, Order

_LOG = log.get("receive")

_MODULE = "mammo_node.receive.process"
_START_DEADLINE_S = 60.0
#: The receivers of a node that was killed hold the port for a moment longer.
_PORT_DEADLINE_S, _PORT_RETRY_S = 2.0, 0.05
#: A process that dies sooner than this is started again only after as long.
_YOUNG_S = 2.0
#: Beyond the grace period for messages in flight, for cleaning up.
_STOP_MARGIN_S = 5.0


@dataclass(frozen=True, slots=True)
class DeadProcess:
    """A receiver process that ended by itself; a negative exit code is a signal's number.

    The ids of its associations began with ``association_prefix``: nobody will report their
    end, so the journal must be told (``Journal.associations_lost``).
    """

    pid: int
    exit_code: int
    association_prefix: str


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    association_prefix: str
    started_at: float


class Receiver:
    """All receiver processes of a node.

    Parameters
    ----------
    configuration : Configuration
        Bind address, port, who may send, processes, deadlines and caps.
    journal : Path
        The journal's file; each process opens its own connection.
    spool : Path
        The spool's root.
    grace_s : float
        How long messages in flight may take to end when a process gets SIGTERM.
    """

    def __init__(
        self, configuration: Configuration, journal: Path, spool: Path, grace_s: float = 20.0
    ) -> None:
        self._configuration = configuration
        self._journal = journal
        self._spool = spool
        self._grace_s = grace_s
        self._slots = configuration.settings.receive.processes
        self._children: dict[int, _Child | None] = {}
        #: When a process that died young may be started again, by slot.
        self._rested_at: dict[int, float] = {}
        self._listener: socket.socket | None = None
        self._occupancy_descriptor = -1
        self._occupancy: Occupancy | None = None

    @property
    def associations(self) -> int:
        """Associations that are open now."""
        return self._occupancy.associations if self._occupancy else 0

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the receiver processes that run."""
        return tuple(child.process.pid for child in self._children.values() if child)

    def listen(self) -> int:
        """Take the TCP port and return it; peers that connect wait until :meth:`start`.

        Having it also means that the processes of a node that was killed are gone: they
        held the port, and with it the right to write into journal and spool.

        Raises
        ------
        ConfigurationError
            If the address cannot be listened on.
        """
        if self._listener is None:
            self._listener = _listen(self._configuration)
        return int(self._listener.getsockname()[1])

    def start(self) -> int:
        """Listen, start the processes, wait until all are ready; return the TCP port.

        Raises
        ------
        ConfigurationError
            If the address cannot be listened on.
        ReceiverFailed
            If a process does not get ready.
        """
        port = self.listen()
        size = Occupancy.size(self._slots)
        self._occupancy_descriptor = os.memfd_create("mammo-node-occupancy")
        os.ftruncate(self._occupancy_descriptor, size)
        self._occupancy = Occupancy(mmap.mmap(self._occupancy_descriptor, size))
        try:
            self._start_processes()
        except BaseException:
            self.stop()
            raise
        return port

    def poll(self) -> list[DeadProcess]:
        """Start processes again that died; return those that did since the last call."""
        dead = []
        for slot, child in list(self._children.items()):
            if child is None:
                if time.monotonic() >= self._rested_at[slot]:
                    self._children[slot] = self._spawn(slot)
            elif child.process.poll() is not None:
                dead.append(self._bury(slot, child))
        return dead

    def stop(self) -> None:
        """Stop accepting, let messages in flight end, then end all processes."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        children = [child.process for child in self._children.values() if child]
        self._children = {}
        for process in children:
            process.terminate()
        deadline = time.monotonic() + self._grace_s + _STOP_MARGIN_S
        for process in children:
            _reap(process, deadline)
        if self._occupancy_descriptor >= 0:
            os.close(self._occupancy_descriptor)
            self._occupancy_descriptor, self._occupancy = -1, None

    def _start_processes(self) -> None:
        for slot in range(self._slots):
            self._children[slot] = self._spawn(slot)
        deadline = time.monotonic() + _START_DEADLINE_S
        for child in self._children.values():
            if child is not None and not _is_ready(child.process, deadline):
                raise ReceiverFailed("a receiver process did not start: see the log above")

    def _bury(self, slot: int, child: _Child) -> DeadProcess:
        _reap(child.process, time.monotonic())
        if self._occupancy is not None:
            self._occupancy.clear(slot)
        dead = DeadProcess(child.process.pid, child.process.returncode, child.association_prefix)
        _LOG.error("receiver-process-died", pid=dead.pid, exit_code=dead.exit_code)
        young = time.monotonic() - child.started_at < _YOUNG_S
        # One that cannot live is not started in a tight loop.
        self._rested_at[slot] = time.monotonic() + _YOUNG_S
        self._children[slot] = None if young else self._spawn(slot)
        return dead

    def _spawn(self, slot: int) -> _Child:
        if self._listener is None:
            raise ReceiverFailed("the receiver is stopped")
        descriptors = (self._listener.fileno(), self._occupancy_descriptor)
        order = Order(
            configuration=self._configuration.model_dump_json(),
            journal=str(self._journal),
            spool=str(self._spool),
            listener_descriptor=descriptors[0],
            occupancy_descriptor=descriptors[1],
            slot=slot,
            slots=self._slots,
            association_prefix=f"{uuid.uuid4().hex[:12]}-",
            grace_s=self._grace_s,
        )
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=descriptors,
            bufsize=0,
        )
        assert process.stdin is not None  # noqa: S101 - asked for above
        with suppress(BrokenPipeError):  # it died already: the exit code tells
            process.stdin.write(order.encode())
        return _Child(process, order.association_prefix, time.monotonic())


def _listen(configuration: Configuration) -> socket.socket:
    local = configuration.ae_titles.local
    try:
        is_v6 = ipaddress.ip_address(local.bind).version == 6
    except ValueError:
        is_v6 = False
    deadline = time.monotonic() + _PORT_DEADLINE_S
    while True:
        try:
            listener = socket.create_server(
                (local.bind, local.port),
                family=socket.AF_INET6 if is_v6 else socket.AF_INET,
                backlog=configuration.settings.receive.backlog,
                dualstack_ipv6=is_v6 and local.bind == "::",
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise ConfigurationError(
                    f"ae_titles.toml: local: cannot listen on {local.bind} port {local.port}:"
                    f" {error.strerror or error}"
                ) from error
            time.sleep(_PORT_RETRY_S)
        else:
            listener.setblocking(False)
            return listener


def _is_ready(process: subprocess.Popen[bytes], deadline: float) -> bool:
    assert process.stdout is not None  # noqa: S101 - asked for in _spawn
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN)
    if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
        return False
    return process.stdout.readline() == READY


def _reap(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
