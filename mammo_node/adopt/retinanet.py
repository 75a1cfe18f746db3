"""Weights of torchvision's RetinaNet become a model package.

The graph is built from the state dict alone, and compared with plain numpy on the same weights
before it is written: a graph that computes something else is not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mammo_node.adopt.checkpoint import Tensors, read_checkpoint
from mammo_node.adopt.numpy_operations import NumpyOperations
from mammo_node.adopt.package_folder import Adoption, manifest_text, read_file, write_package
from mammo_node.adopt.retinanet_network import RetinaNetWeights
from mammo_node.analyse.onnx_file import inspect
from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.session import open_session
from mammo_node.errors import ModelPackageError

_IMAGE, _LOGITS, _DELTAS = "image", "logits", "deltas"
_CHANNELS = 3
#: Three scales at three ratios: the only anchors whose shapes this import knows.
_ANCHORS_PER_CELL = 9
#: Small, and not square, so that rows and columns cannot change places unseen.
_PARITY_SIZE = (96, 160)
#: Largest difference, as a share of the largest value, between ONNX Runtime and numpy.
_PARITY = 1e-4
#: Scale of the published detector: longest side 2048, suppression at 0.3 (shown from 0.2 on).
_LONGEST_SIDE = 2048
_NMS_IOU = 0.3


def adopt_retinanet(source: Path, adoption: Adoption, folder: Path) -> tuple[ModelPackage, float]:
    """Write a package for a checkpoint into a new folder ``folder / adoption.name``.

    Returns
    -------
    ModelPackage, float
        The package, and the largest relative difference between ONNX Runtime and numpy.

    Raises
    ------
    ModelPackageError
        If the file holds no RetinaNet of torchvision, the graph does not compute what numpy
        does, a class or finding is not known, or the folder is there already.
    """
    weights = _weights(source, read_checkpoint(read_file(source)))
    classes = adoption.classes(dict.fromkeys(range(weights.classes), ""))
    model = build_model(weights)
    difference = parity(weights, model)
    if not difference <= _PARITY:
        raise ModelPackageError(
            f"{source}: the ONNX graph differs from the weights by {difference:.2g} of the largest"
            f" value (at most {_PARITY:g} is allowed)"
        )
    manifest = manifest_text(
        adoption,
        classes,
        model=model,
        opset=inspect(model).opset,
        description=weights.description,
        tables=_tables(weights),
    )
    card = _card(source, adoption, weights, difference)
    return write_package(folder, adoption.name, model, manifest, card), difference


def build_model(weights: RetinaNetWeights) -> bytes:
    """Return an ONNX file with ``logits`` and ``deltas`` of every anchor; rows, columns dynamic.

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
    logits, deltas = weights.run(ops, _IMAGE)
    outputs = {_LOGITS: (logits, weights.classes), _DELTAS: (deltas, 4)}
    model = ops.model(_IMAGE, _CHANNELS, outputs)
    return bytes(model.SerializeToString())


def parity(weights: RetinaNetWeights, model: bytes) -> float:
    """Return the largest difference to plain numpy, relative to the largest value."""
    chance = np.random.default_rng(0)
    image = chance.standard_normal((1, _CHANNELS, *_PARITY_SIZE)).astype(np.float32)
    session = open_session(model, provider="cpu", threads=1, name="the imported graph")
    found = session.run({_IMAGE: image}, (_LOGITS, _DELTAS))
    expected = weights.run(NumpyOperations(), image)
    return max(_difference(f, e) for f, e in zip(found, expected, strict=True))


def _difference(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-6))


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


def _tables(weights: RetinaNetWeights) -> str:
    return f"""
[input]
name = "{_IMAGE}"
channels = ["zscore", "zscore", "zscore"]
longest_side = {_LONGEST_SIDE}
crop = "none"
mirror = "none"
pad_multiple = 32
interpolation = "bilinear"
voi = "none"

[output]
contract = "retinanet"
logits = "{_LOGITS}"
deltas = "{_DELTAS}"
classes = {weights.classes}
nms_iou = {_NMS_IOU}
"""


def _card(source: Path, adoption: Adoption, weights: RetinaNetWeights, difference: float) -> str:
    return (
        f"# {adoption.name}\n\n{weights.description}, imported from `{source.name}`.\n\n"
        f"ONNX Runtime and plain numpy on the same weights and a random image of"
        f" {_PARITY_SIZE[0]} x {_PARITY_SIZE[1]}\npixels differ by {difference:.1e} of the"
        " largest value.\n\nNot measured here: what it was trained on, and what it finds at which"
        " threshold, is for\nwhoever imported it to write down. Input is expected as the published"
        " detector has it:\nlongest side 2048, bilinear, (image - mean) / deviation on three"
        " channels.\n"
    )
