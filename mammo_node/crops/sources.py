"""Where studies to cut come from: files, the journal, a PACS.

Each says which images it has before it is opened. Opening costs: a transfer, or running the
models. What has its crops already is never opened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pydicom

from mammo_node.destination import Destination
from mammo_node.dimse.query import find
from mammo_node.dimse.retrieve import retrieve
from mammo_node.encode.parse import parse_report
from mammo_node.errors import CropsError, EncodingError, ImageError
from mammo_node.image.reader import read_header
from mammo_node.journal.kept import KeptStudy
from mammo_node.offline import Gathered, gather
from mammo_node.pipeline import Pipeline, SpooledInstance, StudyRequest
from mammo_node.reported import study_result_of
from mammo_node.vocabulary import StudyResult

_MAMMOGRAPHY = "MG"


@dataclass(frozen=True, slots=True)
class Opened:
    """A study whose files lie here, and what is known of them."""

    instances: tuple[SpooledInstance, ...]
    result: StudyResult

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """Of all its images."""
        return tuple(instance.ref.sop_instance_uid for instance in self.instances)


@dataclass(frozen=True, slots=True)
class Source:
    """A study that can be opened; ``stamp`` stands for what its result depends on."""

    study_instance_uid: str
    sop_instance_uids: frozenset[str]
    stamp: str
    opened: Callable[[], AbstractContextManager[Opened]]


@dataclass(frozen=True, slots=True)
class Analyst:
    """Runs the models in use on a study, without a node."""

    pipeline: Pipeline
    now: datetime

    @property
    def stamp(self) -> str:
        """Say which models, at which thresholds."""
        engine = self.pipeline.engine
        models = ", ".join(f"{model.name} {model.sha256}" for model in engine.models)
        points = ", ".join(f"{label} {value:g}" for label, value in engine.operating_points)
        return f"{models}; {points}; configuration {self.pipeline.configuration_hash}"

    def result(self, study: str, instances: Sequence[SpooledInstance]) -> StudyResult:
        """Return what the models say of a study.

        Raises
        ------
        MammoNodeError
            As :meth:`mammo_node.pipeline.Pipeline.answer`.
        """
        request = StudyRequest(study, 1, tuple(instances), (), self.now)
        return self.pipeline.answer(request).result


def from_files(gathered: Gathered, analyst: Analyst) -> list[Source]:
    """Return the studies of files, to be analysed when they are opened."""
    return [
        Source(
            study,
            frozenset(instance.ref.sop_instance_uid for instance in instances),
            analyst.stamp,
            partial(_analysed, study, instances, analyst),
        )
        for study, instances in gathered.studies.items()
    ]


@contextmanager
def _analysed(
    study: str, instances: tuple[SpooledInstance, ...], analyst: Analyst
) -> Iterator[Opened]:
    yield Opened(instances, analyst.result(study, instances))


def from_journal(kept: KeptStudy, study: str, analyst: Callable[[], Analyst]) -> Source:
    """Return a study of the node, with what its report says.

    Without a report that is still kept its images are analysed anew, which ``analyst`` is for.

    Raises
    ------
    CropsError
        If none of its images are kept any more.
    """
    instances = tuple(
        SpooledInstance(one.ref, one.path, one.summary)
        for one in kept.instances
        if one.path.is_file()
    )
    if not instances:
        raise CropsError(f"{study}: its images are no longer kept ([retention] days)")
    uids = frozenset(instance.ref.sop_instance_uid for instance in instances)
    if kept.report is None or not kept.report.is_file():
        runs = analyst()
        return Source(study, uids, runs.stamp, partial(_analysed, study, instances, runs))
    opened = partial(_reported, instances, kept.report)
    return Source(study, uids, f"report {kept.report_uid}", opened)


@contextmanager
def _reported(instances: tuple[SpooledInstance, ...], report: Path) -> Iterator[Opened]:
    try:
        said = parse_report(pydicom.dcmread(report))
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise EncodingError(f"{report.name}: the report cannot be read: {error}") from error
    headers = [read_header(instance.path) for instance in instances]
    yield Opened(instances, study_result_of(said, headers))


def from_pacs(
    destination: Destination, calling_ae_title: str, keys: dict[str, str], analyst: Analyst
) -> list[Source]:
    """Ask a PACS for studies with mammograms, to be fetched and analysed when they are opened.

    Parameters
    ----------
    keys : dict
        Matching keys of the study level (PS3.4 C.6.2.1.2): StudyInstanceUID, StudyDate.

    Raises
    ------
    DeliveryError
        If the PACS is not there, or does not answer as it should.
    """
    ask = partial(find, destination, calling_ae_title)
    wanted = {"ModalitiesInStudy": _MAMMOGRAPHY, "StudyInstanceUID": "", **keys}
    sources = []
    for found in ask("STUDY", wanted):
        study = str(found.get("StudyInstanceUID", ""))
        series = [
            str(one.SeriesInstanceUID)
            for one in ask(
                "SERIES",
                {"StudyInstanceUID": study, "Modality": _MAMMOGRAPHY, "SeriesInstanceUID": ""},
            )
            # Not every PACS matches by modality.
            if one.get("Modality", _MAMMOGRAPHY) == _MAMMOGRAPHY and "SeriesInstanceUID" in one
        ]
        instances = [
            str(one.SOPInstanceUID)
            for uid in series
            for one in ask(
                "IMAGE",
                {"StudyInstanceUID": study, "SeriesInstanceUID": uid, "SOPInstanceUID": ""},
            )
            if "SOPInstanceUID" in one
        ]
        if instances:
            fetch = partial(retrieve, destination, calling_ae_title, study, series)
            opened = partial(_fetched, study, fetch, analyst)
            sources.append(Source(study, frozenset(instances), analyst.stamp, opened))
    return sources


@contextmanager
def _fetched(study: str, fetch: Callable[[Path], object], analyst: Analyst) -> Iterator[Opened]:
    with tempfile.TemporaryDirectory(prefix="mammo-crops-") as folder:
        fetch(Path(folder))
        instances = gather([Path(folder)]).studies.get(study, ())
        if not instances:
            raise ImageError("the PACS sent no image that can be analysed")
        yield Opened(instances, analyst.result(study, instances))
