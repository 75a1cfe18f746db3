"""What answers a study on a bench: a real image, answers of the node, a process as told."""

from __future__ import annotations

import io
from pathlib import Path

from mammo_node.answers import Answers
from mammo_node.config import AETitles, Configuration, Destination, Models, Settings, Worker
from mammo_node.encode.study import Equipment
from mammo_node.pipeline import PipelineReport
from mammo_node.vocabulary import ModelRef
from tests.synthetic import mammogram, save
from tests.unit.journal_cases import Bench
from tests.unit.study_views import MODEL as SEEKER

MODEL = ModelRef("lesion-detector", "1.0", "0" * 64)
EQUIPMENT = Equipment(software_version="0", device_serial_number="test")


class FakeProcess:
    """Gives prepared outcomes: exceptions are raised, callables get request and heartbeat."""

    def __init__(self, *outcomes: object, models: tuple[ModelRef, ...] = (SEEKER,)) -> None:
        self.outcomes, self.models = list(outcomes), models
        self.requests: list[object] = []

    def start(self):
        return PipelineReport(self.models, "cpu", "0")

    def run(self, request, deadline_s, *, heartbeat, heartbeat_s):
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome(request, heartbeat)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def bench_with_image(folder: Path) -> Bench:
    """A journal with one received view that really is a DICOM file."""
    bench = Bench(folder)
    content = io.BytesIO()
    save(mammogram(), content)
    bench.receive("R", "CC", uid="1.2.3", study="1.2.4", content=content.getvalue())
    return bench


def answers(bench: Bench, *destinations: Destination, shadow: tuple[str, ...] = ()) -> Answers:
    """What answers the bench's studies; a job may kill its process twice."""
    settings = Settings(models=Models(shadow=shadow), worker=Worker(max_kills=2))
    return Answers(
        journal=bench.journal,
        spool=bench.spool,
        configuration=Configuration(
            ae_titles=AETitles(destination=destinations), settings=settings
        ),
        equipment=EQUIPMENT,
        models=lambda: (MODEL,),
        clock=lambda: bench.now,
    )


def study(bench: Bench):
    """The one study there is."""
    (overview,) = bench.journal.overview()
    return overview
