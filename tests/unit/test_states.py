"""The transition table: complete, closed, drawn in the documentation, and in the schema."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from mammo_node.errors import IllegalTransition
from mammo_node.journal.states import (
    STATES,
    TRANSITIONS,
    DeliveryState,
    Event,
    InstanceState,
    JobState,
    Machine,
    StudyState,
    next_state,
    render_mermaid,
)

_FINAL = {
    Machine.INSTANCE: set(),
    Machine.STUDY: set(),
    Machine.JOB: {JobState.COMPLETED, JobState.FAILED, JobState.NOT_ATTEMPTED, JobState.SUPERSEDED},
    Machine.DELIVERY: {DeliveryState.DELIVERED, DeliveryState.HELD_BACK},
}


@pytest.mark.parametrize("machine", Machine)
def test_every_state_can_be_reached(machine: Machine) -> None:
    """No state is there for decoration."""
    reached = {following for (_, _), following in TRANSITIONS[machine].items()}
    assert reached == set(STATES[machine])


@pytest.mark.parametrize("machine", Machine)
def test_only_the_named_states_are_final(machine: Machine) -> None:
    """Nothing gets stuck: from every other state there is a way on."""
    left = {state for state, _ in TRANSITIONS[machine]}
    assert set(STATES[machine]) - left == _FINAL[machine]


@pytest.mark.parametrize("machine", Machine)
def test_what_the_table_does_not_know_is_illegal(machine: Machine) -> None:
    """Every pair of state and event is either in the table or an error that names it."""
    for state in (None, *STATES[machine]):
        for event in Event:
            if (state, event) in TRANSITIONS[machine]:
                following = next_state(machine, state and state.value, event)
                assert following == TRANSITIONS[machine][state, event]
            else:
                with pytest.raises(IllegalTransition, match=event.value):
                    next_state(machine, state, event)


def test_every_event_is_used() -> None:
    """No event is there for decoration."""
    used = {event for table in TRANSITIONS.values() for _, event in table}
    assert used == set(Event)


def test_an_answered_study_was_delivered() -> None:
    """There is one way to 'answered', and it is through 'delivering'."""
    ways = {
        state
        for (state, _), following in TRANSITIONS[Machine.STUDY].items()
        if following is StudyState.ANSWERED
    }
    assert ways == {StudyState.DELIVERING}


def test_a_quarantined_instance_is_never_accepted() -> None:
    """Bytes in conflict do not get into an analysis by any event."""
    assert all(
        following is not InstanceState.ACCEPTED
        for (state, _), following in TRANSITIONS[Machine.INSTANCE].items()
        if state is InstanceState.QUARANTINED
    )


@pytest.mark.parametrize(
    ("table", "machine"),
    [
        ("studies", Machine.STUDY),
        ("instances", Machine.INSTANCE),
        ("jobs", Machine.JOB),
        ("deliveries", Machine.DELIVERY),
    ],
)
def test_the_schema_knows_the_same_states(table: str, machine: Machine) -> None:
    """The CHECK constraint of each table lists exactly the states of its machine."""
    schema = resources.files("mammo_node.journal").joinpath("schema.sql").read_text()
    check = re.search(rf"CREATE TABLE {table} .*?CHECK \(state IN \((.*?)\)\)", schema, re.DOTALL)
    assert check is not None
    assert re.findall(r"'([a-z-]+)'", check[1]) == [state.value for state in STATES[machine]]


def test_the_diagrams_show_every_transition() -> None:
    """One line for each row of the table, one diagram for each machine."""
    text = render_mermaid()
    arrows = [line for line in text.splitlines() if " --> " in line and "--> [*]" not in line]
    assert len(arrows) == sum(len(table) for table in TRANSITIONS.values())
    assert text.count("stateDiagram-v2") == len(Machine)
    assert "    given_up --> failed: answer" in text
    assert "    [*] --> receiving: first-view" in text
    assert "    delivered --> [*]" in text
