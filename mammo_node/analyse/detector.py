"""The detector family: an image tensor in, boxes with scores and labels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.suppression import suppress
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import Detections

Tensor = npt.NDArray[np.float32]
_BOX = 4
#: A sum of weights that is one on paper may exceed it by a little.
_ROUNDING = 1e-3


class Runs(Protocol):
    """What a detector needs of a session."""

    def run(
        self, inputs: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str]
    ) -> list[npt.NDArray[Any]]:
        """Return the named outputs for the inputs by name."""
        ...


@dataclass(frozen=True, slots=True)
class Detector:
    """A model of the contract ``boxes+scores+labels`` and the thresholds in force.

    Parameters
    ----------
    package : ModelPackage
        Names the tensors, the labels and the suppression.
    session : Runs
        Runs the package's graph.
    overrides : mapping of str to float
        Thresholds by label name that replace the package's operating points.
    """

    package: ModelPackage
    session: Runs
    overrides: Mapping[str, float] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, float]:
        """Thresholds in force, by label name."""
        return self.package.thresholds(self.overrides)

    def run(self, tensor: Tensor) -> Detections:
        """Detect in one prepared image.

        Parameters
        ----------
        tensor : (1, channels, rows, columns) float32
            As the package's input specification asks for.

        Returns
        -------
        Detections
            In model pixels, within the tensor; a box counts from its label's threshold on,
            the threshold included.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        names = self.package.manifest.output
        raw = self.session.run(
            {self.package.manifest.input.name: tensor}, (names.boxes, names.scores, names.labels)
        )
        boxes, scores, labels = self._checked(*raw)
        rows, columns = tensor.shape[2:]
        boxes = np.clip(boxes, 0, np.array([columns, rows] * 2, dtype=np.float32))
        solid = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        return self._kept(boxes[solid], scores[solid], labels[solid])

    def _checked(
        self, boxes: npt.NDArray[Any], scores: npt.NDArray[Any], labels: npt.NDArray[Any]
    ) -> tuple[Tensor, Tensor, npt.NDArray[np.int64]]:
        # Some exports keep the batch dimension of one.
        boxes = boxes[0] if boxes.ndim == 3 and len(boxes) == 1 else boxes
        scores = scores[0] if scores.ndim == 2 and len(scores) == 1 else scores
        labels = labels[0] if labels.ndim == 2 and len(labels) == 1 else labels
        count = len(scores) if scores.ndim == 1 else -1
        if boxes.shape != (count, _BOX) or labels.shape != (count,):
            shapes = f"{boxes.shape}, {scores.shape}, {labels.shape}"
            raise self._broken(f"boxes, scores and labels have shapes {shapes}")
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise self._broken("boxes or scores are not finite")
        if count and not -_ROUNDING <= scores.min() <= scores.max() <= 1 + _ROUNDING:
            raise self._broken(f"scores from {scores.min():g} to {scores.max():g}, not 0 to 1")
        if not np.isin(labels, list(self.package.labels)).all():
            raise self._broken(f"labels {np.unique(labels).tolist()} are not all in the manifest")
        scores = np.clip(scores.astype(np.float32), 0, 1)
        return boxes.astype(np.float32), scores, labels.astype(np.int64)

    def _broken(self, what: str) -> InferenceError:
        return InferenceError(f"model {self.package.name} breaks its output contract: {what}")

    def _kept(self, boxes: Tensor, scores: Tensor, labels: npt.NDArray[np.int64]) -> Detections:
        output, thresholds = self.package.manifest.output, self.thresholds
        kept: list[npt.NDArray[np.intp]] = []
        for index, name in self.package.labels.items():
            # float32, as the scores: 0.3 as a double lies above 0.3 as a float.
            above = np.flatnonzero((labels == index) & (scores >= np.float32(thresholds[name])))
            best = suppress(boxes[above], scores[above], output.nms_iou, output.max_detections)
            kept.append(above[best])
        found = np.concatenate(kept)
        order = np.argsort(-scores[found], kind="stable")[: output.max_detections]
        found = found[order]
        return Detections(boxes[found], scores[found], labels[found])
