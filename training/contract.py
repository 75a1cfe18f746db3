"""What an exported model takes and gives: names, shapes, and which sides are free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contract:
    """Inputs and outputs of an ONNX file.

    `inputs` are (name, channels, rows, columns) as traced; with `multiple` rows and columns are
    free and multiples of it, with 0 they are fixed. `sets` says that the outputs are a list of
    candidates, whose order may differ where scores are nearly equal: boxes, scores, labels first.
    `batches` says that any number of inputs is taken at once, as windows are; `half` that weights
    are stored in half precision.
    """

    inputs: tuple[tuple[str, int, int, int], ...]
    outputs: tuple[str, ...]
    multiple: int = 0
    sets: bool = False
    batches: bool = False
    half: bool = False
