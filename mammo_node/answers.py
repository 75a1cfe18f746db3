"""Answers are written down: results into spool and journal, a substitute for what must not leave.

Rules:

* Whatever was made and is valid goes where it is wanted. What is not is kept, held back.
* A destination that would be left without any report of a study gets a 'failed' one instead:
  of the kinds it wants, else an overview, else an SR.
* An answer without analysis supersedes none that has one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from mammo_node import log
from mammo_node.analyse.fuse import study_result
from mammo_node.config import AnyDestination, Configuration, OutputKind
from mammo_node.encode.study import Equipment, PriorResult
from mammo_node.errors import EncodingError
from mammo_node.journal.journal import Journal
from mammo_node.journal.records import Job, OpinionRecord, ResultRecord
from mammo_node.journal.spool import Spool
from mammo_node.journal.states import JobState
from mammo_node.outgoing import ResultFile
from mammo_node.pipeline import Answer, SpooledInstance, StudyRequest, encode, refused
from mammo_node.vocabulary import ModelRef, Outcome, StudyResult

#: Explicit VR Little Endian (PS3.5 A.2): what results are written in.
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
#: Kinds that tell the answer to the whole study.
_REPORTS = (OutputKind.SR, OutputKind.CAD_SR, OutputKind.OVERVIEW, OutputKind.PDF)
#: What everybody can read, for who can get nothing of what they asked for.
_LAST_RESORT = (OutputKind.OVERVIEW, OutputKind.SR)
_HELD_BACK = "the report that was made is not valid and was held back"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A result file and the destinations that it goes to, by name."""

    file: ResultFile
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Asks for answers and writes them down.

    Parameters
    ----------
    journal, spool
        Of this process.
    equipment : Equipment
        Who results name as their maker.
    models : callable
        Returns what results cite; nothing while no model ever ran.
    clock : callable
        Returns the time, UTC.
    """

    journal: Journal
    spool: Spool
    configuration: Configuration
    equipment: Equipment
    models: Callable[[], tuple[ModelRef, ...]]
    clock: Callable[[], datetime]

    def request(self, job: Job) -> StudyRequest:
        """Return what a job asks for."""
        wanted = {kind for d in self._destinations(job) for kind in d.outputs}
        return StudyRequest(
            study_instance_uid=job.study_instance_uid,
            generation=job.generation,
            instances=tuple(SpooledInstance(i.ref, i.path, i.summary) for i in job.instances),
            outputs=tuple(kind for kind in OutputKind if kind in wanted or not wanted),
            # Of the job, not of this attempt: the same UID must mean the same bytes. DICOM's
            # times are local ones.
            content_datetime=job.created_at.astimezone(),
            predecessors=self._predecessors(job),
            models=self.configuration.models_for(job.calling_ae_title),
        )

    def answer_without_analysis(self) -> bool:
        """Answer one study whose analysis is over, or was never begun; return whether one was."""
        for job in self.journal.abandoned_jobs():
            started = monotonic()
            request = self._request_without_analysis(job)
            result = self._result_without_analysis(job, request)
            try:
                answer = encode(request, result, self.equipment)
            except EncodingError as error:
                _no_answer(job, str(error))
                answer = Answer(result, ())
            self.commit(job, answer, started)
            return True
        return False

    def commit(self, job: Job, answer: Answer, started: float) -> None:
        """Write an answer down, with its deliveries.

        Raises
        ------
        LeaseLost
            If the job is another claim's by now.
        """
        destinations = self._destinations(job)
        for kind, reason in answer.not_leaving:
            log.get("answers").error(
                "result-held-back", study=job.study_instance_uid, kind=kind.value, reason=reason
            )
        addressed = [
            Addressed(file, tuple(d.name for d in destinations if file.kind in d.outputs))
            for file in answer.files
        ]
        addressed += self._substitutes(job, answer, destinations)
        records = [self._store(job, one) for one in addressed]
        result = answer.result
        opinions = [OpinionRecord(one.model, one.to_json()) for one in answer.opinions]
        self.journal.complete_job(
            job, records, result.outcome, self.clock(), reason=result.reason, opinions=opinions
        )
        canonical(
            job,
            "study-answered",
            started,
            outcome=result.outcome.value,
            reason=result.reason,
            views=len(result.views),
            refused=[v.refusal.reason.value for v in result.views if v.refusal],
            findings=sum(len(v.findings) for v in result.views),
            objects=len(records),
            held_back=sum(record.held_back is not None for record in records),
            destinations=[d.name for d in destinations],
        )

    def _destinations(self, job: Job) -> tuple[AnyDestination, ...]:
        return self.configuration.ae_titles.destinations_for(job.calling_ae_title)

    def _predecessors(self, job: Job, *, analysed_too: bool = True) -> tuple[PriorResult, ...]:
        return tuple(
            PriorResult(
                kind=prior.kind,
                sop_class_uid=prior.sop_class_uid,
                sop_instance_uid=prior.sop_instance_uid,
                study_instance_uid=prior.study_instance_uid,
                series_instance_uid=prior.series_instance_uid,
            )
            for prior in self.journal.prior_results(job)
            if analysed_too or not prior.analysed
        )

    def _request_without_analysis(self, job: Job) -> StudyRequest:
        return replace(self.request(job), predecessors=self._predecessors(job, analysed_too=False))

    def _result_without_analysis(self, job: Job, request: StudyRequest) -> StudyResult:
        reason = job.reason or "the analysis did not come to an end"
        if any(prior.analysed for prior in self.journal.prior_results(job)):
            reason += "; the earlier answer stands for the images that it names"
        if job.state == JobState.OVERDUE:
            deadline_s = self.configuration.completion_for(job.calling_ae_title).answer_deadline_s
            reason = f"not analysed within {deadline_s:g} s of the last image: {reason}"
            return self._unanalysed(request, Outcome.NOT_ATTEMPTED, reason)
        return self._unanalysed(request, Outcome.FAILED, reason)

    def _unanalysed(self, request: StudyRequest, outcome: Outcome, reason: str) -> StudyResult:
        models = tuple(model for model in self.models() if model.name in request.models)
        return unanalysed_result(request, outcome, reason, models, self.configuration)

    def _substitutes(
        self, job: Job, answer: Answer, destinations: Sequence[AnyDestination]
    ) -> list[Addressed]:
        poor = [d for d in destinations if left_without_report(d, answer)]
        if not poor:
            return []
        kinds = {k for d in poor for k in d.outputs if k in _REPORTS} | set(_LAST_RESORT)
        request = replace(self._request_without_analysis(job), outputs=tuple(kinds))
        result = self._unanalysed(request, Outcome.FAILED, _HELD_BACK)
        try:
            made = encode(request, result, self.equipment).files
        except EncodingError as error:
            _no_answer(job, str(error))
            return []
        valid = [file for file in made if file.held_back is None]
        if not valid:
            _no_answer(job, _HELD_BACK)
        return list(substituted(poor, valid))

    def _store(self, job: Job, addressed: Addressed) -> ResultRecord:
        file = addressed.file
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
            destinations=addressed.destinations,
            held_back=None if file.held_back is None else f"not valid: {file.held_back}",
        )


def left_without_report(destination: AnyDestination, answer: Answer) -> bool:
    """Tell whether a destination gets nothing that tells the answer, because that cannot leave."""
    wanted = set(destination.outputs)
    reports = wanted & set(_REPORTS) or wanted
    kept = {kind for kind, _ in answer.not_leaving}
    left = {file.kind for file in answer.files if file.held_back is None}
    return bool(kept & reports) and not left & reports


def substituted(
    destinations: Iterable[AnyDestination], valid: Sequence[ResultFile]
) -> Iterable[Addressed]:
    """Address 'failed' reports: to each destination those it wants, else one that all can read."""
    names: dict[str, list[str]] = {file.sop_instance_uid: [] for file in valid}
    made = {file.kind for file in valid}
    for destination in destinations:
        own = [kind for kind in destination.outputs if kind in made and kind in _REPORTS]
        kinds = own or [kind for kind in _LAST_RESORT if kind in made][:1]
        for file in valid:
            if file.kind in kinds:
                names[file.sop_instance_uid].append(destination.name)
    for file in valid:
        if names[file.sop_instance_uid]:
            yield Addressed(file, tuple(names[file.sop_instance_uid]))


def unanalysed_result(
    request: StudyRequest,
    outcome: Outcome,
    reason: str,
    models: tuple[ModelRef, ...],
    configuration: Configuration,
) -> StudyResult:
    """Return the answer to a study that no model saw: FAILED or NOT_ATTEMPTED, and why."""
    result = study_result(
        request.study_instance_uid,
        request.generation,
        [refused(instance, None) for instance in request.instances],
        models,
        failure=reason,
        configuration_hash=configuration.result_hash(),
    )
    if outcome is Outcome.NOT_ATTEMPTED:
        words = f"The analysis was not attempted: {reason}"
        return replace(result, outcome=outcome, reason=words if reason[-1] == "." else f"{words}.")
    return result


def canonical(job: Job, event: str, started: float, **facts: object) -> None:
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


def _no_answer(job: Job, reason: str) -> None:
    """Say where people look that nothing at all can be built for a study."""
    log.get("answers").error("study-without-answer", study=job.study_instance_uid, reason=reason)
