"""Claim, do, commit: the loop body of analysis. Delivery's is ``deliver.delivery``.

Rules:

* The journal decides; this module holds no state that matters. Dying at any line loses
  nothing: the lease runs out or the next start takes the job back.
* A failure of the *study* counts against the study, a failure of the *model* never does:
  studies wait while the model is down.
* A job that was quarantined or given up is answered with a 'failed' result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from mammo_node import log
from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.fuse import study_result
from mammo_node.analyse.process import AnalysisProcess
from mammo_node.config import AnyDestination, Configuration, OutputKind
from mammo_node.encode.study import Equipment, PriorResult
from mammo_node.errors import EncodingError, LeaseLost, MammoNodeError, ModelError
from mammo_node.journal.journal import Journal
from mammo_node.journal.records import Job, ResultRecord
from mammo_node.journal.spool import Spool
from mammo_node.pipeline import (
    Answer,
    PipelineSettings,
    ResultFile,
    SpooledInstance,
    StudyRequest,
    encode,
    refused,
)
from mammo_node.vocabulary import ModelRef, StudyResult

#: Explicit VR Little Endian (PS3.5 A.2): what results are written in.
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_LEASE_S = 60.0
_HEARTBEAT_S = 10.0

Process = AnalysisProcess[PipelineSettings, StudyRequest, Answer]


@dataclass(frozen=True, slots=True)
class Analyst:
    """Answers one study at a time.

    Parameters
    ----------
    journal, spool
        Of the thread that calls :meth:`step`.
    process : AnalysisProcess
        Runs the pipeline.
    owner : str
        Names this worker in leases.
    clock : callable
        Returns the time, UTC.
    """

    journal: Journal
    spool: Spool
    process: Process
    configuration: Configuration
    equipment: Equipment
    models: tuple[ModelRef, ...]
    owner: str
    clock: Callable[[], datetime]

    def step(self) -> bool:
        """Answer one study if there is one; return whether there was.

        Raises
        ------
        ModelError
            If the models do not start: the study is back in the queue, unharmed.
        """
        job = self.journal.claim_job(self.owner, _LEASE_S, self.clock())
        if job is None:
            return self._answer_abandoned()
        started = monotonic()
        try:
            self._note_lost_files(job)
            self._conclude(job, self._run(job), started)
        except LeaseLost:
            # Whoever holds the job by now answers it.
            _canonical(job, "analysis-superseded", started)
        return True

    def _note_lost_files(self, job: Job) -> None:
        """Tell the journal which files are gone, so that a re-send is not taken for a copy."""
        for instance in job.instances:
            if instance.available and not instance.path.is_file():
                self.journal.lose_instance(instance.instance_id, self.clock())

    def _run(self, job: Job) -> Answered[Answer] | Failed | Hung | Died:
        try:
            return self.process.run(
                self._request(job),
                self.configuration.settings.worker.job_deadline_s,
                heartbeat=lambda: self._heartbeat(job),
                heartbeat_s=_HEARTBEAT_S,
            )
        except ModelError as error:
            self.journal.release_job(job, self.clock(), one_line(error))
            raise

    def _heartbeat(self, job: Job) -> None:
        self.journal.heartbeat(job, self.clock() + timedelta(seconds=_LEASE_S))

    def _conclude(
        self, job: Job, outcome: Answered[Answer] | Failed | Hung | Died, started: float
    ) -> None:
        if isinstance(outcome, Answered):
            self._commit(job, outcome.response, started)
        elif isinstance(outcome, Failed):
            retry = self.configuration.settings.retry
            self.journal.fail_job(job, outcome.message, outcome.retryable, self.clock(), retry)
            _canonical(job, "analysis-failed", started, reason=outcome.message)
        else:
            limit = self.configuration.settings.worker.max_kills
            self.journal.record_kill(job, self.clock(), limit, str(outcome))
            _canonical(job, "analysis-killed", started, reason=str(outcome), kills=job.kills + 1)

    def _answer_abandoned(self) -> bool:
        """Answer a study whose analysis is over without a result."""
        for job in self.journal.abandoned_jobs():
            started = monotonic()
            reason = job.reason or "the analysis did not come to an end"
            request = self._request(job)
            result = failed_result(request, reason, self.models, self.configuration)
            try:
                answer = encode(request, result, self.equipment)
            except EncodingError as error:
                # Nothing can be built from this study's headers: say so where people look.
                log.get("worker").error(
                    "study-without-answer", study=job.study_instance_uid, reason=str(error)
                )
                answer = Answer(result, ())
            self._commit(job, answer, started)
            return True
        return False

    def _request(self, job: Job) -> StudyRequest:
        wanted = {kind for d in self._destinations(job) for kind in d.outputs}
        return StudyRequest(
            study_instance_uid=job.study_instance_uid,
            generation=job.generation,
            instances=tuple(SpooledInstance(i.ref, i.path, i.summary) for i in job.instances),
            outputs=tuple(kind for kind in OutputKind if kind in wanted or not wanted),
            # Of the job, not of this attempt: the same UID must mean the same bytes. DICOM's
            # times are local ones.
            content_datetime=job.created_at.astimezone(),
            predecessors=tuple(self._predecessors(job)),
        )

    def _destinations(self, job: Job) -> tuple[AnyDestination, ...]:
        return self.configuration.ae_titles.destinations_for(job.calling_ae_title)

    def _predecessors(self, job: Job) -> list[PriorResult]:
        return [
            PriorResult(
                kind=prior.kind,
                sop_class_uid=prior.sop_class_uid,
                sop_instance_uid=prior.sop_instance_uid,
                study_instance_uid=prior.study_instance_uid,
                series_instance_uid=prior.series_instance_uid,
            )
            for prior in self.journal.prior_results(job)
        ]

    def _commit(self, job: Job, answer: Answer, started: float) -> None:
        destinations = self._destinations(job)
        records = [self._store(job, file, destinations) for file in answer.files]
        result = answer.result
        self.journal.complete_job(job, records, result.outcome, self.clock(), reason=result.reason)
        _canonical(
            job,
            "study-answered",
            started,
            outcome=result.outcome.value,
            reason=result.reason,
            views=len(result.views),
            refused=[v.refusal.reason.value for v in result.views if v.refusal],
            findings=sum(len(v.findings) for v in result.views),
            objects=len(records),
            destinations=[d.name for d in destinations],
        )

    def _store(
        self, job: Job, file: ResultFile, destinations: Sequence[AnyDestination]
    ) -> ResultRecord:
        digest = hashlib.sha256(file.content).hexdigest()
        name = f"{job.study_id}-{job.generation}-{file.kind.value}-{digest[:16]}.dcm"
        return ResultRecord(
            kind=file.kind,
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
            series_instance_uid=file.series_instance_uid,
            transfer_syntax_uid=_EXPLICIT_VR_LITTLE_ENDIAN,
            content_hash=digest,
            path=self.spool.write_result(name, file.content),
            size_bytes=len(file.content),
            destinations=tuple(d.name for d in destinations if file.kind in d.outputs),
        )


def failed_result(
    request: StudyRequest,
    reason: str,
    models: tuple[ModelRef, ...],
    configuration: Configuration,
) -> StudyResult:
    """Return the answer to a study whose analysis failed for good."""
    return study_result(
        request.study_instance_uid,
        request.generation,
        [refused(instance, None) for instance in request.instances],
        models,
        failure=reason,
        configuration_hash=configuration.result_hash(),
    )


def _canonical(job: Job, event: str, started: float, **facts: object) -> None:
    """Write the one line that tells everything about a job."""
    log.get("worker").info(
        event,
        study=job.study_instance_uid,
        study_id=job.study_id,
        generation=job.generation,
        attempt=job.attempt,
        source=job.calling_ae_title,
        images=len(job.instances),
        elapsed_s=round(monotonic() - started, 3),
        **facts,
    )


def one_line(error: MammoNodeError) -> str:
    """Return an error's text on one line, for reasons and status lines."""
    return " ".join(str(error).split())
