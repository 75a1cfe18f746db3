"""Models in shadow: after the answer, beside it, and never in its way."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from mammo_node.analyse.assessment import Rules
from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.opinion import opinion_of
from mammo_node.answers import Answers
from mammo_node.config import Configuration, Models, Settings, Worker
from mammo_node.encode.study import Equipment
from mammo_node.errors import ModelError
from mammo_node.pipeline import PipelineReport
from mammo_node.shadow import Shadow
from mammo_node.vocabulary import ModelRef
from tests.synthetic import mammogram, save
from tests.unit.journal_cases import Bench
from tests.unit.study_views import MODEL, four

OTHER = ModelRef("other", "1.0", "9" * 64)


class FakeProcess:
    """Runs models in shadow as told: an outcome for each request, exceptions are raised."""

    def __init__(self, *outcomes: object, models: tuple[ModelRef, ...] = (MODEL,)) -> None:
        self.outcomes, self.models = list(outcomes), models
        self.requests: list[object] = []

    def start(self):
        return PipelineReport(self.models, "cpu", "0")

    def run(self, request, deadline_s, *, heartbeat, heartbeat_s):
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome(heartbeat)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def said(model: ModelRef = MODEL) -> Answered:
    return Answered(opinion_of(four(), (), model, Rules()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One answered study."""
    bench = Bench(tmp_path)
    content = io.BytesIO()
    save(mammogram(), content)
    bench.receive("R", "CC", uid="1.2.3", study="1.2.4", content=content.getvalue())
    bench.answer()
    return bench


def shadow(bench: Bench, process: FakeProcess, *, stopping: bool = False) -> Shadow:
    models = Models(shadow=("seeker", "other"))
    answers = Answers(
        journal=bench.journal,
        spool=bench.spool,
        configuration=Configuration(settings=Settings(models=models, worker=Worker(max_kills=2))),
        equipment=Equipment(software_version="0", device_serial_number="test"),
        models=tuple,
        clock=lambda: bench.now,
    )
    return Shadow(answers, process, lambda: stopping)


def test_each_model_is_asked_for_itself(bench: Bench):
    """One request a model, without outputs: a crash is the model's own and costs no other."""
    process = FakeProcess(said(), said(OTHER), models=(MODEL, OTHER))
    worker = shadow(bench, process)
    assert [worker.step(), worker.step(), worker.step()] == [True, True, False]
    assert [(r.models, r.outputs) for r in process.requests] == [
        (("seeker",), ()),
        (("other",), ()),
    ]
    assert all(bench.journal.opinions(name)[0].document for name in ("seeker", "other"))


@pytest.mark.parametrize("end", [Died(None, "SIGKILL"), Hung(600.0)])
def test_a_killed_process_loses_its_own_word_alone(bench: Bench, end: Died | Hung):
    """After `kill -9` the study is shown again; the answer and its deliveries are as they were."""
    before = bench.journal.overview()
    worker = shadow(bench, FakeProcess(end, said()))
    worker.step()
    assert bench.journal.opinions("seeker")[0].reason == str(end)
    worker.step()
    assert bench.journal.opinions("seeker")[0].document
    assert bench.journal.overview() == before


def test_a_study_that_kills_each_time_is_left(bench: Bench):
    """After max_kills attempts the model in shadow looks at other studies."""
    worker = shadow(bench, FakeProcess(Died(None, "SIGSEGV"), Died(None, "SIGSEGV")))
    assert [worker.step(), worker.step(), worker.step()] == [True, True, False]


def test_a_failure_for_good_is_noted(bench: Bench):
    """An exception in the model is its word: the reason is kept, and it is not tried again."""
    worker = shadow(bench, FakeProcess(Failed("InferenceError", "wrong shape", False)))
    assert [worker.step(), worker.step()] == [True, False]
    assert bench.journal.opinions("seeker")[0].reason == "wrong shape"


def test_models_that_do_not_run_are_tried_later(bench: Bench):
    """It counts against no study that the models in shadow are down."""
    process = FakeProcess(*[ModelError("no package")] * 4, said())
    worker = shadow(bench, process)
    for _ in range(4):
        with pytest.raises(ModelError):
            worker.step()
    assert worker.step() is True


def test_studies_that_wait_go_first(bench: Bench):
    """While a study waits for its analysis nothing runs in shadow."""
    bench.receive("R", "CC", study="1.2.5")
    bench.make_ready()
    process = FakeProcess()
    assert shadow(bench, process).step() is False
    assert process.requests == []


def test_a_node_that_stops_does_not_wait_for_it(bench: Bench):
    """Work in shadow is given up at once, and done after the next start."""
    assert shadow(bench, FakeProcess(), stopping=True).step() is False
    stopping = iter([False, True])
    worker = Shadow(
        shadow(bench, FakeProcess()).answers,
        FakeProcess(lambda heartbeat: heartbeat()),
        lambda: next(stopping),
    )
    with pytest.raises(ModelError, match="the node stops"):
        worker.step()
    assert shadow(bench, FakeProcess(said())).step() is True
