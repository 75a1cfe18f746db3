"""Analysis in a process of its own, which may hang, crash or grow without harm to the node.

Rules:

* One request at a time; whoever gives it a deadline gets an answer by then.
* A process that passes its deadline is killed (SIGKILL); nothing in it can refuse.
* It is replaced after so many jobs, or when a job leaves it with too much memory.
* It dies with its parent. The kernel watches the *thread* that started it: start it from
  one that lives as long as the process is wanted.
* The parent imports nothing that the target needs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from mammo_node import errors
from mammo_node.analyse.child import Child
from mammo_node.analyse.exchange import Answer, Died, Failed, Hung, Order, Prepared, Ready

Settings = TypeVar("Settings")
Request = TypeVar("Request")
Response = TypeVar("Response")

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """When a process is given up or replaced."""

    start_deadline_s: float = 120.0
    recycle_jobs: int = 200
    recycle_mb: int = 6000


class AnalysisProcess(Generic[Settings, Request, Response]):
    """A child process that prepares once and then analyses, job by job.

    Parameters
    ----------
    target : callable
        A function at the top level of an importable module, called in the child with
        ``settings``; it loads the models and returns a :class:`Prepared`.
    settings : object
        Picklable.
    limits : Limits
        Start deadline and when to recycle.

    Notes
    -----
    ``run`` starts a process when there is none, so that a recycled or killed one comes back
    with the next job. ``stop`` and ``kill`` may be called from any thread: a job that they end
    did not fail, its ``run`` raises.
    """

    def __init__(
        self,
        target: Callable[[Settings], Prepared[Request, Response]],
        settings: Settings,
        limits: Limits | None = None,
    ) -> None:
        self._order = Order(target, settings)  # type: ignore[arg-type]  # the pipe is untyped
        self._limits = limits or Limits()
        self._child: Child | None = None
        self._report: object = None
        self._jobs = 0
        self._in_use = threading.RLock()
        self.starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Process id, or None when none runs."""
        return self._child.pid if self._child else None

    @property
    def report(self) -> object:
        """What the target reported at the last start."""
        return self._report

    def start(
        self, *, heartbeat: Callable[[], None] | None = None, heartbeat_s: float = 5.0
    ) -> object:
        """Start the process unless it runs, wait until it is ready, and return its report.

        Raises
        ------
        ModelError, ConfigurationError
            What the target raised, or because the child died, was stopped or was not ready
            within ``start_deadline_s``.
        """
        with self._in_use:
            if self._child is not None and not self._child.alive:
                self._retire(self._child)  # it died idle, of the memory killer perhaps
            if self._child is None:
                self._child, self._jobs = Child(), 0
                self.starts += 1
                order, deadline_s = self._order, self._limits.start_deadline_s
                outcome = self._ask(self._child, order, deadline_s, heartbeat, heartbeat_s)
                self._report = self._ready(outcome)
            return self._report

    def _ready(self, outcome: object) -> object:
        if isinstance(outcome, Ready):
            return outcome.report
        self.stop()
        if isinstance(outcome, Failed):
            raise _start_error(outcome)
        raise errors.ModelError(f"at start: {outcome}")

    def run(
        self,
        request: Request,
        deadline_s: float,
        *,
        heartbeat: Callable[[], None] | None = None,
        heartbeat_s: float = 5.0,
    ) -> Answer[Response] | Failed | Hung | Died:
        """Analyse one request.

        Parameters
        ----------
        request : object
            Picklable.
        deadline_s : float
            The process is killed when no answer came by then; starting does not count.
        heartbeat : callable, optional
            Called every ``heartbeat_s`` while waiting. If it raises, the job is no longer
            wanted: the process is killed and the exception passed on.

        Raises
        ------
        ModelError, ConfigurationError
            If a process had to be started and could not, or was stopped meanwhile: whatever
            became of the request, it is not to blame.
        """
        with self._in_use:
            self.start(heartbeat=heartbeat, heartbeat_s=heartbeat_s)
            child = self._child
            if child is None:
                raise errors.ModelError("the analysis process was stopped")
            outcome = self._ask(child, request, deadline_s, heartbeat, heartbeat_s)
            self._jobs += 1
            if isinstance(outcome, Hung | Died) or child.expired or self._worn(child):
                self._retire(child)
        return outcome  # type: ignore[return-value]  # a child that is ready says nothing else

    def _ask(
        self,
        child: Child,
        message: object,
        deadline_s: float,
        heartbeat: Callable[[], None] | None,
        heartbeat_s: float,
    ) -> object:
        try:
            outcome = child.ask(message, deadline_s, heartbeat, heartbeat_s)
        except BaseException:
            child.kill()
            self._retire(child)
            raise
        if child.cancelled and isinstance(outcome, Died):
            self._retire(child)
            raise errors.ModelError("the analysis process was stopped")
        return outcome

    def _worn(self, child: Child) -> bool:
        rss_mb = child.rss_bytes() / _MB
        return self._jobs >= self._limits.recycle_jobs or rss_mb > self._limits.recycle_mb

    def rss_bytes(self) -> int:
        """Resident memory of the process now; 0 when none runs."""
        return self._child.rss_bytes() if self._child else 0

    def stop(self) -> None:
        """End the process: politely when it is idle, at once when a job runs."""
        if not self._in_use.acquire(blocking=False):
            self.kill()
            return
        try:
            if self._child is not None:
                self._retire(self._child)
        finally:
            self._in_use.release()

    def kill(self) -> None:
        """End the process at once; the next ``run`` or ``start`` makes another."""
        child = self._child
        if child is not None:
            child.cancel()

    def _retire(self, child: Child) -> None:
        if self._child is child:
            self._child = None
        child.close()


def _start_error(failed: Failed) -> errors.MammoNodeError:
    """Return the error of our own tree that the target raised, or a general one."""
    kind = getattr(errors, failed.kind, errors.ModelError)
    own = isinstance(kind, type) and issubclass(kind, errors.ModelError | errors.ConfigurationError)
    return kind(failed.message) if own else errors.ModelError(failed.message)
