"""What the journal hands out and takes in: frozen records, times in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from mammo_node.journal.completion import ReadyReason
from mammo_node.journal.states import DeliveryState, InstanceState, JobState, StudyState
from mammo_node.vocabulary import HeaderSummary, InstanceRef, ModelRef, Outcome, OutputKind


class CommitOutcome(StrEnum):
    """What the journal made of a received instance."""

    NEW = "new"
    """Taken: answer 0000. The file belongs to the journal now."""
    DUPLICATE = "duplicate"
    """Identical to one that is there: answer 0000 and delete the new file."""
    CONFLICT = "conflict"
    """Same SOP Instance UID, other bytes: kept in quarantine, answer 0111, tell the operator."""
    CONFLICT_AGAIN = "conflict-again"
    """That very conflict is in quarantine already: answer 0111 and delete the new file."""

    @property
    def keeps_file(self) -> bool:
        """Whether the journal refers to the new file; otherwise the receiver deletes it."""
        return self in (CommitOutcome.NEW, CommitOutcome.CONFLICT)

    @property
    def accepted(self) -> bool:
        """Whether the sender gets 0000 rather than 0111 (duplicate SOP instance)."""
        return self in (CommitOutcome.NEW, CommitOutcome.DUPLICATE)


@dataclass(frozen=True, slots=True)
class DueStudy:
    """A study that is ready to be analysed, and why."""

    study_id: int
    study_instance_uid: str
    generation: int
    calling_ae_title: str
    reason: ReadyReason


@dataclass(frozen=True, slots=True)
class JobInstance:
    """One instance of a job; ``available`` is False when its file is swept or missing."""

    instance_id: int
    ref: InstanceRef
    transfer_syntax_uid: str
    summary: HeaderSummary
    calling_ae_title: str
    path: Path
    size_bytes: int
    state: InstanceState

    @property
    def available(self) -> bool:
        """Whether the file can be read."""
        return self.state == InstanceState.ACCEPTED


@dataclass(frozen=True, slots=True)
class Job:
    """The analysis of one study at one generation, as claimed.

    ``owner`` and ``attempt`` together prove the claim: a worker that lost its lease cannot
    write a result over its successor's.
    """

    job_id: int
    study_id: int
    study_instance_uid: str
    generation: int
    calling_ae_title: str
    state: JobState
    owner: str
    attempt: int
    failures: int
    kills: int
    reason: str | None
    created_at: datetime
    instances: tuple[JobInstance, ...]


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """One result object that lies in the spool; ``destinations`` are names in the configuration."""

    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    content_hash: str
    path: Path
    size_bytes: int
    destinations: tuple[str, ...] = ()
    held_back: str | None = None
    """Why it must not leave, if so."""


@dataclass(frozen=True, slots=True)
class OpinionRecord:
    """What one model says of a study by itself; ``document`` is JSON."""

    model: ModelRef
    document: str


@dataclass(frozen=True, slots=True)
class RecordedOpinion:
    """What one model said of a study; ``document`` is JSON, or None, and ``reason`` says why."""

    study_instance_uid: str
    generation: int
    model: ModelRef
    shadow: bool
    document: str | None
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PriorResult:
    """A result of an earlier generation, for the Predecessor Documents Sequence."""

    generation: int
    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    analysed: bool = True
    """Whether it tells of an analysis, rather than why there was none."""


@dataclass(frozen=True, slots=True)
class OverdueStudy:
    """A study whose analysis was not begun in time, and why."""

    study_instance_uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One result object to be sent to one destination, as claimed."""

    delivery_id: int
    study_id: int
    study_instance_uid: str
    destination: str
    owner: str
    attempt: int
    failures: int
    first_failed_at: datetime | None
    kind: OutputKind
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    path: Path


@dataclass(frozen=True, slots=True)
class CommitmentItem:
    """One object that a peer is asked to commit to."""

    delivery_id: int
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """A request for storage commitment (PS3.4 J.3.2), as noted before it is sent."""

    transaction_uid: str
    items: tuple[CommitmentItem, ...]
    asked: int
    """How often the most asked one of them was asked for, this time included."""
    stored_at: datetime
    """Since when the first of them waits."""


@dataclass(frozen=True, slots=True)
class DeliveryOverview:
    """One delivery, for people."""

    destination: str
    kind: OutputKind
    generation: int
    sop_instance_uid: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    reason: str | None
    due_at: datetime
    delivered_at: datetime | None
    committed_at: datetime | None
    """When the peer committed to it, where it was asked to."""


@dataclass(frozen=True, slots=True)
class StudyOverview:
    """One study, for people: no patient data, only our id and its UID."""

    study_id: int
    study_instance_uid: str
    state: StudyState
    generation: int
    calling_ae_title: str
    views: tuple[str, ...]
    """Such as ``R-CC``, one for each accepted instance that names both, in order of arrival."""
    instances: int
    quarantined: int
    missing: int
    job_state: JobState | None
    job_reason: str | None
    outcome: Outcome | None
    outcome_reason: str | None
    first_instance_at: datetime
    last_instance_at: datetime
    ready_at: datetime | None
    outcome_at: datetime | None
    answered_at: datetime | None
    deliveries: tuple[DeliveryOverview, ...]


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One change of state."""

    at: datetime
    entity: str
    entity_id: int
    event: str
    from_state: str | None
    to_state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class ExpiredStudy:
    """A study whose files retention lets go."""

    study_id: int
    study_instance_uid: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What was found and done at start. Everything is zero or empty after a clean stop."""

    incoming_swept: int = 0
    """Half-received files deleted: their senders never got a 0000."""
    results_swept: int = 0
    """Result files of jobs that did not finish, deleted: the job makes them again."""
    leftovers_removed: int = 0
    """Files that retention had let go but not yet deleted."""
    orphans: tuple[Path, ...] = ()
    """Whole files that no row knows, moved to ``orphans/``: never acknowledged to a sender."""
    missing_instances: tuple[Path, ...] = ()
    """Rows whose file is gone."""
    missing_results: tuple[Path, ...] = ()
    """Undelivered results whose file is gone: their deliveries are parked."""
    requeued_jobs: int = 0
    requeued_deliveries: int = 0
    associations_closed: int = 0
