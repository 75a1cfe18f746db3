"""The node's loop of models in shadow: what goes wrong there stays there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import structlog

from mammo_node.config import Configuration, Settings, Storage
from mammo_node.errors import ModelPackageError
from mammo_node.node import Node
from mammo_node.pipeline import PipelineReport
from mammo_node.vocabulary import ModelRef


class FakeShadow:
    """Works, or fails as told; its process has started so often."""

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = list(outcomes)
        report = PipelineReport((ModelRef("next", "2.0", "0" * 64),), "cpu", "0")
        self.process = SimpleNamespace(report=report, starts=1, pid=7)

    def step(self) -> bool:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome)


def node(tmp_path: Path) -> Node:
    made = Node(Configuration(settings=Settings(storage=Storage(folder=tmp_path))))
    made._stopping.wait = lambda _=None: False  # no pause in a test
    return made


def test_models_in_shadow_that_are_down_are_told_and_nothing_else(tmp_path: Path):
    """The log says so; the node's own models are not called down, and the loop goes on."""
    running = node(tmp_path)
    with structlog.testing.capture_logs() as logged:
        assert running._show(FakeShadow(ModelPackageError("no such package"))) is False
    (entry,) = logged
    assert (entry["event"], entry["reason"]) == ("shadow-down", "no such package")
    assert running._readiness.problem is None


def test_a_process_in_shadow_is_announced_once(tmp_path: Path):
    """Each start is one line, with the models and their versions."""
    running, shadow = node(tmp_path), FakeShadow(True, True, False)
    with structlog.testing.capture_logs() as logged:
        assert [running._show(shadow) for _ in range(3)] == [True, True, False]
    assert [entry["event"] for entry in logged] == ["shadow-ready"]
    assert logged[0]["models"] == ["next 2.0"]


def test_a_node_that_stops_says_nothing_of_it(tmp_path: Path):
    """Work that was given up because the node stops is no fault of the models."""
    running = node(tmp_path)
    running._stopping.set()
    with structlog.testing.capture_logs() as logged:
        assert running._show(FakeShadow(ModelPackageError("the node stops"))) is False
    assert logged == []
