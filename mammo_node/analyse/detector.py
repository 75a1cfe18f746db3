"""The detector family: an image tensor in, boxes with scores and labels out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.candidates import Candidates, decode
from mammo_node.analyse.flips import averaged, turned, turned_boxes, turned_strips
from mammo_node.analyse.manifest import DetectorManifest
from mammo_node.analyse.manifest.boxes import Flip
from mammo_node.analyse.reporter import Reporter
from mammo_node.analyse.runs import Tensor
from mammo_node.analyse.suppression import suppress
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import Detections


@dataclass(frozen=True, slots=True)
class Detector(Reporter):
    """A model whose contract ends in boxes, and the thresholds in force.

    Parameters
    ----------
    package, session, overrides
        As of every :class:`Reporter`; the package names the suppression, too.
    from_share : float
        Boxes are returned from this share of their threshold on; below 1 where another view may
        still raise them.
    """

    from_share: float = 1.0

    @property
    def manifest(self) -> DetectorManifest:
        """The package's manifest."""
        return self.package.manifest_of(DetectorManifest)

    def run(self, tensor: Tensor, trimmed: Mapping[str, Tensor] | None = None) -> Detections:
        """Detect in one prepared image.

        Parameters
        ----------
        tensor : (1, channels, rows, columns) float32
            As the package's input specification asks for.
        trimmed : mapping of str to ndarray, optional
            What was cut away, for the inputs that the manifest names; absent: nothing was.

        Returns
        -------
        Detections
            In model pixels, within the tensor; a box counts from its label's threshold on,
            or from ``from_share`` of it, the threshold included.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        output = self.manifest.output
        found = self._candidates(tensor, trimmed)
        if output.flips:
            runs = (self._turned(tensor, trimmed, flip) for flip in output.flips)
            found = averaged((found, *runs), output.nms_iou, output.max_detections)
        return self._kept(found)

    def _turned(
        self, tensor: Tensor, trimmed: Mapping[str, Tensor] | None, flip: Flip
    ) -> Candidates:
        """Return what the model finds in the image turned over, where it lies in the image."""
        found = self._candidates(turned(tensor, flip), turned_strips(trimmed, flip))
        shape = (tensor.shape[2], tensor.shape[3])
        heatmap = None if found.heatmap is None else turned(found.heatmap, flip)
        return replace(found, boxes=turned_boxes(found.boxes, flip, shape), heatmap=heatmap)

    def _candidates(self, tensor: Tensor, trimmed: Mapping[str, Tensor] | None) -> Candidates:
        """Return what the model finds in one run, cut to the tensor, before any threshold."""
        manifest = self.manifest
        inputs = {manifest.input.name: tensor, **(trimmed or self._whole(tensor))}
        raw = self.session.run(inputs, manifest.output.tensors)
        try:
            shape = (tensor.shape[2], tensor.shape[3])
            found = decode(manifest.output, raw, self.package.labels, shape)
        except InferenceError as error:
            name = self.package.name
            raise InferenceError(f"model {name} breaks its output contract: {error}") from error
        rows, columns = tensor.shape[2:]
        boxes = np.clip(found.boxes, 0, np.array([columns, rows] * 2, dtype=np.float32))
        solid = np.flatnonzero((boxes[:, :2] < boxes[:, 2:]).all(axis=1))
        return replace(found, boxes=boxes).chosen(solid)

    def _whole(self, tensor: Tensor) -> Mapping[str, Tensor]:
        """Return what says that nothing was cut away, where the graph wants to know."""
        names = self.manifest.input.trimmed_inputs or ()
        strips = (np.zeros_like(tensor[..., :1]), np.zeros_like(tensor[..., :1, :]))
        return dict(zip(names, strips, strict=False))

    def reported(self, found: Detections) -> Detections:
        """Leave out what is below its threshold."""
        least = {index: self.thresholds[name] for index, name in self.package.labels.items()}
        limits = np.array([least[int(label)] for label in found.labels], dtype=np.float32)
        return found.chosen(found.scores >= limits)

    def _kept(self, candidates: Candidates) -> Detections:
        output, thresholds = self.manifest.output, self.thresholds
        boxes, scores, labels = candidates.boxes, candidates.scores, candidates.labels
        kept: list[npt.NDArray[np.intp]] = []
        for index, name in self.package.labels.items():
            # float32, as the scores: 0.3 as a double lies above 0.3 as a float.
            least = np.float32(self.from_share * thresholds[name])
            above = np.flatnonzero((labels == index) & (scores >= least))
            left = suppress(boxes[above], scores[above], output.nms_iou, output.max_detections)
            kept.append(above[left])
        found = np.concatenate(kept)
        order = np.argsort(-scores[found], kind="stable")[: output.max_detections]
        best = candidates.chosen(found[order])
        return Detections(best.boxes, best.scores, best.labels, best.heatmap, best.suspicion)
