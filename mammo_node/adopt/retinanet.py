"""Weights of torchvision's RetinaNet become a model package.

The graph is built from the state dict alone, and compared with plain numpy on the same weights
before it is written: a graph that computes something else is not. Rewritten for speed, it is
compared once more, on a mammogram, with the graph that it was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammo_node.adopt.checkpoint import Tensors, read_checkpoint
from mammo_node.adopt.numpy_operations import NumpyOperations
from mammo_node.adopt.package_folder import Adoption, manifest_text, read_file, write_package
from mammo_node.adopt.retinanet_network import RetinaNetWeights, Value
from mammo_node.adopt.retinanet_page import (
    COLUMN,
    DELTAS,
    IMAGE,
    LARGEST_STRIDE,
    LOGITS,
    PADDED_TO,
    PARITY_SIZE,
    ROW,
    TRIAL_SIDE,
    Quicker,
    card,
    input_and_output,
    quicker_words,
    trimmed_inputs,
)
from mammo_node.adopt.trial import Trial, compare, difference, mammogram
from mammo_node.adopt.trimmed_operations import TrimmableOperations, Trimmed, TrimmedOperations
from mammo_node.analyse.onnx_file import inspect
from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.session import open_session
from mammo_node.errors import ModelPackageError
from mammo_node.vocabulary import InputSpec

_CHANNELS = 3
#: Three scales at three ratios: the only anchors whose shapes this import knows.
_ANCHORS_PER_CELL = 9
#: Largest difference, as a share of the largest value, between ONNX Runtime and numpy.
_PARITY = 1e-4
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class AdoptedRetinaNet:
    """A package, and how well its graph computes what the weights mean.

    ``difference`` is between ONNX Runtime and numpy, relative to the largest value; ``trial`` is
    that of the rewritten graph, where there is one.
    """

    package: ModelPackage
    difference: float
    trial: Trial | None


def adopt_retinanet(
    source: Path, adoption: Adoption, folder: Path, quicker: Quicker
) -> AdoptedRetinaNet:
    """Write a package for a checkpoint into a new folder ``folder / adoption.name``.

    Raises
    ------
    ModelPackageError
        If the file holds no RetinaNet of torchvision, the graph does not compute what numpy
        does, a class or finding is not known, or the folder is there already.
    """
    weights = _weights(source, read_checkpoint(read_file(source)))
    classes = adoption.classes(dict.fromkeys(range(weights.classes), ""))
    told = trimmed_inputs(weights, quicker)
    model = build_model(weights, trimmed=told is not None)
    differs = _required(source, "weights", parity(weights, model, trimmed=told is not None))
    trial = None
    if quicker.winograd:
        plain, model = model, rewritten(model)
        trial = _trial(plain, model, told)
        _required(source, "graph it was rewritten from", trial.difference)
    manifest = manifest_text(
        adoption,
        classes,
        model=model,
        opset=inspect(model).opset,
        description=weights.description,
        tables=input_and_output(weights, quicker),
    )
    text = card(source, adoption, weights, differs) + quicker_words(quicker, trial)
    package = write_package(folder, adoption.name, model, manifest, text)
    return AdoptedRetinaNet(package, differs, trial)


def _required(source: Path, what: str, differs: float) -> float:
    if not differs <= _PARITY:
        raise ModelPackageError(
            f"{source}: the ONNX graph differs from the {what} by {differs:.2g} of the largest"
            f" value (at most {_PARITY:g} is allowed)"
        )
    return differs


def rewritten(model: bytes) -> bytes:
    """Return a graph of :func:`build_model` with its wide 3x3 convolutions as Winograd's."""
    from onnx import load_from_string  # noqa: PLC0415 - optional, and build_model has asked for it

    from mammo_node.adopt.winograd import rewrite  # noqa: PLC0415

    return bytes(rewrite(load_from_string(model))[0].SerializeToString())


def _trial(plain: bytes, model: bytes, trimmed: tuple[str, str] | None) -> Trial:
    spec = InputSpec(
        name=IMAGE,
        channels=("zscore",) * _CHANNELS,
        longest_side=TRIAL_SIDE,
        crop="none",
        mirror="none",
        pad_multiple=PADDED_TO,
        trim="breast",
        trim_grid=LARGEST_STRIDE,
        trimmed_inputs=trimmed,
        interpolation="bilinear",
    )
    outputs = (LOGITS, DELTAS)
    return compare(plain, model, mammogram(spec), outputs=outputs, rounds=_ROUNDS)


def build_model(weights: RetinaNetWeights, *, trimmed: bool = False) -> bytes:
    """Return an ONNX file with ``logits`` and ``deltas`` of every anchor; rows, columns dynamic.

    Parameters
    ----------
    trimmed : bool
        Group norm takes the statistics of the whole image, of which two more inputs say what was
        cut away: a column (1, 3, rows of the whole, 1) and a row (1, 3, 1, columns of the whole).

    Raises
    ------
    ModelPackageError
        If the package ``onnx`` is not installed.
    """
    try:
        from mammo_node.adopt.onnx_operations import OnnxOperations  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise ModelPackageError(
            "importing weights needs the package onnx: pip install 'mammo-node[training]'"
        ) from error
    ops = OnnxOperations()
    inputs: dict[str, tuple[int | str, ...]] = {IMAGE: (1, _CHANNELS, "rows", "columns")}
    if trimmed:
        inputs[COLUMN] = (1, _CHANNELS, "all_rows", 1)
        inputs[ROW] = (1, _CHANNELS, 1, "all_columns")
    logits, deltas = _run(weights, ops, list(inputs))
    outputs = {LOGITS: (logits, weights.classes), DELTAS: (deltas, 4)}
    return bytes(ops.model(inputs, outputs).SerializeToString())


def parity(weights: RetinaNetWeights, model: bytes, *, trimmed: bool = False) -> float:
    """Return the largest difference to plain numpy, relative to the largest value."""
    chance, (rows, columns) = np.random.default_rng(0), PARITY_SIZE
    sizes = {IMAGE: (rows, columns)}
    if trimmed:
        sizes |= {COLUMN: (rows + LARGEST_STRIDE, 1), ROW: (1, columns + LARGEST_STRIDE)}
    inputs = {
        name: chance.standard_normal((1, _CHANNELS, *size)).astype(np.float32)
        for name, size in sizes.items()
    }
    session = open_session(model, provider="cpu", threads=1, name="the imported graph")
    found = session.run(inputs, (LOGITS, DELTAS))
    expected = _run(weights, NumpyOperations(), list(inputs.values()))
    return max(difference(f, e) for f, e in zip(found, expected, strict=True))


def _run(
    weights: RetinaNetWeights, ops: TrimmableOperations[Value], inputs: Sequence[Value]
) -> tuple[Value, Value]:
    """Return logits and deltas of an image alone, or with a column and a row cut off it."""
    if len(inputs) == 1:
        return weights.run(ops, inputs[0])
    logits, deltas = weights.run(TrimmedOperations(ops), Trimmed(*inputs))
    return logits.part, deltas.part


def _weights(source: Path, tensors: Tensors) -> RetinaNetWeights:
    try:
        weights = RetinaNetWeights(tensors)
    except ModelPackageError as error:
        raise ModelPackageError(f"{source}: {error}") from error
    if weights.anchors_per_cell != _ANCHORS_PER_CELL:
        raise ModelPackageError(
            f"{source}: {weights.anchors_per_cell} anchors at each place; {_ANCHORS_PER_CELL}"
            " are known (three scales, three ratios)"
        )
    return weights
