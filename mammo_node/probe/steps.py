"""What a probe finds out: steps with a verdict, and what to do about those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """How a step went."""

    OK = "ok"
    FAILED = "failed"
    """Something that the configuration asks for does not work."""
    NOT_SUPPORTED = "not supported"
    """The peer does not offer it, and nothing that is configured needs it."""
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``advice`` says what to do where it did not go well."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a probe of one destination found."""

    destination: str
    address: str
    calling_ae_title: str
    outputs: tuple[str, ...]
    software_version: str
    at: datetime
    steps: tuple[Step, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that is needed works."""
        return not any(step.verdict is Verdict.FAILED for step in self.steps)
