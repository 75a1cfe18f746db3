"""Models in shadow: after the answer, beside it, and never in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.analyse.assessment import Rules
from mammo_node.analyse.exchange import Answer as Answered
from mammo_node.analyse.exchange import Died, Failed, Hung
from mammo_node.analyse.opinion import opinion_of
from mammo_node.errors import ModelError
from mammo_node.shadow import Shadow
from mammo_node.vocabulary import ModelRef
from tests.unit.answer_desk import FakeProcess, answers, bench_with_image
from tests.unit.journal_cases import Bench
from tests.unit.study_views import MODEL, four

OTHER = ModelRef("other", "1.0", "9" * 64)


def said(model: ModelRef = MODEL) -> Answered:
    return Answered(opinion_of(four(), (), model, Rules()))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One answered study."""
    bench = bench_with_image(tmp_path)
    bench.answer()
    return bench


def shadow(bench: Bench, process: FakeProcess, *, stopping: bool = False) -> Shadow:
    return Shadow(answers(bench, shadow=("seeker", "other")), process, lambda: stopping)


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
        answers(bench),
        FakeProcess(lambda _, heartbeat: heartbeat()),
        lambda: next(stopping),
    )
    with pytest.raises(ModelError, match="the node stops"):
        worker.step()
    assert shadow(bench, FakeProcess(said())).step() is True
