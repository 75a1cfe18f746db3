"""Make every model from nothing: render, train, export, quantise, measure, package.

    python -m training.models --out build            # hours on a processor, minutes on a GPU
    python -m training.models --out build/smoke --smoke

What is there already is not made again, so that an interrupted run goes on where it stopped. The
smoke version makes tiny ones, to show that every step works and that every loss falls.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mammo_node.config import Models, Worker
from mammo_node.engine import Engine
from mammo_node.phantom import TextureBank
from training.bank import STUDIES_PER_TEXTURE, render
from training.begin import read_weights
from training.card import add_images, write_package
from training.config import Config, Phase
from training.export import build, export_checked
from training.measure import measure
from training.quantise import quantise
from training.task import drawn_batch, make_task
from training.trainer import PRECISIONS, train

CONFIGS = Path(__file__).parent / "configs"
#: Configurations of the models that are shipped or meant to be.
MODELS = (
    "lesion-detector",
    "cluster-detector",
    "landmarks",
    "density",
    "findings-classifier",
    "nodule-patches",
    "microcalcification-patches",
)
VERSION = "0.3.0"
#: What makes networks and crops of the smoke version small, where a task has such a key.
_SMALL = {"width": 8, "crop_px": 128, "cells": 7}
#: The smoke version compares losses on so many samples; a few windows may happen to get worse.
PROBED = 64


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is made: studies to train on and to measure on, steps, patches or images measured.

    None leaves what the configurations say.
    """

    studies: int = 400
    held_out: int = 100
    held_out_signs: int = 80
    pitch_mm: float = 0.1
    steps: int | None = None
    samples: int | None = None


SMOKE = Scale(studies=2, held_out=1, held_out_signs=1, pitch_mm=0.1, steps=48, samples=40)


@dataclass(frozen=True, slots=True)
class Banks:
    """Views to train on, held-out ones as women have lesions, and held-out ones rich in signs."""

    training: Path
    held_out: Path
    held_out_signs: Path

    def measured_on(self, config: Config) -> tuple[Path, ...]:
        """Return what a model is measured on: of ten findings most are rare but among signs."""
        rich = len(config.phases[-1].task.get("labels", ())) > 1
        return (self.held_out, self.held_out_signs) if rich else (self.held_out,)


def render_banks(out: Path, scale: Scale) -> Banks:
    """Render what is missing of the banks."""
    banks = Banks(out / "bank", out / "held-out", out / "held-out-signs")
    mm = scale.pitch_mm
    _render(banks.training, 100_000, scale.studies, mm)
    _render(banks.held_out, 900_000, scale.held_out, mm, counts=(2, 1), raw=True)
    _render(banks.held_out_signs, 910_000, scale.held_out_signs, mm, signless=0.0)
    return banks


def _render(folder: Path, first: int, studies: int, pitch_mm: float, **how: Any) -> None:
    """Render the studies that are not there yet; `how` is for `training.bank.render`."""
    folder.mkdir(parents=True, exist_ok=True)
    tiles: dict[int, TextureBank] = {}
    for seed in range(first, first + studies):
        if any(folder.glob(f"{seed:07d}-LMLO-*.npz")):
            continue
        number = seed // STUDIES_PER_TEXTURE
        if number not in tiles:
            tiles = {number: TextureBank.from_seed(number)}
        render(seed, folder, pitch_mm, tiles[number], **how)


def make_model(
    name: str, out: Path, banks: Banks, scale: Scale, precision: str = "float32"
) -> Config:
    """Train, export, quantise, measure and package one model, unless it is there already."""
    folder = out / name
    config = _shortened(Config.read(CONFIGS / f"{name}.toml"), scale.steps)
    if (out / "packages" / name / "README.md").exists():
        return config
    given = read_weights(_begun_with(config, out))
    train(config, banks.training, folder, precision=precision, init=given)
    model, task = build(config, folder / "weights.pt")
    export_checked(model, task.contract, folder / "model.onnx")
    small = folder / "int8.onnx"
    quantise(config, folder / "model.onnx", banks.training, small, 4 if scale.steps else 48)
    for onnx, figures in (("model.onnx", "figures.json"), ("int8.onnx", "figures-int8.json")):
        found = measure(config, folder / onnx, banks.measured_on(config), scale.samples)
        (folder / figures).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    package = out / "packages" / name
    write_package(config, folder, package, VERSION)
    add_images(config, folder, package, banks.held_out, VERSION, scale.samples)
    _start(out / "packages", name)
    return config


def _begun_with(config: Config, out: Path) -> list[str]:
    """Weights of models made before; without them a part begins with fresh ones."""
    files = {part: out / name / "weights.pt" for part, name in config.begin.items()}
    return [f"{part}={file}" for part, file in files.items() if file.exists()]


def _start(packages: Path, name: str) -> None:
    """Load and self-test a package as the node does; it must be one that the node takes."""
    Engine.start(Models(folder=packages.resolve(), use=(name,)), Worker())


def _shortened(config: Config, steps: int | None) -> Config:
    if steps is None:
        return config
    phases = tuple(
        replace(p, steps=steps, batch=min(p.batch, 4), warm_up=5, task=_small(p))
        for p in config.phases
    )
    return replace(config, phases=phases)


def _small(phase: Phase) -> dict[str, Any]:
    return phase.task | {key: _SMALL[key] for key in _SMALL if key in phase.task}


def probe(config: Config, bank: Path, weights: Path) -> tuple[float, float]:
    """Loss of the same samples with fresh weights and with trained ones."""
    task = make_task(config.phases[-1])
    batch = drawn_batch(task, bank, 0, PROBED)
    torch.manual_seed(config.seed)
    losses = []
    for state in (None, torch.load(weights, weights_only=True)):
        net = task.network()
        if state:
            net.load_state_dict(state)
        with torch.no_grad():
            losses.append(float(sum(task.losses(net.train(), batch).values())))
    return losses[0], losses[1]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--smoke", action="store_true", help="tiny versions of everything")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--only", nargs="+", default=list(MODELS), choices=MODELS)
    options = parser.parse_args()
    scale = SMOKE if options.smoke else Scale()
    banks = render_banks(options.out, scale)
    for name in options.only:
        config = make_model(name, options.out, banks, scale, options.precision)
        print(f"{name}: {options.out / 'packages' / name}")
        if options.smoke:
            before, after = probe(config, banks.training, options.out / name / "weights.pt")
            print(f"{name}: loss {before:.3f} before, {after:.3f} after {scale.steps} steps")
            if not after < before:
                raise SystemExit(f"{name}: the loss does not fall")


if __name__ == "__main__":
    main()
