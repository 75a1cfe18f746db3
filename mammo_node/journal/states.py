"""What may happen to an instance, a study, a job and a delivery: one table decides.

Rules:

* :data:`TRANSITIONS` alone says which step is legal. The store changes no state but
  through :func:`next_state`, and the diagrams in the documentation are drawn from it.
* A transition out of ``None`` is a birth.
* Every accepted study ends ``answered``, or ``undelivered`` until a person helps; a job
  that was quarantined, given up or overdue is not at its end before it has been answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from mammo_node.errors import IllegalTransition


class Machine(StrEnum):
    """The four things that have a state."""

    INSTANCE = "instance"
    STUDY = "study"
    JOB = "job"
    DELIVERY = "delivery"


class InstanceState(StrEnum):
    """A received SOP instance."""

    ACCEPTED = "accepted"
    """Lies in the spool and counts for its study."""
    QUARANTINED = "quarantined"
    """Same SOP Instance UID as an earlier one, other bytes: kept for a person, not analysed."""
    MISSING = "missing"
    """Its file disappeared from the spool, not by our doing."""
    SWEPT = "swept"
    """Retention deleted its file."""


class StudyState(StrEnum):
    """A study, at its current generation."""

    RECEIVING = "receiving"
    READY = "ready"
    """A job is queued or running for it."""
    DELIVERING = "delivering"
    """Its results are made and on their way."""
    UNDELIVERED = "undelivered"
    """What could be delivered is; the rest is parked until a person retries."""
    ANSWERED = "answered"


class JobState(StrEnum):
    """The analysis of one study at one generation."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    QUARANTINED = "quarantined"
    """Took its worker down too often; still to be answered with a 'failed' result."""
    GIVEN_UP = "given-up"
    """Failed for good; still to be answered with a 'failed' result."""
    FAILED = "failed"
    """Answered with a 'failed' result."""
    OVERDUE = "overdue"
    """Not begun in time; still to be answered with a 'not attempted' result."""
    NOT_ATTEMPTED = "not-attempted"
    """Answered with a 'not attempted' result; the study is analysed when the models can."""
    SUPERSEDED = "superseded"
    """A late view came while it was queued; the next generation's job does its work."""


class DeliveryState(StrEnum):
    """One result object on its way to one destination."""

    PENDING = "pending"
    SENDING = "sending"
    STORED = "stored"
    """The peer has it and is asked to commit to it (PS3.4 Annex J)."""
    DELIVERED = "delivered"
    """The peer has it, and has committed to it where it was asked to."""
    PARKED = "parked"
    """Waits for ``mammo-node retry``."""
    HELD_BACK = "held-back"
    """Not valid: its file is kept for a person, and never sent."""


class Event(StrEnum):
    """What makes a state change. Stable words: they stand in the events table."""

    ACCEPT = "accept"
    CONFLICT = "conflict"
    LOSE_FILE = "lose-file"
    SWEEP = "sweep"
    RESTORE = "restore"

    FIRST_VIEW = "first-view"
    READY = "ready"
    RESULTS = "results"
    ALL_DELIVERED = "all-delivered"
    SOME_PARKED = "some-parked"
    LATE_VIEW = "late-view"
    ANALYSE_AGAIN = "analyse-again"

    ENQUEUE = "enqueue"
    CLAIM = "claim"
    COMPLETE = "complete"
    FAIL = "fail"
    RELEASE = "release"
    LOSE_WORKER = "lose-worker"
    QUARANTINE = "quarantine"
    GIVE_UP = "give-up"
    ANSWER = "answer"
    SUPERSEDE = "supersede"
    EXPIRE = "expire"

    DELIVER = "deliver"
    STORE = "store"
    COMMIT = "commit"
    POSTPONE = "postpone"
    PARK = "park"
    RETRY = "retry"
    HOLD_BACK = "hold-back"


State = InstanceState | StudyState | JobState | DeliveryState
Table = Mapping[tuple[State | None, Event], State]

_INSTANCE: Table = {
    (None, Event.ACCEPT): InstanceState.ACCEPTED,
    (None, Event.CONFLICT): InstanceState.QUARANTINED,
    (InstanceState.ACCEPTED, Event.SWEEP): InstanceState.SWEPT,
    (InstanceState.QUARANTINED, Event.SWEEP): InstanceState.SWEPT,
    (InstanceState.ACCEPTED, Event.LOSE_FILE): InstanceState.MISSING,
    (InstanceState.QUARANTINED, Event.LOSE_FILE): InstanceState.MISSING,
    (InstanceState.MISSING, Event.RESTORE): InstanceState.ACCEPTED,
    (InstanceState.SWEPT, Event.RESTORE): InstanceState.ACCEPTED,
}

_STUDY: Table = {
    (None, Event.FIRST_VIEW): StudyState.RECEIVING,
    (StudyState.RECEIVING, Event.READY): StudyState.READY,
    (StudyState.READY, Event.RESULTS): StudyState.DELIVERING,
    (StudyState.DELIVERING, Event.ALL_DELIVERED): StudyState.ANSWERED,
    (StudyState.DELIVERING, Event.SOME_PARKED): StudyState.UNDELIVERED,
    (StudyState.UNDELIVERED, Event.RETRY): StudyState.DELIVERING,
    (StudyState.READY, Event.LATE_VIEW): StudyState.RECEIVING,
    (StudyState.DELIVERING, Event.LATE_VIEW): StudyState.RECEIVING,
    (StudyState.UNDELIVERED, Event.LATE_VIEW): StudyState.RECEIVING,
    (StudyState.ANSWERED, Event.LATE_VIEW): StudyState.RECEIVING,
    (StudyState.DELIVERING, Event.ANALYSE_AGAIN): StudyState.READY,
    (StudyState.UNDELIVERED, Event.ANALYSE_AGAIN): StudyState.READY,
    (StudyState.ANSWERED, Event.ANALYSE_AGAIN): StudyState.READY,
}

_JOB: Table = {
    (None, Event.ENQUEUE): JobState.QUEUED,
    (JobState.QUEUED, Event.CLAIM): JobState.RUNNING,
    (JobState.QUEUED, Event.SUPERSEDE): JobState.SUPERSEDED,
    (JobState.QUEUED, Event.EXPIRE): JobState.OVERDUE,
    (JobState.RUNNING, Event.COMPLETE): JobState.COMPLETED,
    (JobState.RUNNING, Event.FAIL): JobState.QUEUED,
    (JobState.RUNNING, Event.RELEASE): JobState.QUEUED,
    (JobState.RUNNING, Event.LOSE_WORKER): JobState.QUEUED,
    (JobState.RUNNING, Event.QUARANTINE): JobState.QUARANTINED,
    (JobState.RUNNING, Event.GIVE_UP): JobState.GIVEN_UP,
    (JobState.QUARANTINED, Event.ANSWER): JobState.FAILED,
    (JobState.GIVEN_UP, Event.ANSWER): JobState.FAILED,
    (JobState.OVERDUE, Event.ANSWER): JobState.NOT_ATTEMPTED,
}

_DELIVERY: Table = {
    (None, Event.ENQUEUE): DeliveryState.PENDING,
    (DeliveryState.PENDING, Event.CLAIM): DeliveryState.SENDING,
    (DeliveryState.PENDING, Event.PARK): DeliveryState.PARKED,
    (DeliveryState.PENDING, Event.HOLD_BACK): DeliveryState.HELD_BACK,
    (DeliveryState.SENDING, Event.DELIVER): DeliveryState.DELIVERED,
    (DeliveryState.SENDING, Event.STORE): DeliveryState.STORED,
    (DeliveryState.SENDING, Event.POSTPONE): DeliveryState.PENDING,
    (DeliveryState.SENDING, Event.RELEASE): DeliveryState.PENDING,
    (DeliveryState.SENDING, Event.LOSE_WORKER): DeliveryState.PENDING,
    (DeliveryState.SENDING, Event.PARK): DeliveryState.PARKED,
    (DeliveryState.STORED, Event.COMMIT): DeliveryState.DELIVERED,
    # Commitment is no longer asked for.
    (DeliveryState.STORED, Event.DELIVER): DeliveryState.DELIVERED,
    # The peer has lost it: it is sent again.
    (DeliveryState.STORED, Event.POSTPONE): DeliveryState.PENDING,
    (DeliveryState.STORED, Event.PARK): DeliveryState.PARKED,
    (DeliveryState.PARKED, Event.RETRY): DeliveryState.PENDING,
}

#: The one table: for each machine, (state, event) -> next state.
TRANSITIONS: Mapping[Machine, Table] = MappingProxyType(
    {
        Machine.INSTANCE: MappingProxyType(_INSTANCE),
        Machine.STUDY: MappingProxyType(_STUDY),
        Machine.JOB: MappingProxyType(_JOB),
        Machine.DELIVERY: MappingProxyType(_DELIVERY),
    }
)

#: The states of each machine, in the order in which they are usually reached.
STATES: Mapping[Machine, tuple[State, ...]] = MappingProxyType(
    {
        Machine.INSTANCE: tuple(InstanceState),
        Machine.STUDY: tuple(StudyState),
        Machine.JOB: tuple(JobState),
        Machine.DELIVERY: tuple(DeliveryState),
    }
)


def next_state(machine: Machine, state: State | str | None, event: Event) -> State:
    """Return the state that follows; ``state`` None is a birth.

    Raises
    ------
    IllegalTransition
        If the table does not know the step.
    """
    try:
        # A StrEnum equals its word, so a state read from the journal finds its row.
        return TRANSITIONS[machine][(state, event)]  # type: ignore[index]
    except KeyError:
        raise IllegalTransition(
            f"a {machine} that is {state or 'not there'} cannot {event}"
        ) from None


def render_mermaid() -> str:
    """Return the table as Markdown: one Mermaid state diagram for each machine."""
    return "\n".join(_diagram(machine) for machine in Machine)


def _diagram(machine: Machine) -> str:
    lines = [f"### {machine.capitalize()}", "", "```mermaid", "stateDiagram-v2"]
    for (state, event), following in TRANSITIONS[machine].items():
        origin = "[*]" if state is None else _node(state)
        lines.append(f"    {origin} --> {_node(following)}: {event}")
    lines += [f"    {_node(state)} --> [*]" for state in _final_states(machine)]
    return "\n".join([*lines, "```", ""])


def _final_states(machine: Machine) -> list[State]:
    left = {state for state, _ in TRANSITIONS[machine]}
    return [state for state in STATES[machine] if state not in left]


def _node(state: State) -> str:
    return state.value.replace("-", "_")  # Mermaid takes no hyphen in an identifier
