"""One analysis process as its parent sees it: a pipe, a watchdog, and how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from mammo_node.analyse.exchange import Died, Hung

_GRACE_S = 5.0


class Child:
    """One operating system process and the pipe to it."""

    def __init__(self) -> None:
        #: Whether a deadline passed, so that it was killed.
        self.expired = False
        #: Whether the parent wanted no more of it, so that it was killed.
        self.cancelled = False
        self._pipe, theirs = Pipe()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            self._process = subprocess.Popen(
                _command(theirs),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__.fileno() if sys.__stderr__ else None,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_search_path())},
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(
        self,
        message: object,
        deadline_s: float,
        heartbeat: Callable[[], None] | None = None,
        heartbeat_s: float = 5.0,
    ) -> object:
        """Send and wait; a watchdog kills the child at the deadline, whatever it is at."""
        watchdog = threading.Timer(deadline_s, self._expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._pipe.send(message)
            while not self._pipe.poll(heartbeat_s):
                if heartbeat is not None:
                    heartbeat()
            return self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return Hung(deadline_s) if self.expired else self._death()
        finally:
            watchdog.cancel()

    def _expire(self) -> None:
        self.expired = True
        self.kill()

    def _death(self) -> Died:
        """Return how it ended; it has closed the pipe, so its end is near."""
        try:
            code = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        return Died(None, _signal_name(-code)) if code < 0 else Died(code, None)

    def rss_bytes(self) -> int:
        """Resident set size (proc(5), statm); 0 when the process is gone."""
        with suppress(OSError, IndexError):
            resident = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
            return int(resident) * os.sysconf("SC_PAGE_SIZE")
        return 0

    def close(self) -> None:
        """Say goodbye by closing the pipe; kill it when it does not go."""
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
            return
        self.kill()
        self._process.wait()

    def cancel(self) -> None:
        """End it at once because its work is no longer wanted; from any thread."""
        self.cancelled = True
        self.kill()

    def kill(self) -> None:
        """End it at once; from any thread."""
        self._process.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return str(number)


def _command(pipe: Connection) -> list[str]:
    module = "mammo_node.analyse.child_main"
    return [sys.executable, "-P", "-m", module, str(pipe.fileno()), str(os.getpid())]


def _search_path() -> list[str]:
    """Where we import from, the child must too."""
    return [str(Path(entry).absolute()) for entry in sys.path]
