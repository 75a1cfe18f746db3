"""Claim, do, commit: the loop body of analysis. Delivery's is ``deliver.delivery``.

Rules:

* The journal decides; this module holds no state that matters. Dying at any line loses
  nothing: the lease runs out or the next start takes the job back.
* A failure of the *study* counts against the study, a failure of the *model* never does:
  studies wait while the model is down, until their answer is due (:mod:`.answers`).
* When nothing waits, what was answered 'not attempted' for want of time is analysed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from mammo_node import log
from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.process import AnalysisProcess
from mammo_node.answers import Answers, canonical
from mammo_node.errors import ConfigurationError, LeaseLost, MammoNodeError, ModelError
from mammo_node.journal.records import Job
from mammo_node.pipeline import Answer, PipelineSettings, StudyRequest

_LEASE_S = 60.0
_HEARTBEAT_S = 10.0

Process = AnalysisProcess[PipelineSettings, StudyRequest, Answer]

#: What the models raise that cannot run: the package, the provider, or their configuration.
MODELS_DOWN = (ModelError, ConfigurationError)


@dataclass(frozen=True, slots=True)
class Analyst:
    """Analyses one study at a time.

    Parameters
    ----------
    answers : Answers
        Knows what is asked for, and writes answers down.
    process : AnalysisProcess
        Runs the pipeline.
    owner : str
        Names this worker in leases.
    """

    answers: Answers
    process: Process
    owner: str

    def step(self) -> bool:
        """Analyse one study if there is one; return whether there was.

        Raises
        ------
        ModelError, ConfigurationError
            If the models do not start, also when there is nothing to do: the study, if there
            was one, is back in the queue, unharmed.
        """
        job = self.answers.journal.claim_job(self.owner, _LEASE_S, self.answers.clock())
        if job is None:
            return self._catch_up()
        started = monotonic()
        try:
            self._note_lost_files(job)
            self._conclude(job, self._run(job), started)
        except LeaseLost:
            # Whoever holds the job by now answers it.
            canonical(job, "analysis-superseded", started)
        return True

    def _catch_up(self) -> bool:
        """Queue a study that could not be analysed in time, now that there is time."""
        self.process.start()
        journal = self.answers.journal
        study_id = journal.next_study_to_analyse_again()
        if study_id is None:
            return False
        return journal.analyse_again(study_id, self.answers.clock(), "there is time for it now")

    def _note_lost_files(self, job: Job) -> None:
        """Tell the journal which files are gone, so that a re-send is not taken for a copy."""
        for instance in job.instances:
            if instance.available and not instance.path.is_file():
                self.answers.journal.lose_instance(instance.instance_id, self.answers.clock())

    def _run(self, job: Job) -> Answered[Answer] | Failed | Hung | Died:
        try:
            return self.process.run(
                self.answers.request(job),
                self.answers.configuration.settings.worker.job_deadline_s,
                heartbeat=lambda: self._heartbeat(job),
                heartbeat_s=_HEARTBEAT_S,
            )
        except MODELS_DOWN as error:
            self.answers.journal.release_job(job, self.answers.clock(), one_line(error))
            raise

    def _heartbeat(self, job: Job) -> None:
        self.answers.journal.heartbeat(job, self.answers.clock() + timedelta(seconds=_LEASE_S))

    def _conclude(
        self, job: Job, outcome: Answered[Answer] | Failed | Hung | Died, started: float
    ) -> None:
        journal, settings = self.answers.journal, self.answers.configuration.settings
        now = self.answers.clock()
        if isinstance(outcome, Answered):
            self.answers.commit(job, outcome.response, started)
        elif isinstance(outcome, Failed):
            journal.fail_job(job, outcome.message, outcome.retryable, now, settings.retry)
            canonical(job, "analysis-failed", started, reason=outcome.message)
        else:
            journal.record_kill(job, now, settings.worker.max_kills, str(outcome))
            canonical(job, "analysis-killed", started, reason=str(outcome), kills=job.kills + 1)


def one_line(error: MammoNodeError) -> str:
    """Return an error's text on one line, for reasons and status lines."""
    return " ".join(str(error).split())


class Readiness:
    """Whether the models run, as people and the log are told: once, when it changes."""

    def __init__(self) -> None:
        #: What is wrong with the models; None while they run.
        self.problem: str | None = None

    def down(self, error: MammoNodeError) -> None:
        """Note that the models do not start."""
        reason = one_line(error)
        if reason != self.problem:
            log.get("worker").error("models-down", reason=reason)
        self.problem = reason

    def up(self) -> None:
        """Note that they run."""
        if self.problem is not None:
            log.get("worker").info("models-up")
        self.problem = None
