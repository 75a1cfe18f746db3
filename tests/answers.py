"""A study brought to the point where its results wait for delivery."""

from __future__ import annotations

from datetime import UTC, datetime

from mammo_node.journal import ResultRecord
from mammo_node.vocabulary import Outcome, OutputKind
from tests.unit.journal_cases import Bench
from tests.unit.result_objects import write_report


def answer_with_reports(
    bench: Bench, number: int, destinations: tuple[str, ...] = ("pacs",)
) -> list[str]:
    """Receive an image and answer it with so many reports; return their SOP Instance UIDs."""
    bench.receive("R", "CC")
    job = bench.claim()
    records = []
    for index in range(1, number + 1):
        item = write_report(bench.spool.results, index)
        records.append(
            ResultRecord(
                kind=OutputKind.SR,
                sop_class_uid=item.sop_class_uid,
                sop_instance_uid=item.sop_instance_uid,
                series_instance_uid="2.25.901",
                transfer_syntax_uid=item.transfer_syntax_uid,
                content_hash=str(index),
                path=item.path,
                size_bytes=item.path.stat().st_size,
                destinations=destinations,
            )
        )
    bench.journal.complete_job(job, records, Outcome.FINDINGS, datetime.now(UTC))
    return [record.sop_instance_uid for record in records]
