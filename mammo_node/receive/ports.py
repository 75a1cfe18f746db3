"""What receiving asks of the journal and the spool; ``mammo_node.journal`` implements both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mammo_node.journal.commitments import Decide
from mammo_node.journal.records import CommitOutcome
from mammo_node.vocabulary import CommitmentReport, ReceivedInstance


class InstanceJournal(Protocol):
    """Where an instance becomes known. Called from several threads."""

    def commit(self, instance: ReceivedInstance) -> CommitOutcome:
        """Record a durable file durably. Raises JournalError or OutOfResources."""

    def association_released(
        self,
        association_id: str,
        calling_ae_title: str,
        study_instance_uids: Sequence[str],
        at: datetime,
        aborted: bool,
    ) -> None:
        """Record that a sender is done, for the study clock. Raises as :meth:`commit`."""


class CommitmentJournal(Protocol):
    """Where reports of storage commitment go. Called from several threads."""

    def commitment_reported(
        self,
        report: CommitmentReport,
        destinations: Collection[str],
        now: datetime,
        decide: Decide,
    ) -> bool:
        """Record a report; False if it is about no request of ours. Raises JournalError."""


class Incoming(Protocol):
    """A file being written, gone unless it is committed. All raise OutOfResources."""

    @property
    def path(self) -> Path:
        """Where it lies until it is committed."""

    def write(self, content: bytes | memoryview) -> None:
        """Append."""

    def commit(self, name: str | None = None) -> Path:
        """Make it durable under its final name."""

    def discard(self) -> None:
        """Forget it; harmless after commit."""


class IncomingSpool(Protocol):
    """Where files come from."""

    def open_incoming(self) -> Incoming:
        """Open a new file. Raises OutOfResources."""

    def free_bytes(self) -> int:
        """Return the space left. Raises OutOfResources."""
