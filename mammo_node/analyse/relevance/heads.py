"""Which scores a map explains: those of every candidate from its label's threshold on.

Each counts by its log-odds, so that a score near 1, which hardly moves any more, says as much as
one at the threshold: d log(s / (1 - s)) / ds = 1 / (s (1 - s)).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from mammo_node.analyse.manifest import BoxesScoresLabels, DetectorOutput, RetinaNet, Yolo
from mammo_node.analyse.relevance.writer import Writer

#: Input of the relevance graph, (classes,) float32: the threshold of each class.
THRESHOLDS: Final = "relevance_thresholds"
#: Threshold of a class that the manifest does not name: no score reaches it.
_NEVER: Final = 2.0
#: Least s (1 - s) that is divided by: scores are float32.
_LEAST_SLOPE: Final = 1e-6
_BOX: Final = 4


@dataclass(frozen=True, slots=True)
class Head:
    """``scores`` is differentiated, by ``weights`` (of its shape, or one that broadcasts to it)."""

    scores: str
    weights: str


def head_of(w: Writer, output: DetectorOutput) -> Head:
    """Add what gathers the scores of a model's outputs, and weighs them."""
    if isinstance(output, RetinaNet):
        return _logits(w, output.logits)
    if isinstance(output, Yolo):
        return _yolo(w, output)
    return _listed(w, output)


def threshold_input(
    output: DetectorOutput, labels: Mapping[int, str], thresholds: Mapping[str, float]
) -> npt.NDArray[np.float32]:
    """Return what :data:`THRESHOLDS` is given.

    Parameters
    ----------
    labels : mapping of int to str
        Names by the index in the model's output.
    thresholds : mapping of str to float
        In force, by name.
    """
    explicit = isinstance(output, BoxesScoresLabels)
    classes = max(labels) + 1 if explicit else output.classes  # type: ignore[union-attr]
    values = np.full(classes, _NEVER, dtype=np.float32)
    for index, name in labels.items():
        values[index] = thresholds[name]
    return values


def _listed(w: Writer, output: BoxesScoresLabels) -> Head:
    thresholds = w.op("Gather", [THRESHOLDS, output.labels], axis=0)
    return _by_log_odds(w, output.scores, thresholds)


def _yolo(w: Writer, output: Yolo) -> Head:
    if output.layout == "end2end":
        score, label = (_numbers(w, output.output, -1, place) for place in (_BOX, _BOX + 1))
        index = w.op("Cast", [label], to=TensorProto.INT64)
        return _by_log_odds(w, score, w.op("Gather", [THRESHOLDS, index], axis=0))
    if output.layout == "v8":
        scores = _numbers(w, output.output, -2, _BOX, _BOX + output.classes)
        column = w.op("Unsqueeze", [THRESHOLDS, w.ints([1])])
        return _by_log_odds(w, scores, column)
    objectness = _numbers(w, output.output, -1, _BOX)
    classes = _numbers(w, output.output, -1, _BOX + 1, _BOX + 1 + output.classes)
    return _by_log_odds(w, w.op("Mul", [objectness, classes]), THRESHOLDS)


def _numbers(w: Writer, tensor: str, axis: int, first: int, end: int | None = None) -> str:
    """Return some of the numbers that a box has."""
    last = first + 1 if end is None else end
    return w.op("Slice", [tensor, w.ints([first]), w.ints([last]), w.ints([axis])])


def _by_log_odds(w: Writer, scores: str, thresholds: str) -> Head:
    slope = w.op("Mul", [scores, w.op("Sub", [w.floats(1.0), scores])])
    weight = w.op("Reciprocal", [w.op("Max", [slope, w.floats(_LEAST_SLOPE)])])
    above = w.op("GreaterOrEqual", [scores, thresholds])
    return Head(scores, w.op("Where", [above, weight, w.floats(0.0)]))


def _logits(w: Writer, logits: str) -> Head:
    above = w.op("GreaterOrEqual", [w.op("Sigmoid", [logits]), THRESHOLDS])
    return Head(logits, w.op("Where", [above, w.floats(1.0), w.floats(0.0)]))
