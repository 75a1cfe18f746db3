"""Ports for peers under test, of a range that the kernel hands to nobody by itself."""

from __future__ import annotations

import itertools
import os
import socket

# Linux takes ports for ``bind(0)`` and for outgoing connections from 32768 on
# (``net.ipv4.ip_local_port_range``): a port found free up there may be somebody else's by the time
# the peer that it was found for has started.
_FIRST, _LAST = 10_000, 32_000
_WORKERS = 11
_PORTS_A_WORKER = (_LAST - _FIRST) // _WORKERS
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
# Two runs on one machine hardly begin at the same place.
_TURNS = itertools.count(os.getpid())


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses, and nobody else is given.

    Each worker of a run has its own ports and gives each of them once before it comes round.
    """
    for turn in itertools.islice(_TURNS, _PORTS_A_WORKER):
        port = _FIRST + _WORKER * _PORTS_A_WORKER + turn % _PORTS_A_WORKER
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise RuntimeError(f"no port of {_PORTS_A_WORKER} is free")
