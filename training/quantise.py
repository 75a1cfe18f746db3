"""An int8 variant of an exported model: QDQ, static, calibrated on phantoms.

    python -m training.quantise --config C.toml --model model.onnx --bank build/bank --out int8.onnx

How is in `training.qdq`. Kept only where it holds its figures: see `training.card`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.config import Config
from training.contract import Contract
from training.qdq import quantise_file
from training.task import Source, make_task

SAMPLES = 48


def _draw(source: Source, contract: Contract, count: int) -> Iterator[dict[str, np.ndarray]]:
    rng = np.random.default_rng(5)
    for _ in range(count):
        sample = source.draw(rng)
        inputs = {}
        for name, _, rows, _ in contract.inputs:
            image = sample[name]
            pool = 1 if contract.multiple else rows // image.shape[1]
            inputs[name] = np.repeat(np.repeat(image, pool, 1), pool, 2)[None]
        yield inputs


def quantise(config: Config, model: Path, bank: Path, out: Path, count: int = SAMPLES) -> None:
    """Write the int8 variant of `model` to `out`."""
    task = make_task(config.phases[-1])
    quantise_file(model, out, _draw(task.source(bank), task.contract, count))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    quantise(Config.read(options.config), options.model, options.bank, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
