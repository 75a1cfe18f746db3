"""One training loop for every model: seeded, resumable, on a processor or a GPU."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from training.config import Config, Phase
from training.record import write_curves, write_record
from training.task import Batch, Sample, Source, Task, make_task

Weights = Mapping[str, Tensor]

CHECKPOINT_EVERY = 100
#: A point of the loss curve is the mean of so many steps, or of fewer in a short run.
CURVE_EVERY = 20
FEWEST_POINTS = 8
#: The learning rate never falls below this share of its maximum.
_LAST_RATE = 0.005
#: What convolutions may be computed in; weights and their optimiser keep 32 bits.
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Batches(Dataset[Sample]):
    """Batch number `step` is the same whoever draws it: in this process or in a worker."""

    def __init__(self, source: Source, seed: int, phase: int, size: int) -> None:
        self.source, self.seed, self.phase, self.size = source, seed, phase, size

    def __getitem__(self, step: int) -> Sample:
        """Draw the batch of a step."""
        if step % CHECKPOINT_EVERY == 0:
            self.source.rescan()
        rng = np.random.default_rng([self.seed, self.phase, step])
        drawn = [self.source.draw(rng) for _ in range(self.size)]
        return {name: np.stack([sample[name] for sample in drawn]) for name in drawn[0]}


class Answering(nn.Module):
    """A network whose convolutions are computed in a precision of `PRECISIONS`.

    It answers in 32 bits, for the loss.
    """

    def __init__(self, net: nn.Module, precision: str) -> None:
        super().__init__()
        self.net, self.precision = net, precision

    def forward(self, *images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return what the network answers."""
        if self.precision == "float32":
            return self.net(*images)
        with torch.autocast(images[0].device.type, PRECISIONS[self.precision]):
            answers = self.net(*images)
        if isinstance(answers, Tensor):
            return answers.float()
        return tuple(answer.float() for answer in answers)


class Run:
    """One phase under way: network, its moving average, optimiser and place in the schedule."""

    def __init__(
        self,
        phase: Phase,
        task: Task,
        device: str,
        minutes: float | None = None,
        weights: Weights | None = None,
        precision: str = "float32",
    ) -> None:
        self.phase, self.task, self.device, self.minutes = phase, task, device, minutes
        self.net = task.network().to(device, memory_format=torch.channels_last)
        self.answering = Answering(self.net, precision)
        given = start_from(self.net, weights or {})
        #: Factors of the learning rate, by part of the network.
        self.rates = {part: r for part, r in phase.rates.items() if part in given}
        self._prepare()
        self.average = copy.deepcopy(self.net).eval()
        self.step, self.elapsed_s = 0, 0.0
        self.curve: list[dict[str, float]] = []

    def _prepare(self) -> None:
        """Freeze what does not learn, and make the optimiser of the rest."""
        for name, parameter in self.net.named_parameters():
            learns = not self.phase.train or name.startswith(self.phase.train)
            parameter.requires_grad_(learns and self.rates.get(part_of(name), 1.0) > 0.0)
        self.optimiser = _optimiser(self.phase, self.net, self.rates)

    @property
    def interval(self) -> int:
        """Steps of one point of the loss curve."""
        return max(1, min(CURVE_EVERY, self.phase.steps // FEWEST_POINTS))

    def progress(self) -> float:
        """Share of the schedule that is done, by steps or, with `minutes`, by the clock."""
        by_steps = self.step / self.phase.steps
        if self.minutes is None:
            return by_steps
        return max(by_steps, self.elapsed_s / (60.0 * self.minutes))

    def advance(self, batch: Batch) -> dict[str, float]:
        """One optimiser step; returns the terms of the loss.

        Raises
        ------
        SystemExit
            If the loss is not finite: weights would be lost for good, and hours with them.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate() * group["factor"]
        self.net.train()
        if self.phase.freeze_norm:
            for module in self.net.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        for part, factor in self.rates.items():
            if factor == 0.0:
                self.net.get_submodule(part).eval()
        terms = self.task.losses(self.answering, batch)
        loss = torch.stack(list(terms.values())).sum()
        if not torch.isfinite(loss):
            raise SystemExit(
                f"step {self.step}: the loss is {loss.item()}: a value of the batch is not finite,"
                " or the learning rate is too high. The last checkpoint is whole"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.phase.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return {name: term.item() for name, term in terms.items()}

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / max(self.phase.warm_up, 1))
        if self.phase.schedule == "constant":
            return self.phase.learning_rate * warm
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, self.progress())))
        return self.phase.learning_rate * warm * max(cosine, _LAST_RATE)

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.phase.ema, (1 + self.step) / (10 + self.step)) if self.phase.ema else 0.0
        pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1.0 - keep)
            else:
                mean.copy_(now)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rates": self.rates,
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "curve": self.curve,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a saved state, at the rates that it began with, whatever was given now."""
        self.rates = state.get("rates", self.rates)
        self._prepare()
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        self.curve = state["curve"]


def start_from(net: nn.Module, weights: Weights) -> set[str]:
    """Copy the weights that fit by name and shape; returns the parts that some of them are of."""
    own = net.state_dict()
    fit = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}
    net.load_state_dict({**own, **fit})
    return {part_of(name) for name in fit}


def part_of(name: str) -> str:
    """Return the part of a network that a tensor belongs to: the first piece of its name."""
    return name.split(".", 1)[0]


def train(
    config: Config,
    data: Path,
    out: Path,
    *,
    minutes: float | None = None,
    device: str = "auto",
    precision: str = "float32",
    init: Weights | None = None,
    stop_at: int | None = None,
) -> Run:
    """Train all phases, or go on training, and write weights, record and curves into `out`.

    Parameters
    ----------
    config
        What to train.
    data
        Folder made by `training.bank` (or what the task's source reads).
    out
        Gets `weights.pt` (the moving average), `run.json`, `curves.svg` and `checkpoint.pt` for
        each phase; those of the last phase lie in `out` itself.
    minutes
        End the schedule by the clock; the phases share them by their steps.
    device
        "cpu", "cuda", or "auto" for a GPU if there is one.
    precision
        One of `PRECISIONS`, of convolutions. "bfloat16" is several times as fast where the
        hardware multiplies it (processors with AMX, GPUs), and slower elsewhere.
    init
        Weights to start from; tensors that do not fit stay fresh.
    stop_at
        Break off after that step of the last phase, to be resumed.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    device = _device(device)
    total = sum(phase.steps for phase in config.phases)
    weights = init or {}
    last = len(config.phases) - 1
    for number, phase in enumerate(config.phases):
        folder = out if number == last else out / f"phase-{number + 1}"
        limit = None if minutes is None else minutes * phase.steps / total
        stop = stop_at if number == last else None
        run = Run(phase, make_task(phase), device, limit, weights, precision)
        _train_phase(run, config, number, data, folder, stop)
        weights = run.average.state_dict()
    return run


def _train_phase(
    run: Run, config: Config, number: int, data: Path, out: Path, stop_at: int | None
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    phase = run.phase
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        run.resume(torch.load(checkpoint, weights_only=True, map_location=run.device))
    source = run.task.source(data)
    begun = time.monotonic() - run.elapsed_s
    recent: list[dict[str, float]] = []
    with _progress() as bar:
        shown = bar.add_task(
            f"{config.name} {number + 1}", total=phase.steps, completed=run.step, loss=0.0
        )
        for batch in _batches(config, number, source, run, stop_at):
            recent.append(run.advance(batch))
            run.elapsed_s = time.monotonic() - begun
            if run.step % run.interval == 0:
                run.curve.append(_point(run, recent))
                recent.clear()
            bar.update(shown, completed=run.step, loss=run.curve[-1]["loss"] if run.curve else 0.0)
            if run.step % CHECKPOINT_EVERY == 0:
                _save(run.state(), checkpoint)
            if run.progress() >= 1.0:
                break
    _save(run.state(), checkpoint)
    _save(run.average.state_dict(), out / "weights.pt")
    write_curves(run.curve, out / "curves.svg", config.name)
    parameters = sum(p.numel() for p in run.net.parameters())
    write_record(
        out / "run.json",
        name=config.name,
        seed=config.seed,
        phase=asdict(phase),
        steps_done=run.step,
        minutes_limit=run.minutes,
        seconds=round(run.elapsed_s, 1),
        parameters=parameters,
        samples=len(source),
        data=data.name,
        data_sha256=source.fingerprint(),
        torch=torch.__version__,
        device=run.device,
        precision=run.answering.precision,
        curve=run.curve,
    )


def _batches(
    config: Config, number: int, source: Source, run: Run, stop_at: int | None
) -> Iterator[Batch]:
    """Batches from the run's step on, drawn ahead by workers if there are any."""
    last = run.phase.steps if stop_at is None else min(stop_at, run.phase.steps)
    drawn = Batches(source, config.seed, number, run.phase.batch)
    loader: DataLoader[Sample] = DataLoader(
        drawn,
        batch_size=None,
        sampler=range(run.step, last),
        num_workers=config.workers,
        pin_memory=run.device == "cuda",
    )
    for batch in loader:
        yield {name: value.to(run.device, non_blocking=True) for name, value in batch.items()}


def _point(run: Run, recent: list[dict[str, float]]) -> dict[str, float]:
    mean = {name: float(np.mean([terms[name] for terms in recent])) for name in recent[0]}
    point = {"step": float(run.step), "loss": sum(mean.values()), **mean}
    return {name: round(value, 5) for name, value in point.items()}


def _optimiser(phase: Phase, net: nn.Module, rates: Mapping[str, float]) -> torch.optim.Optimizer:
    learning = _groups(net, rates)
    rate, decay = phase.learning_rate, phase.weight_decay
    if phase.optimiser == "adamw":
        return torch.optim.AdamW(learning, lr=rate, weight_decay=decay)
    if phase.optimiser == "radam":
        return torch.optim.RAdam(learning, lr=rate, weight_decay=decay)
    if phase.optimiser == "sgd":
        return torch.optim.SGD(learning, lr=rate, weight_decay=decay, momentum=0.9)
    raise SystemExit(f"optimiser = {phase.optimiser!r}: adamw, radam or sgd")


def _groups(net: nn.Module, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Parameters that learn, by the factor of their learning rate."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(rates.get(part_of(name), 1.0), []).append(parameter)
    return [{"params": found, "factor": factor} for factor, found in groups.items()]


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(),
    )


def _save(state: Any, path: Path) -> None:
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)
