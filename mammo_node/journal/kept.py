"""What of a study lies in the spool: its images, and the report of its latest analysis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo_node.journal.records import JobInstance
from mammo_node.journal.rows import instance_of
from mammo_node.journal.store import Store, Transaction
from mammo_node.vocabulary import OutputKind


@dataclass(frozen=True, slots=True)
class KeptStudy:
    """Files may be gone by now, swept by retention: who opens them looks first."""

    instances: tuple[JobInstance, ...]
    report: Path | None
    """The measurement report (SR) of the latest analysis that was completed, if one was made."""
    report_uid: str | None


def kept_study(transaction: Transaction, store: Store, study_instance_uid: str) -> KeptStudy | None:
    """Return what is kept of a study; None if the journal does not know it."""
    study = transaction.row("study_by_uid", study_instance_uid=study_instance_uid)
    if study is None:
        return None
    rows = transaction.rows(
        "instances_of_generation", study_id=study["id"], generation=study["generation"]
    )
    report = transaction.row("latest_result", study_id=study["id"], kind=OutputKind.SR.value)
    return KeptStudy(
        instances=tuple(instance_of(row, store) for row in rows),
        report=store.from_stored(report["path"]) if report else None,
        report_uid=report["sop_instance_uid"] if report else None,
    )
