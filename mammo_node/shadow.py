"""Models in shadow: they look at what was answered, and what they say is written down.

Rules:

* The answer is committed before a model in shadow sees the study, and nothing of it changes:
  results, identity, deadline and outcome are those of a node without it.
* It runs in a process of its own, at the lowest priority, and only while no study waits for its
  analysis. Whatever becomes of that process, only its own word is lost, and tried again.
* Packages in shadow that do not load leave a line in the log; nothing waits for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from mammo_node import log
from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.exchange import Prepared as Ready
from mammo_node.analyse.opinion import Opinion
from mammo_node.analyse.process import AnalysisProcess
from mammo_node.answers import Answers, canonical
from mammo_node.engine import narrowed
from mammo_node.errors import ConfigurationError, ModelError
from mammo_node.journal.records import Job
from mammo_node.pipeline import Pipeline, PipelineReport, PipelineSettings, StudyRequest
from mammo_node.vocabulary import ModelRef

#: nice(2): the kernel gives it what others leave.
_LOWEST_PRIORITY = 19
_HEARTBEAT_S = 0.5

ShadowProcess = AnalysisProcess[PipelineSettings, StudyRequest, Opinion]


def prepare_shadow(settings: PipelineSettings) -> Ready[StudyRequest, Opinion]:
    """Build the pipeline of the models in shadow, in their own process."""
    os.nice(_LOWEST_PRIORITY)
    log.configure(settings.log.level, settings.log.format)
    models, light = narrowed(settings.models, settings.traffic_light, settings.models.shadow)
    models = models.model_copy(update={"explain": "none"})  # nobody sees a map
    pipeline = Pipeline.start(replace(settings, models=models, traffic_light=light))
    engine = pipeline.engine
    report = PipelineReport(engine.models, engine.provider, engine.runtime_version)
    return Ready(pipeline.opinion, report)


@dataclass(frozen=True, slots=True)
class Shadow:
    """Shows answered studies to the models in shadow, one at a time.

    Parameters
    ----------
    answers : Answers
        Knows what a study's images are.
    process : AnalysisProcess
        Runs :func:`prepare_shadow`'s pipeline.
    stopping : callable
        Tells whether the node stops: work in shadow is then given up at once.
    """

    answers: Answers
    process: ShadowProcess
    stopping: Callable[[], bool]

    def step(self) -> bool:
        """Show one study to one model; return whether there was one to show.

        Raises
        ------
        ModelError, ConfigurationError
            If the models in shadow do not start.
        """
        if self.stopping() or self._busy():
            return False
        report = self.process.start()
        models = report.models if isinstance(report, PipelineReport) else ()
        most = self.answers.configuration.settings.worker.max_kills
        for model in models:
            job = self.answers.journal.claim_shadow(model, most, self.answers.clock())
            if job is not None:
                self._show(job, model)
                return True
        return False

    def _busy(self) -> bool:
        return self.answers.journal.counts()["study"]["ready"] > 0

    def _show(self, job: Job, model: ModelRef) -> None:
        started = monotonic()
        request = replace(self.answers.request(job), outputs=(), models=(model.name,))
        deadline_s = self.answers.configuration.settings.worker.job_deadline_s
        try:
            outcome = self.process.run(
                request, deadline_s, heartbeat=self._go_on, heartbeat_s=_HEARTBEAT_S
            )
        except (ModelError, ConfigurationError):
            self.answers.journal.shadow_untried(job, model, self.answers.clock())
            raise
        self._conclude(job, model, outcome, started)

    def _go_on(self) -> None:
        if self.stopping():
            raise ModelError("the node stops")

    def _conclude(
        self,
        job: Job,
        model: ModelRef,
        outcome: Answered[Opinion] | Failed | Hung | Died,
        started: float,
    ) -> None:
        journal, now = self.answers.journal, self.answers.clock()
        if isinstance(outcome, Answered):
            opinion = outcome.response
            journal.record_shadow(job, model, opinion.to_json(), now)
            facts = {"light": opinion.light.value, "score": round(opinion.score, 4)}
            canonical(job, "shadow-recorded", started, model=model.name, **facts)
            return
        reason = outcome.message if isinstance(outcome, Failed) else str(outcome)
        final = isinstance(outcome, Failed) and not outcome.retryable
        journal.shadow_failed(job, model, reason, now, final=final)
        canonical(job, "shadow-failed", started, model=model.name, reason=reason)
