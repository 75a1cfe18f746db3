"""A receiver process: ``python -m mammo_node.receive.process``, started by the supervisor.

It gets the listening socket and the shared counters as inherited descriptors, and what else
it must know as one line of JSON on standard input, which then stays open as a lifeline: when
the supervisor dies, it reads the end of file and this process is gone at once. What was not
answered by then was not promised; the journal's recovery sweeps it.

It says ``ready`` on standard output. SIGTERM lets messages in flight end.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
import resource
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from mammo_node import log
from mammo_node.config import Configuration
from mammo_node.dimse.occupancy import Occupancy
from mammo_node.dimse.server import Server, ServerLimits
from mammo_node.journal.journal import Journal
from mammo_node.journal.spool import Spool
from mammo_node.receive.acceptance import AcceptancePolicy
from mammo_node.receive.commitment import CommitmentDesk
from mammo_node.receive.service import ReceiveService

#: What the supervisor waits for on standard output.
READY = b"ready\n"

_LIFELINE = 0
_LOST_SUPERVISOR = 3
_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor tells a receiver process."""

    configuration: str
    """Configuration as JSON."""
    journal: str
    spool: str
    listener_descriptor: int
    occupancy_descriptor: int
    slot: int
    slots: int
    association_prefix: str
    """Begins the id of every association of this process, so that they can be told apart."""
    grace_s: float

    def encode(self) -> bytes:
        """Return the order as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Return the order of a line that :meth:`encode` made."""
        return cls(**json.loads(line))


def main() -> int:
    """Receive until SIGTERM; return the exit code."""
    order = Order.decode(_read_line(_LIFELINE))
    configuration = Configuration.model_validate_json(order.configuration)
    log.configure(configuration.settings.log.level, configuration.settings.log.format)
    _allow_many_descriptors()
    server = _build(order, configuration)
    # Ctrl-C on a terminal reaches the whole process group; the supervisor decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.watch(_LIFELINE, _die_with_supervisor)
    os.write(sys.stdout.fileno(), READY)
    server.run(order.grace_s)
    return 0


def _build(order: Order, configuration: Configuration) -> Server:
    settings = configuration.settings.receive
    listener = socket.socket(fileno=order.listener_descriptor)
    memory = mmap.mmap(order.occupancy_descriptor, Occupancy.size(order.slots))
    journal = Journal(Path(order.journal))
    service = ReceiveService(
        policy=AcceptancePolicy.of(configuration.ae_titles),
        spool=Spool(Path(order.spool)),
        journal=journal,
        now=_utc_now,
        min_free_bytes=configuration.settings.storage.min_free_mb * _MEGABYTE,
        max_instance_bytes=settings.max_instance_mb * _MEGABYTE,
        commitments=CommitmentDesk(journal, configuration.settings.retry, _utc_now),
    )
    limits = ServerLimits(
        max_associations=settings.max_associations,
        maximum_length=settings.max_pdu_bytes,
        association_deadline_s=settings.association_deadline_s,
        pdu_deadline_s=settings.pdu_deadline_s,
        idle_deadline_s=settings.idle_deadline_s,
    )
    occupancy = Occupancy(memory, order.slot)
    numbers = itertools.count(1)
    return Server(
        listener,
        service,
        limits,
        occupancy,
        lambda: f"{order.association_prefix}{next(numbers)}",
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _read_line(descriptor: int) -> bytes:
    # Not through sys.stdin: its buffer would hide the end of file from the selector.
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 65536)
        if not piece:
            sys.exit(_LOST_SUPERVISOR)
        line += piece
    return bytes(line)


def _allow_many_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _die_with_supervisor() -> None:
    os._exit(_LOST_SUPERVISOR)


if __name__ == "__main__":
    sys.exit(main())
