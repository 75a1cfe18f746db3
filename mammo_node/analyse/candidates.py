"""From a graph's raw outputs to candidate boxes: one function per output contract, all pure.

Candidates are boxes in model pixels with a score and a label each, before threshold and
non-maximum suppression. What a network returns is not trusted: a shape or number that breaks
its contract is an error, never a result.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.anchors import Anchors, best_boxes
from mammo_node.analyse.manifest import BoxesScoresLabels, DetectorOutput, RetinaNet, Yolo
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import ScoredBoxes

Array = npt.NDArray[Any]
_BOX = 4
#: A sum of weights that is one on paper may exceed it by a little.
_ROUNDING = 1e-3


class Candidates(ScoredBoxes):
    """Boxes before threshold and non-maximum suppression, in any order."""

    __slots__ = ()


def decode(
    output: DetectorOutput,
    raw: Sequence[Array],
    labels: Collection[int],
    shape: tuple[int, int],
) -> Candidates:
    """Read the tensors of ``output.tensors``.

    Parameters
    ----------
    output : DetectorOutput
        The manifest's [output] table.
    raw : sequence of ndarray
        The tensors, in that order; a leading batch dimension of one may be there.
    labels : collection of int
        Indices that the manifest knows. A YOLO network or RetinaNet may have more classes, which
        are left out; another index among explicit labels is an error.
    shape : (int, int)
        Rows and columns of the input tensor.

    Raises
    ------
    InferenceError
        If the tensors break the contract; the message says how.
    """
    if isinstance(output, Yolo):
        found = _yolo(output, raw[0], labels)
    elif isinstance(output, RetinaNet):
        found = _retinanet(output, raw, labels, shape)
    else:
        found = _boxes_scores_labels(output, raw, labels)
    if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
        raise InferenceError("boxes or scores are not finite")
    return replace(
        found,
        scores=_shares(found.scores, "scores"),
        heatmap=None if found.heatmap is None else _shares(found.heatmap, "the heatmap's values"),
        suspicion=None if found.suspicion is None else _shares(found.suspicion, "suspicions"),
    )


def _shares(values: npt.NDArray[np.float32], what: str) -> npt.NDArray[np.float32]:
    """Return values that are 0 to 1 but for rounding, without the rounding."""
    if values.size and not -_ROUNDING <= values.min() <= values.max() <= 1 + _ROUNDING:
        low, high = float(values.min()), float(values.max())
        raise InferenceError(f"{what} from {low:g} to {high:g}, not 0 to 1")
    return np.clip(values, 0, 1)


def _boxes_scores_labels(
    output: BoxesScoresLabels, raw: Sequence[Array], known: Collection[int]
) -> Candidates:
    boxes, scores, labels = (
        _unbatched(tensor, rank) for tensor, rank in zip(raw[:3], (2, 1, 1), strict=True)
    )
    count = len(scores) if scores.ndim == 1 else -1
    if boxes.shape != (count, _BOX) or labels.shape != (count,):
        shapes = f"{boxes.shape}, {scores.shape}, {labels.shape}"
        raise InferenceError(f"boxes, scores and labels have shapes {shapes}")
    if not np.isin(labels, list(known)).all():
        raise InferenceError(f"labels {np.unique(labels).tolist()} are not all in the manifest")
    more = list(raw[3:])
    return replace(
        _candidates(boxes, scores, labels),
        heatmap=None if output.heatmap is None else _heatmap(more.pop(0)),
        suspicion=None if output.suspicion is None else _suspicion(more.pop(0), count),
    )


def _suspicion(tensor: Array, count: int) -> npt.NDArray[np.float32]:
    values = _unbatched(tensor, 1)
    if values.shape != (count,):
        raise InferenceError(f"suspicion has shape {tensor.shape}; there are {count} boxes")
    if not np.isfinite(values).all():
        raise InferenceError("suspicion is not finite")
    return values.astype(np.float32)


def _heatmap(tensor: Array) -> npt.NDArray[np.float32]:
    if tensor.ndim != 4 or tensor.shape[:2] != (1, 1) or not tensor.size:
        raise InferenceError(f"the heatmap has shape {tensor.shape}, not (1, 1, rows, columns)")
    if not np.isfinite(tensor).all():
        raise InferenceError("the heatmap is not finite")
    return np.asarray(tensor[0, 0], dtype=np.float32)


def _yolo(output: Yolo, tensor: Array, known: Collection[int]) -> Candidates:
    """Read one tensor of a YOLO network.

    Layouts, for N candidates and C classes, sizes in model pixels: v8 (and v9, v11) is
    (4 + C, N), centre and size, then class scores; v5 (and v6, v7) is (N, 5 + C), centre and
    size, objectness, then class scores that it multiplies; end2end is (N, 6), corners, score
    and class, suppressed already.
    """
    tensor = _unbatched(tensor, 2)
    if output.layout == "v8":
        tensor = tensor.T
    if tensor.ndim != 2 or tensor.shape[1] != output.numbers:
        raise InferenceError(
            f"the tensor has shape {tensor.shape}; layout {output.layout} with"
            f" {output.classes} classes has {output.numbers} numbers a box"
        )
    if output.layout == "end2end":
        labels = tensor[:, 5].astype(np.int64)
        boxes, scores = tensor[:, :_BOX], tensor[:, _BOX]
    else:
        of_classes = tensor[:, -output.classes :]
        labels = of_classes.argmax(axis=1)
        scores = np.take_along_axis(of_classes, labels[:, None], axis=1)[:, 0]
        if output.layout != "v8":
            scores = scores * tensor[:, _BOX]
        half = tensor[:, 2:_BOX] / 2
        boxes = np.concatenate([tensor[:, :2] - half, tensor[:, :2] + half], axis=1)
    wanted = np.isin(labels, list(known))
    return _candidates(boxes[wanted], scores[wanted], labels[wanted])


def _retinanet(
    output: RetinaNet, raw: Sequence[Array], known: Collection[int], shape: tuple[int, int]
) -> Candidates:
    logits, deltas = (_unbatched(tensor, 2) for tensor in raw)
    anchors = Anchors(output.sizes, output.scales, output.ratios)
    count = anchors.count(*shape)
    if logits.shape != (count, output.classes) or deltas.shape != (count, _BOX):
        raise InferenceError(
            f"logits and deltas have shapes {logits.shape} and {deltas.shape}; an input of {shape}"
            f" has {count} anchors of {output.classes} classes"
        )
    if not (np.isfinite(logits).all() and np.isfinite(deltas).all()):
        raise InferenceError("logits or deltas are not finite")
    wanted = np.array(sorted(known))
    boxes, scores, places = best_boxes(anchors, logits[:, wanted], deltas, shape, output.candidates)
    return _candidates(boxes, scores, wanted[places])


def _unbatched(tensor: Array, rank: int) -> Array:
    """Drop a batch dimension of one, which some exports keep."""
    return tensor[0] if tensor.ndim == rank + 1 and len(tensor) == 1 else tensor


def _candidates(boxes: Array, scores: Array, labels: Array) -> Candidates:
    return Candidates(boxes.astype(np.float32), scores.astype(np.float32), labels.astype(np.int64))
