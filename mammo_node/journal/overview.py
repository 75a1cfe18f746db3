"""What people ask: where is my study, what waits, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping

from mammo_node.journal.kept import KeptStudy, kept_study
from mammo_node.journal.records import DeliveryOverview, EventRecord, StudyOverview
from mammo_node.journal.states import STATES, DeliveryState, JobState, Machine, StudyState
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import from_text, optional_time
from mammo_node.vocabulary import Outcome, OutputKind


class Overview:
    """The part of the journal that only reads."""

    _store: Store

    def overview(
        self, *, study_instance_uid: str | None = None, limit: int = 1000
    ) -> tuple[StudyOverview, ...]:
        """Return the latest studies, newest first, or the one with that UID."""
        with self._store.reading() as transaction:
            rows = transaction.rows(
                "overview_studies", study_instance_uid=study_instance_uid, limit=limit
            )
            return tuple(_study(transaction, row) for row in rows)

    def kept(self, study_instance_uid: str) -> KeptStudy | None:
        """Return what of a study lies in the spool; None if it never came."""
        with self._store.reading() as transaction:
            return kept_study(transaction, self._store, study_instance_uid)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many there are: machine -> state -> number, zeros included."""
        numbers: dict[str, dict[str, int]] = {
            machine.value: {state.value: 0 for state in STATES[machine]} for machine in Machine
        }
        with self._store.reading() as transaction:
            for row in transaction.rows("count_states"):
                numbers[row["entity"]][row["state"]] = row["number"]
        return numbers

    def events(self, machine: Machine, entity_id: int) -> tuple[EventRecord, ...]:
        """Return the history of one thing, oldest first."""
        with self._store.reading() as transaction:
            rows = transaction.rows("events_of", entity=machine.value, entity_id=entity_id)
            return tuple(_event(row) for row in rows)


def _study(transaction: Transaction, row: Row) -> StudyOverview:
    views = transaction.rows("views_of_study", study_id=row["id"])
    deliveries = transaction.rows("overview_deliveries", study_id=row["id"])
    return StudyOverview(
        study_id=row["id"],
        study_instance_uid=row["study_instance_uid"],
        state=StudyState(row["state"]),
        generation=row["generation"],
        calling_ae_title=row["calling_ae_title"],
        views=tuple(
            f"{v['laterality']}-{v['view']}" for v in views if v["laterality"] and v["view"]
        ),
        instances=row["instances"],
        quarantined=row["quarantined"],
        missing=row["missing"],
        job_state=JobState(row["job_state"]) if row["job_state"] else None,
        job_reason=row["job_reason"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        outcome_reason=row["outcome_reason"],
        first_instance_at=from_text(row["first_instance_at"]),
        last_instance_at=from_text(row["last_instance_at"]),
        ready_at=optional_time(row["ready_at"]),
        outcome_at=optional_time(row["outcome_at"]),
        answered_at=optional_time(row["answered_at"]),
        deliveries=tuple(_delivery(delivery) for delivery in deliveries),
    )


def _delivery(row: Row) -> DeliveryOverview:
    return DeliveryOverview(
        destination=row["destination"],
        kind=OutputKind(row["kind"]),
        generation=row["generation"],
        sop_instance_uid=row["sop_instance_uid"],
        state=DeliveryState(row["state"]),
        attempts=row["attempt"],
        last_status=row["last_status"],
        reason=row["reason"],
        due_at=from_text(row["due_at"]),
        delivered_at=optional_time(row["delivered_at"]),
        committed_at=optional_time(row["committed_at"]),
    )


def _event(row: Row) -> EventRecord:
    return EventRecord(
        at=from_text(row["at"]),
        entity=row["entity"],
        entity_id=row["entity_id"],
        event=row["event"],
        from_state=row["from_state"],
        to_state=row["to_state"],
        reason=row["reason"],
    )
