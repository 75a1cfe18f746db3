"""What the analysis process and its parent say to each other, and what a job came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Prepared(Generic[Request, Response]):
    """What a target returns in the child: the callable for each job, and a report.

    ``report`` goes to the parent once, before the first job: models, provider, versions.
    """

    analyse: Callable[[Request], Response]
    report: object


@dataclass(frozen=True, slots=True)
class Order:
    """First message to the child: what to prepare, and with what."""

    target: Callable[[object], Prepared[object, object]]
    settings: object


@dataclass(frozen=True, slots=True)
class Ready:
    """The child is ready for jobs."""

    report: object


@dataclass(frozen=True, slots=True)
class Answer(Generic[Response]):
    """A job was done."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failed:
    """A job, or the start, raised an exception; the process lives on.

    ``message`` is free of image data: an unexpected exception gives its type and place only.
    """

    kind: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Hung:
    """The deadline passed and the process was killed."""

    deadline_s: float

    def __str__(self) -> str:
        """Say it for logs and results."""
        return f"no answer within {self.deadline_s:g} s; the analysis process was killed"


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended in the middle of a job: by exit, by a signal, or for lack of memory."""

    exit_code: int | None
    signal: str | None

    def __str__(self) -> str:
        """Say it for logs and results."""
        how = f"by signal {self.signal}" if self.signal else f"with exit code {self.exit_code}"
        return f"the analysis process ended {how}"
