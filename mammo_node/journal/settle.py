"""A study whose results are made is answered when they are delivered everywhere."""

from __future__ import annotations

from datetime import datetime

from mammo_node.journal.states import Event, Machine, StudyState
from mammo_node.journal.store import Transaction
from mammo_node.journal.times import to_text


def settle_study(transaction: Transaction, study_id: int, now: datetime) -> None:
    """Move a study that is being delivered on, once nothing of it is on its way any more.

    Without any destination there is nothing to deliver: it is answered, results are kept.
    """
    study = transaction.row("study_by_id", study_id=study_id)
    left = transaction.row("deliveries_left", study_id=study_id)
    if study is None or left is None or study["state"] != StudyState.DELIVERING:
        return
    if left["outstanding"]:
        return
    if left["parked"]:
        transaction.move(Machine.STUDY, study_id, Event.SOME_PARKED, now)
        return
    transaction.move(Machine.STUDY, study_id, Event.ALL_DELIVERED, now)
    transaction.change("note_answered", study_id=study_id, at=to_text(now))
