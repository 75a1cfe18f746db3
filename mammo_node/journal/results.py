"""Result objects and the deliveries that they begin."""

from __future__ import annotations

from datetime import datetime

from mammo_node.journal.records import Job, ResultRecord
from mammo_node.journal.states import Event, Machine
from mammo_node.journal.store import Store, Transaction
from mammo_node.journal.times import to_text


def store_result(
    store: Store, transaction: Transaction, job: Job, result: ResultRecord, now: datetime
) -> None:
    """Note a result object and where it shall go; what is there already, by its UID, stays."""
    known = transaction.row("result_with_uid", sop_instance_uid=result.sop_instance_uid)
    result_id = known["id"] if known else _insert_result(store, transaction, job, result, now)
    for destination in dict.fromkeys(result.destinations):
        if transaction.row("has_delivery", result_id=result_id, destination=destination):
            continue
        delivery_id = transaction.bear(
            Machine.DELIVERY,
            "insert_delivery",
            Event.ENQUEUE,
            now,
            result_id=result_id,
            study_id=job.study_id,
            destination=destination,
        )
        if result.held_back is not None:
            _hold_back(transaction, delivery_id, result.held_back, now)


def _hold_back(transaction: Transaction, delivery_id: int, reason: str, now: datetime) -> None:
    transaction.move(Machine.DELIVERY, delivery_id, Event.HOLD_BACK, now, reason=reason)
    transaction.change("park_delivery_reason", id=delivery_id, reason=reason)


def _insert_result(
    store: Store, transaction: Transaction, job: Job, result: ResultRecord, now: datetime
) -> int:
    return transaction.insert(
        "insert_result",
        study_id=job.study_id,
        job_id=job.job_id,
        generation=job.generation,
        kind=result.kind.value,
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        series_instance_uid=result.series_instance_uid,
        transfer_syntax_uid=result.transfer_syntax_uid,
        content_hash=result.content_hash,
        path=store.to_stored(result.path),
        size_bytes=result.size_bytes,
        at=to_text(now),
    )
