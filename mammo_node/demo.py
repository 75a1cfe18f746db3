"""The demonstration: a phantom study in, an answer out, all through DICOM on this machine.

It starts a real node (receiver and analysis processes, journal, delivery) and a small local
PACS, plays the modality, and waits for the results to come back. What it draws and tables
comes from the objects that the PACS received, not from the node's memory.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

import pydicom

from mammo_node.analyse.package import ModelPackage, discover
from mammo_node.composition import policy
from mammo_node.config import (
    AETitles,
    Completion,
    Configuration,
    Destination,
    Local,
    Log,
    Models,
    OutputKind,
    Settings,
    Source,
    Storage,
)
from mammo_node.deliver.files import sendable
from mammo_node.demo_tables import (
    breasts_table,
    findings_table,
    models_table,
    objects_table,
    truth_table,
)
from mammo_node.dimse.archive import LocalArchive, StoredObject
from mammo_node.dimse.client import send_batch
from mammo_node.encode.extract import OVERVIEW_NAME, REPORT_NAME
from mammo_node.encode.parse import parse_report
from mammo_node.errors import MammoNodeError
from mammo_node.node import Node
from mammo_node.offline import gather, write_extract, write_overlays
from mammo_node.phantom import PhantomStudy, generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.reported import study_result_of
from mammo_node.reports.document import read_report
from mammo_node.summary_page import AnswerShown, Picture, Step, page

_MODALITY, _PACS = "DEMO_MODALITY", "DEMO_PACS"
_ANSWER_DEADLINE_S = 300.0
_OUTPUTS = (OutputKind.SR, OutputKind.GSPS, OutputKind.OVERVIEW, OutputKind.PDF)
_SR = "1.2.840.10008.5.1.4.1.1.88.34"  # Comprehensive 3D SR Storage


class DemoFailed(MammoNodeError):
    """The demonstration did not come to its end; the message says where it stopped."""


@dataclass
class Timeline:
    """What happened, told as it happens."""

    tell: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time one step and tell it when it is done."""
        started = monotonic()
        yield
        self.steps.append(Step(what, monotonic() - started))
        self.tell(f"{self.steps[-1].seconds:6.2f} s  {what}")


def run(out: Path, seed: int, tell: Callable[[str], None]) -> Path:
    """Run the whole demonstration and return the page that shows it.

    Raises
    ------
    DemoFailed
        If no answer came, saying what did.
    MammoNodeError
        If the node does not start.
    """
    timeline = Timeline(tell)
    for folder in ("study", "pacs"):
        for stale in (out / folder).glob("*.dcm"):
            stale.unlink()
    with timeline.step("four views of a phantom rendered and written as DICOM"):
        # An implant would have its views refused, which is not what a first look is for.
        study = generate_study(seed, masses=2, look="digital", implant="none")
        images = write_study(study, out / "study")
    # Every family that is installed with us: a first look should show them all.
    packages = discover(None)
    with tempfile.TemporaryDirectory(prefix="mammo-node-demo-") as storage:
        configuration = partial(_configuration, Path(storage), packages)
        stored = _through_the_node(images, out / "pacs", configuration, timeline)
    return _summarise(study, packages, images, stored, out=out, timeline=timeline)


def _through_the_node(
    images: list[Path],
    pacs: Path,
    configuration: Callable[[int], Configuration],
    timeline: Timeline,
) -> tuple[StoredObject, ...]:
    with LocalArchive(pacs, _PACS) as archive:
        node = Node(configuration(archive.port))
        with timeline.step("node started: journal, model self-test, receiver processes"):
            listening = node.start()
        if listening.models_problem:
            node.stop()
            raise DemoFailed(listening.models_problem)
        stop = threading.Event()
        watcher = threading.Thread(target=node.run, args=(stop,))
        watcher.start()
        try:
            with timeline.step(f"{len(images)} images sent to {listening.ae_title} (C-STORE)"):
                _send(images, listening.port)
            with timeline.step("analysed; results delivered to the PACS (C-STORE)"):
                stored = archive.wait_for(lambda o: _whole(o, images), _ANSWER_DEADLINE_S)
        finally:
            stop.set()
            watcher.join()
            node.stop()
    if not _whole(stored, images):
        raise DemoFailed(f"only {len(stored)} result objects came back to the PACS")
    return stored


def _whole(stored: tuple[StoredObject, ...], images: list[Path]) -> bool:
    """Whether each kind has come: a presentation state an image, at least one of the others."""
    modalities = [o.modality for o in stored]
    return modalities.count("PR") >= len(images) and {"SR", "OT", "DOC"} <= set(modalities)


def _configuration(
    storage: Path, packages: Sequence[ModelPackage], pacs_port: int
) -> Configuration:
    return Configuration(
        ae_titles=AETitles(
            local=Local(bind="127.0.0.1", port=0),
            source=(Source(ae_title=_MODALITY, addresses=("127.0.0.1",)),),
            destination=(
                Destination(
                    name="demo-pacs",
                    ae_title=_PACS,
                    host="127.0.0.1",
                    port=pacs_port,
                    outputs=_OUTPUTS,
                ),
            ),
        ),
        settings=Settings(
            storage=Storage(folder=storage, min_free_mb=64),
            completion=Completion(settle_s=1.0, quiet_s=2.0),
            models=Models(use=tuple(package.name for package in packages)),
            log=Log(level="error"),
        ),
    )


def _send(images: list[Path], port: int) -> None:
    node = Destination(name="node", ae_title="MAMMO_AI", host="127.0.0.1", port=port)
    items = [item for item in map(sendable, images) if item is not None]
    for outcome in send_batch(node, _MODALITY, items):
        if outcome.failure is not None or outcome.status != 0:
            raise DemoFailed(f"{outcome.item.path}: {outcome.failure or outcome.status}")


def _summarise(
    study: PhantomStudy,
    packages: Sequence[ModelPackage],
    images: list[Path],
    stored: tuple[StoredObject, ...],
    *,
    out: Path,
    timeline: Timeline,
) -> Path:
    sr = pydicom.dcmread(next(o.path for o in stored if o.sop_class_uid == _SR))
    report = parse_report(sr)
    instances = next(iter(gather(images).studies.values()))
    result = study_result_of(report, [pydicom.dcmread(p, stop_before_pixels=True) for p in images])
    overlays = write_overlays(result, instances, policy(Settings().suitability), out)
    findings = findings_table(report, {_uid(path): path.stem for path in images})
    timeline.tell(f"\n{report.conclusion}")
    for view, label, score, size, model in findings.rows:
        timeline.tell(f"  {view}  {label} {score}, {size} mm ({model})")
    read = read_report(sr)
    every = models_table(packages, read)
    for model, family, said in every.rows:
        timeline.tell(f"  {model} ({family}): {said}")
    pictures = [Picture(path.stem.split("-", 2)[2], path.name) for path in overlays]
    for received in stored:
        write_extract(pydicom.dcmread(received.path), out)
    answer = AnswerShown(report.conclusion, OVERVIEW_NAME, REPORT_NAME)
    tables = [
        every,
        breasts_table(read),
        findings,
        truth_table(study),
        objects_table(stored, out),
    ]
    summary = out / "index.html"
    title = "mammo_node: a phantom study in, an answer out"
    summary.write_text(page(title, answer, pictures, tables, timeline.steps), "utf-8")
    return summary


def _uid(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
