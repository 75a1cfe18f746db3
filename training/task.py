"""What the trainer needs of a task, and the tasks there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from training.config import Phase, task_values
from training.contract import Contract

Sample = dict[str, np.ndarray]
Batch = dict[str, Tensor]


class Source(Protocol):
    """Where samples come from; needs no torch."""

    def draw(self, rng: np.random.Generator) -> Sample:
        """One sample; the same state of the generator gives the same sample."""
        ...

    def rescan(self) -> None:
        """Take up data that is new on disk."""
        ...

    def fingerprint(self) -> str:
        """SHA-256 of the data."""
        ...

    def __len__(self) -> int:
        """How many views, pairs or patches there are."""
        ...


class Task(Protocol):
    """A family of models: its data, its network, its loss and what is exported of it."""

    def source(self, data: Path) -> Source:
        """Open the data."""
        ...

    def network(self) -> nn.Module:
        """Make the network with fresh weights."""
        ...

    def losses(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms of the loss by name, weighted; their sum is minimised."""
        ...

    @property
    def contract(self) -> Contract:
        """Say what the exported file takes and gives."""
        ...

    def deployed(self, net: nn.Module) -> nn.Module:
        """Wrap the trained network as it is exported."""
        ...


def make_task(phase: Phase) -> Task:
    """Make the task that a phase's [task] table names."""
    from training.tasks.density import DensityTask  # noqa: PLC0415 - they import this module
    from training.tasks.detector import DetectorTask  # noqa: PLC0415
    from training.tasks.landmarks import LandmarkTask  # noqa: PLC0415
    from training.tasks.patches import PatchTask  # noqa: PLC0415
    from training.tasks.retina import RetinaTask  # noqa: PLC0415

    kinds: dict[str, Any] = {
        "detector": DetectorTask,
        "patches": PatchTask,
        "density": DensityTask,
        "landmarks": LandmarkTask,
        "retina": RetinaTask,
    }
    kind = phase.task.get("kind")
    if kind not in kinds:
        raise SystemExit(f"task.kind = {kind!r}: there is no such task ({', '.join(kinds)})")
    task: Task = task_values(kinds[kind], phase.task)
    return task


def drawn_batch(task: Task, bank: Path, seed: int, samples: int) -> Batch:
    """Draw samples of a bank as training does."""
    return next(drawn_batches(task, bank, seed, samples))


def drawn_batches(task: Task, bank: Path, seed: int, samples: int) -> Iterator[Batch]:
    """Draw one batch of so many samples after another, without end."""
    source, rng = task.source(bank), np.random.default_rng(seed)
    while True:
        drawn = [source.draw(rng) for _ in range(samples)]
        yield {key: torch.from_numpy(np.stack([d[key] for d in drawn])) for key in drawn[0]}
