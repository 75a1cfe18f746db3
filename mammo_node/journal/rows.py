"""Rows of the journal become records."""

from __future__ import annotations

from mammo_node.journal.records import Delivery, Job, JobInstance, PriorResult
from mammo_node.journal.states import InstanceState, JobState
from mammo_node.journal.store import Row, Store
from mammo_node.journal.times import from_text, optional_time
from mammo_node.vocabulary import HeaderSummary, InstanceRef, Laterality, OutputKind, View


def summary_of(row: Row) -> HeaderSummary:
    """Return what the study clock knows of an instance."""
    return HeaderSummary(
        laterality=Laterality(row["laterality"]) if row["laterality"] else None,
        view=View(row["view"]) if row["view"] else None,
        standard=bool(row["standard"]),
    )


def instance_of(row: Row, store: Store) -> JobInstance:
    """Return one instance of a job."""
    return JobInstance(
        instance_id=row["id"],
        ref=InstanceRef(
            sop_class_uid=row["sop_class_uid"],
            sop_instance_uid=row["sop_instance_uid"],
            study_instance_uid=row["study_instance_uid"],
            series_instance_uid=row["series_instance_uid"],
            content_hash=row["content_hash"],
        ),
        transfer_syntax_uid=row["transfer_syntax_uid"],
        summary=summary_of(row),
        calling_ae_title=row["calling_ae_title"],
        path=store.from_stored(row["path"]),
        size_bytes=row["size_bytes"],
        state=InstanceState(row["state"]),
    )


def job_of(row: Row, instances: list[Row], store: Store) -> Job:
    """Return a job with its instances."""
    return Job(
        job_id=row["id"],
        study_id=row["study_id"],
        study_instance_uid=row["study_instance_uid"],
        generation=row["generation"],
        calling_ae_title=row["calling_ae_title"],
        state=JobState(row["state"]),
        owner=row["owner"] or "",
        attempt=row["attempt"],
        failures=row["failures"],
        kills=row["kills"],
        reason=row["reason"],
        created_at=from_text(row["created_at"]),
        instances=tuple(instance_of(instance, store) for instance in instances),
    )


def delivery_of(row: Row, store: Store) -> Delivery:
    """Return a delivery with its object."""
    return Delivery(
        delivery_id=row["id"],
        study_id=row["study_id"],
        study_instance_uid=row["study_instance_uid"],
        destination=row["destination"],
        owner=row["owner"] or "",
        attempt=row["attempt"],
        failures=row["failures"],
        first_failed_at=optional_time(row["first_failed_at"]),
        kind=OutputKind(row["kind"]),
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        transfer_syntax_uid=row["transfer_syntax_uid"],
        path=store.from_stored(row["path"]),
    )


def prior_of(row: Row) -> PriorResult:
    """Return a result of an earlier generation."""
    return PriorResult(
        generation=row["generation"],
        kind=OutputKind(row["kind"]),
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        analysed=bool(row["analysed"]),
    )
