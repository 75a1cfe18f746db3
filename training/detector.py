"""Train the lesion detector on a bank of phantom views.

    python -m training.detector --config training/configs/lesion-detector.toml \
        --bank build/bank --out build/lesion-detector

Seeded; resumes from the last checkpoint in the output folder; writes `run.json` (configuration,
data hash, code version, loss curve) and `weights.pt` (the moving average of the weights).
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import platform
import subprocess
import time
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from training.bank import LABELS
from training.crops import CropRules, CropSource
from training.loss import box_loss, heat_loss
from training.network import LesionNet

CHECKPOINT_EVERY = 100


@dataclass(frozen=True, slots=True)
class Config:
    """What a run depends on, besides the bank."""

    name: str = "lesion-detector"
    seed: int = 1
    steps: int = 4000
    batch: int = 8
    crop_px: int = 256
    width: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warm_up: int = 100
    ema: float = 0.998
    box_weight: float = 2.0
    threads: int = 1

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read a TOML file; an unknown key is an error."""
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise SystemExit(f"{path}: there is no key {', '.join(unknown)}")
        return cls(**values)


class Run:
    """One training run: network, its moving average, optimiser and place in the schedule."""

    def __init__(self, config: Config, minutes: float | None = None) -> None:
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        self.config, self.minutes = config, minutes
        self.net = LesionNet(labels=len(LABELS), width=config.width)
        self.net = self.net.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.step, self.elapsed_s = 0, 0.0
        self.curve: list[tuple[int, float, float]] = []

    def progress(self) -> float:
        """Share of the schedule that is done, by steps or, with `minutes`, by the clock."""
        by_steps = self.step / self.config.steps
        if self.minutes is None:
            return by_steps
        return max(by_steps, self.elapsed_s / (60.0 * self.minutes))

    def advance(self, images: Tensor, targets: tuple[Tensor, ...]) -> tuple[float, float]:
        """One optimiser step; returns the two losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.net.train()
        heat, edges, weight, care = targets
        logits, found = self.net(images.to(memory_format=torch.channels_last))
        heat_term = heat_loss(logits, heat, care)
        box_term = box_loss(found, edges, weight)
        self.optimiser.zero_grad(set_to_none=True)
        (heat_term + self.config.box_weight * box_term).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.optimiser.step()
        self.step += 1
        self._average()
        return heat_term.item(), box_term.item()

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warm_up)
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, self.progress())))
        return self.config.learning_rate * warm * max(cosine, 0.005)

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1.0 - keep)
            else:
                mean.copy_(now)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "config": asdict(self.config),
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "curve": self.curve,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        self.curve = state["curve"]


def draw_batch(source: CropSource, config: Config, step: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Draw the batch of a step: the same seed and bank give the same crops."""
    rng = np.random.default_rng([config.seed, step])
    drawn = [source.draw(rng) for _ in range(config.batch)]
    images = torch.from_numpy(np.stack([image for image, _ in drawn]))
    names = ("heat", "edges", "weight", "care")
    targets = tuple(
        torch.from_numpy(np.stack([getattr(target, name) for _, target in drawn])) for name in names
    )
    return images, targets


def train(
    config: Config,
    bank: Path,
    out: Path,
    minutes: float | None = None,
    *,
    stop_at: int | None = None,
) -> Run:
    """Train, or go on training, and write weights and run record into `out`.

    `minutes` ends the schedule by the clock; `stop_at` breaks off after that step, to be resumed.
    """
    out.mkdir(parents=True, exist_ok=True)
    run = Run(config, minutes)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        run.resume(torch.load(checkpoint, weights_only=True))
    source = CropSource(bank, CropRules(size_px=config.crop_px))
    begun = time.monotonic() - run.elapsed_s
    bar = tqdm(total=config.steps, initial=run.step, unit="step")
    recent: list[tuple[float, float]] = []
    while run.progress() < 1.0 and run.step != stop_at:
        recent.append(run.advance(*draw_batch(source, config, run.step)))
        run.elapsed_s = time.monotonic() - begun
        bar.update()
        if run.step % 20 == 0:
            heat, box = np.mean(recent, axis=0)
            recent.clear()
            run.curve.append((run.step, round(float(heat), 4), round(float(box), 4)))
            bar.set_postfix(heat=f"{heat:.3f}", box=f"{box:.3f}", views=len(source.views))
        if run.step % CHECKPOINT_EVERY == 0:
            _save(run.state(), checkpoint)
            source.rescan()
    bar.close()
    _save(run.state(), checkpoint)
    _save(run.average.state_dict(), out / "weights.pt")
    (out / "run.json").write_text(json.dumps(_record(run, source, bank), indent=1) + "\n")
    return run


def _save(state: Any, path: Path) -> None:
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def _record(run: Run, source: CropSource, bank: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name in sorted(source.views):
        digest.update(name.encode() + source.views[name].image.tobytes())
    return {
        "config": asdict(run.config),
        "steps_done": run.step,
        "minutes_limit": run.minutes,
        "seconds": round(run.elapsed_s, 1),
        "parameters": sum(p.numel() for p in run.net.parameters()),
        "views": len(source.views),
        "bank": bank.name,
        "data_sha256": digest.hexdigest(),
        "code": _code_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "loss_curve": run.curve,
    }


def _code_version() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git runs
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True, help="folder made by training.bank")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="end the schedule by the clock")
    options = parser.parse_args()
    train(Config.read(options.config), options.bank, options.out, options.minutes)


if __name__ == "__main__":
    main()
