"""Static 8 bit quantisation of an ONNX file: QDQ, calibrated on inputs.

Convolutions only, weights per channel, one bit of range given up so that no processor's 8 bit
products overflow. Needs onnx and onnxruntime, not torch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

Inputs = Mapping[str, np.ndarray]
#: Calibration holds every activation of one input: larger inputs are cut to windows of this side.
WINDOW_PX = 1024


class Inputs8(CalibrationDataReader):
    """Inputs one after another, as the calibration asks for them."""

    def __init__(self, inputs: Iterable[Inputs]) -> None:
        self._inputs = iter(inputs)

    def get_next(self) -> Inputs | None:
        """Return the next input, or None at the end."""
        return next(self._inputs, None)


def quantise_file(model: Path, out: Path, inputs: Iterable[Inputs]) -> None:
    """Write the int8 variant of `model` to `out`; `inputs` are one for each run of the graph."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(out),
            Inputs8(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def windows(tensor: np.ndarray, side: int = WINDOW_PX) -> Iterator[np.ndarray]:
    """Cut an input into parts of at most `side` pixels."""
    for rows, columns in _places(tensor, side):
        yield np.ascontiguousarray(tensor[:, :, rows, columns])


def told_windows(
    inputs: Inputs, image: str, trimmed: tuple[str, str], side: int = WINDOW_PX
) -> Iterator[Inputs]:
    """Cut an image into parts as :func:`windows`, and what was trimmed off it to their length.

    So nothing is missing of a part: its statistics are its own. Column and row hold what they
    will hold in use all the same, and are calibrated by it.
    """
    column, row = (inputs[name] for name in trimmed)
    for rows, columns in _places(inputs[image], side):
        part = np.ascontiguousarray(inputs[image][:, :, rows, columns])
        yield {
            image: part,
            trimmed[0]: np.ascontiguousarray(column[:, :, rows][:, :, : part.shape[2]]),
            trimmed[1]: np.ascontiguousarray(row[..., columns][..., : part.shape[3]]),
        }


def _places(tensor: np.ndarray, side: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each part."""
    rows, columns = tensor.shape[2:]
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            yield slice(top, top + side), slice(left, left + side)
