"""The composition root: build, start, run, stop. Nothing else wires parts together.

Threads of the main process: one that watches (receivers, watchdog, studies that became
ready or overdue), one that analyses studies, one that answers those that cannot be analysed,
one for each destination. Receiving and analysis have
processes of their own, so that none blocks another. Whatever a thread was at when the
process ends, the journal knows where to go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from mammo_node import log
from mammo_node.analyse.process import AnalysisProcess, Limits
from mammo_node.answers import Answers
from mammo_node.composition import installation_id, pipeline_settings
from mammo_node.config import AnyDestination, Configuration, Destination
from mammo_node.deliver.commitment import Clerk
from mammo_node.deliver.courier import Courier
from mammo_node.errors import MammoNodeError
from mammo_node.journal.journal import JOURNAL_NAME, Journal
from mammo_node.journal.records import RecoveryReport
from mammo_node.journal.spool import Spool
from mammo_node.pipeline import PipelineReport, prepare_pipeline
from mammo_node.receive.supervisor import Receiver
from mammo_node.shadow import Shadow, ShadowProcess, prepare_shadow
from mammo_node.vocabulary import ModelRef
from mammo_node.worker import MODELS_DOWN, Analyst, Process, Readiness, one_line

_LOG = log.get("node")
#: How often threads look for work that no event announces.
_POLL_S = 0.5
#: Pause after a failure of the surroundings: journal busy, disk full.
_PAUSE_S = 5.0
#: Pause before models that do not start are tried again: loading them costs seconds.
_MODELS_PAUSE_S = 10.0
_SHADOW_PAUSE_S = 60.0
_SWEEP_INTERVAL = timedelta(hours=1)
_REQUEUE_INTERVAL = timedelta(seconds=15)


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the started node listens, and what keeps its models from running, if so."""

    ae_title: str
    port: int
    models_problem: str | None


class Node:
    """A whole node on one storage folder.

    Parameters
    ----------
    configuration : Configuration
        Validated; see ``mammo-node check``.
    clock : callable
        Returns the time, UTC.
    """

    def __init__(
        self, configuration: Configuration, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.configuration = configuration
        self._clock = clock
        self._resources = ExitStack()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._unanalysed = threading.Event()
        self._answered = threading.Event()
        self._readiness = Readiness()
        self._shadow_starts = 0
        self._results = {d.name: threading.Event() for d in configuration.ae_titles.destination}
        self._swept_at = self._requeued_at = datetime.min.replace(tzinfo=UTC)

    def start(self) -> Listening:
        """Recover, listen, load the models.

        Models that do not load keep nothing from being received: the node says so, tries
        them again, and answers what waits too long.

        Raises
        ------
        MammoNodeError
            If the storage folder, the journal or the port cannot be used.
        """
        try:
            return self._start()
        except BaseException:
            self._resources.close()
            raise

    def _start(self) -> Listening:
        storage = self.configuration.settings.storage.folder
        self._spool = Spool(storage)
        self._resources.enter_context(self._spool.lock())
        # The port first: that it is free proves that a killed node's receivers are gone.
        self._receiver = Receiver(self.configuration, storage / JOURNAL_NAME, storage)
        self._resources.callback(self._receiver.stop)
        self._receiver.listen()
        self._journal = self._resources.enter_context(Journal(storage / JOURNAL_NAME))
        recovered = self._journal.recover(self._clock(), self._spool)
        _LOG.info("recovered", **_plain(recovered))
        self._sort_deliveries()
        self._process = self._analysis_process(installation_id(storage))
        self._resources.callback(self._process.stop)
        if self._shadow_process is not None:
            self._resources.callback(self._shadow_process.stop)
        port = self._receiver.start()
        self._load_models()
        self._start_threads()
        ae_title = self.configuration.ae_titles.local.ae_title
        _LOG.info("listening", ae_title=ae_title, port=port, **self._models_facts())
        return Listening(ae_title, port, self._readiness.problem)

    def _sort_deliveries(self) -> None:
        """Let go what an earlier configuration sent elsewhere, or wanted a commitment to."""
        destinations, now = self.configuration.ae_titles.destination, self._clock()
        names = [d.name for d in destinations]
        for name in self._journal.park_unknown_destinations(names, now):
            _LOG.error("deliveries-parked", destination=name, reason="not in ae_titles.toml")
        asking = [d.name for d in destinations if isinstance(d, Destination) and d.commitment]
        waived = self._journal.waive_commitments(asking, names, now)
        if waived:
            _LOG.warning("commitments-waived", objects=waived)

    def _load_models(self) -> None:
        try:
            self._process.start()
        except MODELS_DOWN as error:
            self._readiness.down(error)

    def _models_facts(self) -> dict[str, str | None]:
        report = self._process.report
        provider = report.provider if isinstance(report, PipelineReport) else None
        return {"provider": provider, "models_problem": self._readiness.problem}

    def _models(self) -> tuple[ModelRef, ...]:
        """Return the models that ran last; none if none ever did."""
        report = self._process.report
        return report.models if isinstance(report, PipelineReport) else ()

    def _analysis_process(self, installation: str) -> Process:
        worker = self.configuration.settings.worker
        settings = pipeline_settings(self.configuration, installation)
        self._equipment = settings.equipment
        limits = Limits(recycle_jobs=worker.recycle_jobs, recycle_mb=worker.recycle_mb)
        self._shadow_process = (
            AnalysisProcess(prepare_shadow, settings, limits) if settings.models.shadow else None
        )
        return AnalysisProcess(prepare_pipeline, settings, limits)

    def _start_threads(self) -> None:
        answers = Answers(
            journal=self._journal,
            spool=self._spool,
            configuration=self.configuration,
            equipment=self._equipment,
            models=self._models,
            clock=self._clock,
        )
        analyst = Analyst(answers, self._process, owner="analyst")
        self._spawn("analyst", self._work, lambda: self._analyse(analyst))
        # A thread of its own: the analyst may be busy with a job for minutes.
        self._spawn(
            "answers", self._unanalysed, lambda: self._told(answers.answer_without_analysis())
        )
        if self._shadow_process is not None:
            shadow = Shadow(answers, self._shadow_process, self._stopping.is_set)
            self._spawn("shadow", self._answered, lambda: self._show(shadow))
        for destination in self.configuration.ae_titles.destination:
            courier = self._courier(destination)
            self._spawn(destination.name, self._results[destination.name], courier.step)
            if isinstance(destination, Destination) and destination.commitment:
                clerk = self._clerk(destination)
                self._spawn(f"{destination.name} commitment", threading.Event(), clerk.step)

    def _courier(self, destination: AnyDestination) -> Courier:
        return Courier(
            journal=self._journal,
            destination=destination,
            calling_ae_title=self._calling_ae_title(destination),
            retry=self.configuration.settings.retry,
            owner=f"courier {destination.name}",
            clock=self._clock,
        )

    def _clerk(self, destination: Destination) -> Clerk:
        return Clerk(
            journal=self._journal,
            destination=destination,
            calling_ae_title=self._calling_ae_title(destination),
            retry=self.configuration.settings.retry,
            clock=self._clock,
        )

    def _calling_ae_title(self, destination: AnyDestination) -> str:
        own = destination.calling_ae_title if isinstance(destination, Destination) else None
        return own or self.configuration.ae_titles.local.ae_title

    def _analyse(self, analyst: Analyst) -> bool:
        try:
            worked = analyst.step()
        except MODELS_DOWN as error:
            self._readiness.down(error)
            self._stopping.wait(_MODELS_PAUSE_S)
            return True
        self._readiness.up()
        if worked:
            self._unanalysed.set()
            self._answered.set()
        return self._told(worked)

    def _show(self, shadow: Shadow) -> bool:
        try:
            worked = shadow.step()
        except MODELS_DOWN as error:
            if not self._stopping.is_set():
                _LOG.error("shadow-down", reason=one_line(error), retry_s=_SHADOW_PAUSE_S)
                self._stopping.wait(_SHADOW_PAUSE_S)
            return False
        self._tell_shadow(shadow.process)
        return worked

    def _tell_shadow(self, process: ShadowProcess) -> None:
        """Say once of each process what runs in shadow."""
        report = process.report
        if process.starts == self._shadow_starts or not isinstance(report, PipelineReport):
            return
        self._shadow_starts = process.starts
        names = [f"{model.name} {model.version}" for model in report.models]
        _LOG.info("shadow-ready", models=names, pid=process.pid)

    def _told(self, worked: bool) -> bool:
        """Wake the couriers when there may be results."""
        if worked:
            for event in self._results.values():
                event.set()
        return worked

    def _spawn(self, name: str, wake: threading.Event, step: Callable[[], bool]) -> None:
        thread = threading.Thread(target=self._loop, args=(name, wake, step), name=name)
        self._threads.append(thread)
        thread.start()

    def _loop(self, name: str, wake: threading.Event, step: Callable[[], bool]) -> None:
        """Work while there is work; sleep until woken or the poll is due."""
        while not self._stopping.is_set():
            wake.clear()
            if not self._attempt(name, step):
                wake.wait(_POLL_S)

    def _attempt(self, name: str, step: Callable[[], bool]) -> bool:
        try:
            return step()
        except MammoNodeError as error:
            _LOG.error("step-failed", loop=name, reason=one_line(error), retry_s=_PAUSE_S)
        except Exception:  # noqa: BLE001 - a loop outlives its bugs: the journal has the work
            _LOG.exception("step-crashed", loop=name, retry_s=_PAUSE_S)
        self._stopping.wait(_PAUSE_S)
        return True

    def watch(self) -> str:
        """Do what is due now; return one line for status. Call it about twice a second."""
        now = self._clock()
        for dead in self._receiver.poll():
            self._journal.associations_lost(dead.association_prefix, now)
        for study in self._journal.studies_due(now, self.configuration.completion_for):
            if self._journal.mark_ready(study, now):
                _LOG.info(
                    "study-ready",
                    study=study.study_instance_uid,
                    generation=study.generation,
                    reason=study.reason.value,
                )
                self._work.set()
        self._expire(now)
        if now - self._requeued_at > _REQUEUE_INTERVAL:
            self._requeued_at = now
            self._journal.requeue_expired(now)
        if now - self._swept_at > _SWEEP_INTERVAL:
            self._swept_at = now
            self._sweep(now)
        return self._status()

    def _expire(self, now: datetime) -> None:
        """Let studies go unanalysed whose answer is due."""
        waits_s, problem = self.configuration.waits_s, self._readiness.problem
        for study in self._journal.expire_jobs(now, waits_s, problem):
            _LOG.error("study-overdue", study=study.study_instance_uid, reason=study.reason)
            self._unanalysed.set()

    def _sweep(self, now: datetime) -> None:
        for study in self._journal.expired(now, self.configuration.settings.retention.days):
            files = self._journal.sweep(study, now, self._spool)
            _LOG.info("study-swept", study=study.study_instance_uid, files=files)
        days = self.configuration.settings.retention.days
        swept = self._spool.sweep_orphans(now - timedelta(days=days))
        if swept:
            _LOG.info("orphans-swept", files=swept)

    def _status(self) -> str:
        counts = self._journal.counts()
        studies, deliveries = counts["study"], counts["delivery"]
        line = (
            f"{self._receiver.associations} associations,"
            f" {studies['receiving']} studies arriving, {studies['ready']} to analyse,"
            f" {deliveries['pending'] + deliveries['sending']} results to send,"
            f" {deliveries['parked']} parked, {deliveries['held-back']} held back"
        )
        problem = self._readiness.problem
        return f"MODELS DOWN ({problem}); {line}" if problem else line

    def run(self, stop: threading.Event, tell: Callable[[str], None] = lambda _: None) -> None:
        """Watch until ``stop`` is set; ``tell`` gets the status line about once a second."""
        while not stop.wait(_POLL_S):
            try:
                tell(self.watch())
            except MammoNodeError as error:
                # Not fed, the watchdog restarts a node whose journal stays out of reach.
                _LOG.error("watch-failed", reason=one_line(error))

    def stop(self) -> None:
        """Drain: end messages in flight, the running study and the running batch; then close."""
        self._stopping.set()
        for event in (self._work, self._unanalysed, self._answered, *self._results.values()):
            event.set()
        if self._shadow_process is not None:
            self._shadow_process.kill()  # no answer waits for it
        self._receiver.stop()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._resources.close()
        _LOG.info("stopped")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _plain(report: RecoveryReport) -> dict[str, int]:
    """Return the report as numbers: file names of ours say nothing in a log."""
    return {k: len(v) if isinstance(v, tuple) else v for k, v in asdict(report).items()}
