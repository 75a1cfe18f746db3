"""An int8 variant of an exported model: QDQ, static, calibrated on phantoms.

    python -m training.quantise --config C.toml --model model.onnx --bank build/bank --out int8.onnx

Convolutions only, weights per channel, one bit of range given up so that no processor's 8 bit
products overflow. Kept only where it holds its figures: see `training.card`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.config import Config
from training.contract import Contract
from training.task import Source, make_task

SAMPLES = 48


class Samples(CalibrationDataReader):
    """Inputs drawn as in training."""

    def __init__(self, source: Source, contract: Contract, count: int = SAMPLES) -> None:
        self._samples = _draw(source, contract, count)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input, or None at the end."""
        return next(self._samples, None)


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
    samples = Samples(task.source(bank), task.contract, count)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(out),
            samples,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


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
