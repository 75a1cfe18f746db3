"""The analysis process from the inside; :mod:`mammo_node.analyse.child` starts it.

It prepares once, then answers one request at a time until its parent closes the pipe. It
dies with its parent, also in the middle of a native call, and leaves SIGINT and SIGTERM to
the parent: a service that drains lets the running job end.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from mammo_node.analyse.exchange import Answer, Failed, Order, Prepared, Ready
from mammo_node.errors import MammoNodeError

#: Objects made and not freed before Python looks for cycles among them (gc.set_threshold). By
#: default, 700, it does so many times in each report, whose thousands of items are none.
COLLECT_AFTER: Final = 20_000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PACKAGE = Path(__file__).parents[1]


def main(descriptor: int, parent: int) -> None:
    """Serve the pipe at this descriptor for the process with this id."""
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    os.set_inheritable(descriptor, False)
    gc.set_threshold(COLLECT_AFTER)
    with Connection(descriptor) as pipe:
        try:
            _serve(pipe)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the parent closed the pipe: that is how it says goodbye


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was told
        sys.exit(1)


def _serve(pipe: Connection) -> None:
    prepared = _prepare(pipe)
    while prepared is not None:
        request = pipe.recv()
        try:
            pipe.send(Answer(prepared.analyse(request)))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of the process: a job may fail
            pipe.send(failure_of(error))


def _prepare(pipe: Connection) -> Prepared[object, object] | None:
    try:
        order: Order = pipe.recv()
        prepared = order.target(order.settings)
        pipe.send(Ready(prepared.report))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - the boundary of the process: the parent reports it
        pipe.send(failure_of(error))
        return None
    return prepared


def failure_of(error: Exception) -> Failed:
    """Translate an exception for the parent.

    Our own errors speak for themselves. The text of others may quote what they choked on, a
    header value perhaps, so only their type and place leave the process.
    """
    kind = type(error).__name__
    if isinstance(error, MammoNodeError):
        return Failed(kind, str(error), error.retryable)
    if isinstance(error, OSError):
        return Failed(kind, f"{kind}: {error.strerror} {_place(error)}", retryable=True)
    return Failed(kind, f"{kind} {_place(error)}", isinstance(error, MemoryError))


def _place(error: Exception) -> str:
    """Return where it was raised and, when that is a library, which line of ours called it."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is the loop in this module
    if not frames:
        return ""
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    places = dict.fromkeys(_line(frame) for frame in (frames[-1], *ours[-1:]))
    return f"in {', called from '.join(places)}"


def _line(frame: traceback.FrameSummary) -> str:
    return f"{Path(frame.filename).name} line {frame.lineno}"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
