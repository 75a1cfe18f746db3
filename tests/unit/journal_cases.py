"""A journal with a spool on a bench: receives, answers and delivers in single calls."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mammo_node.config import Completion
from mammo_node.journal import CommitOutcome, Delivery, Job, Journal, ResultRecord, Spool
from mammo_node.vocabulary import (
    HeaderSummary,
    InstanceRef,
    Laterality,
    Outcome,
    OutputKind,
    ReceivedInstance,
    View,
)

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
STUDY_UID = "1.2.826.0.1.3680043.10.1"
MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
EXPLICIT_LE = "1.2.840.10008.1.2.1"


def after(*, days: float = 0, seconds: float = 0) -> datetime:
    return START + timedelta(days=days, seconds=seconds)


class Bench:
    """A journal, its spool, and a clock that only moves when told."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder / "storage")
        self.journal = Journal(self.spool.root / "journal.db")
        self.now = START
        self._numbers = 0

    def reopen(self) -> None:
        self.journal.close()
        self.journal = Journal(self.spool.root / "journal.db")

    def receive(
        self,
        laterality: str | None,
        view: str | None,
        *,
        uid: str | None = None,
        content: bytes | None = None,
        study: str = STUDY_UID,
        association: str = "a",
        sender: str = "MODALITY",
    ) -> CommitOutcome:
        self._numbers += 1
        uid = uid or f"{study}.{self._numbers}"
        content = uid.encode() if content is None else content
        with self.spool.open_incoming() as file:
            file.write(content)
            path = file.commit()
        outcome = self.journal.commit(
            ReceivedInstance(
                ref=InstanceRef(
                    MAMMOGRAPHY, uid, study, f"{study}.0", hashlib.sha256(content).hexdigest()
                ),
                transfer_syntax_uid=EXPLICIT_LE,
                summary=HeaderSummary(
                    Laterality(laterality) if laterality else None,
                    View(view) if view else None,
                    True,
                ),
                calling_ae_title=sender,
                called_ae_title="MAMMO_AI",
                peer_address="127.0.0.1",
                association_id=association,
                path=path,
                size_bytes=len(content),
                received_at=self.now,
            )
        )
        if not outcome.keeps_file:
            self.spool.remove(path)
        return outcome

    def make_ready(self) -> None:
        """Let the deadline of every study pass."""
        self.now += timedelta(seconds=10_000)
        for study in self.journal.studies_due(self.now, lambda _: Completion()):
            assert self.journal.mark_ready(study, self.now)

    def claim(self, owner: str = "worker") -> Job:
        self.make_ready()
        job = self.journal.claim_job(owner, 60, self.now)
        assert job is not None
        return job

    def claim_unfinished(self) -> Job:
        """Claim the analysis of whatever is being received, without letting time pass."""
        deadline = self.now + timedelta(seconds=10_000)
        for study in self.journal.studies_due(deadline, lambda _: Completion()):
            assert self.journal.mark_ready(study, self.now)
        job = self.journal.claim_job("worker", 60, self.now)
        assert job is not None
        return job

    def results(
        self, job: Job, number: int, destinations: tuple[str, ...] = ("pacs",)
    ) -> list[ResultRecord]:
        made = []
        for index in range(number):
            uid = f"2.25.{job.study_id}{job.generation:03}{index}"
            path = self.spool.write_result(f"{job.job_id}-{index}.dcm", uid.encode())
            made.append(
                ResultRecord(
                    kind=OutputKind.SR,
                    sop_class_uid=COMPREHENSIVE_3D_SR,
                    sop_instance_uid=uid,
                    series_instance_uid="2.25.1",
                    transfer_syntax_uid=EXPLICIT_LE,
                    content_hash=hashlib.sha256(uid.encode()).hexdigest(),
                    path=path,
                    size_bytes=len(uid),
                    destinations=destinations,
                )
            )
        return made

    def complete(
        self,
        job: Job,
        *,
        results: int,
        destinations: tuple[str, ...] = ("pacs",),
        outcome: Outcome = Outcome.FINDINGS,
    ) -> None:
        made = self.results(job, results, destinations)
        self.journal.complete_job(job, made, outcome, self.now)

    def due(self, destination: str = "pacs", limit: int = 100) -> tuple[Delivery, ...]:
        return self.journal.due_deliveries(destination, self.now, limit, owner="sender", lease_s=60)

    def deliver_all(self, destination: str = "pacs") -> None:
        for delivery in self.due(destination):
            self.journal.delivered(delivery, 0x0000, self.now)

    def answer(self, results: int = 1) -> None:
        self.complete(self.claim(), results=results)
        self.deliver_all()

    def sweep_all(self) -> None:
        for study in self.journal.expired(self.now, 7):
            self.journal.sweep(study, self.now, self.spool)

    def files(self) -> list[Path]:
        folders = (self.spool.incoming, self.spool.studies, self.spool.results)
        return sorted(path for folder in folders for path in folder.iterdir())
