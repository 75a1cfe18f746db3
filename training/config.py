"""What a training run depends on, besides the bank: one TOML file.

Top-level keys are those of every phase; a run with several phases has [[phase]] tables that change
some of them. [task] says what is trained.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mammo_node.analyse.flips import FLIPS


@dataclass(frozen=True, slots=True)
class Phase:
    """One schedule.

    `steps` batches of `batch` samples; `optimiser` is "adamw", "radam" or "sgd"; the rate climbs
    for `warm_up` steps and then follows `schedule`, "cosine" or "constant"; `ema` is the weight of
    the past in the moving average of the weights (0: no average); `train` names the parts of the
    network that learn (empty: all), and with `freeze_norm` batch normalisation keeps its
    statistics. `rates` are factors of the learning rate for parts of the network that begin with
    given weights; with 0 a part stays as it was given, and what begins with fresh weights learns
    at the full rate. `task` holds the task's own keys.
    """

    steps: int = 1000
    batch: int = 8
    learning_rate: float = 2e-3
    optimiser: str = "adamw"
    schedule: str = "cosine"
    weight_decay: float = 1e-4
    warm_up: int = 60
    ema: float = 0.998
    clip: float = 10.0
    train: tuple[str, ...] = ()
    freeze_norm: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A run: its phases in order. `threads` and `workers` change speed, never the result.

    `begin` names, for parts of the network, the models whose weights they begin with where these
    have been trained.
    """

    name: str
    seed: int = 1
    threads: int = 1
    workers: int = 0
    begin: dict[str, str] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read a TOML file; an unknown key is an error that names it."""
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls.from_values(values, str(path))

    @classmethod
    def from_values(cls, values: dict[str, Any], where: str = "configuration") -> Config:
        """Make one of parsed TOML."""
        values = dict(values)
        phases = values.pop("phase", [{}])
        own = {f.name for f in fields(cls)} - {"phases"}
        run = {key: values.pop(key) for key in list(values) if key in own}
        if "name" not in run:
            raise SystemExit(f"{where}: name: this key is needed")
        return cls(**run, phases=tuple(_phase(values, table, where) for table in phases))


def _phase(common: dict[str, Any], own: dict[str, Any], where: str) -> Phase:
    shared, mine = common.get("task", {}), own.get("task", {})
    # A phase of another kind has nothing in common with the run's task.
    same = mine.get("kind", shared.get("kind")) == shared.get("kind")
    task = {**shared, **mine} if same else mine
    values = {**common, **own, "task": task}
    known = {f.name for f in fields(Phase)}
    if unknown := sorted(set(values) - known):
        raise SystemExit(f"{where}: there is no key {', '.join(unknown)}")
    if "kind" not in task:
        raise SystemExit(f"{where}: task.kind: this key is needed")
    return Phase(**{**values, "train": tuple(values.get("train", ()))})


def check_flips(flips: tuple[str, ...]) -> None:
    """Refuse what is no list of flips, before hours of training."""
    if not isinstance(flips, tuple) or set(flips) - set(FLIPS):
        raise SystemExit(f"task.flips: {flips!r}: must be a list of {', '.join(FLIPS)}")


def task_values(cls: type, task: dict[str, Any], where: str = "task") -> Any:
    """Make a task's dataclass of its table; lists become tuples, an unknown key is an error."""
    known = {f.name for f in fields(cls)}
    values = {key: value for key, value in task.items() if key != "kind"}
    if unknown := sorted(set(values) - known):
        raise SystemExit(f"{where}: there is no key {', '.join(unknown)}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
