"""The candidate-patches family: a rule picks windows of an image, a classifier judges each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.manifest import CandidatePatchesManifest
from mammo_node.analyse.patch_findings import JudgedWindows, findings_of, heatmap_of
from mammo_node.analyse.patch_rules import candidates
from mammo_node.analyse.patch_windows import Integers, at_least, grey_levels
from mammo_node.analyse.reporter import Reporter
from mammo_node.analyse.runs import Tensor, activated
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import Detections


@dataclass(frozen=True, slots=True)
class PatchVerdict:
    """What the classifier says of an image.

    ``detections`` are in model pixels, their heatmap on cells of ``patch_findings.CELL_PX``;
    ``image_scores`` are by label name.
    """

    windows: JudgedWindows
    detections: Detections
    image_scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CandidatePatches(Reporter):
    """A classifier of candidate windows that is ready, and the thresholds in force."""

    @property
    def manifest(self) -> CandidatePatchesManifest:
        """The package's manifest."""
        return self.package.manifest_of(CandidatePatchesManifest)

    def run(self, tensor: Tensor, mask: npt.NDArray[np.bool_]) -> PatchVerdict:
        """Judge one prepared image.

        Parameters
        ----------
        tensor : (1, channels, rows, columns) float32
            As the package's input specification asks for. An image smaller than a window is
            padded to its size.
        mask : (rows, columns) bool
            The breast on it.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        manifest, labels = self.manifest, self.package.labels
        rule, output = manifest.candidates, manifest.output
        image = at_least(tensor[0], rule.size_px, manifest.input.pad_value)
        breast = at_least(mask, rule.size_px, value=0)
        corners = candidates(grey_levels(image[rule.channel], breast), rule)
        windows = self._judged(image, corners)
        shape = (image.shape[1], image.shape[2])
        thresholds = {index: self.thresholds[name] for index, name in labels.items()}
        found = findings_of(windows, thresholds, shape, output.nms_iou, output.max_detections)
        scores = {
            name: _image_score(windows.scores[:, place], output.best_windows)
            for place, name in enumerate(labels[index] for index in windows.labels)
        }
        boxes, best, which = found
        heatmap = heatmap_of(windows, shape)
        return PatchVerdict(windows, Detections(boxes, best, which, heatmap), scores)

    def _judged(self, image: Tensor, corners: Integers) -> JudgedWindows:
        """Run the classifier on the windows, some at a time."""
        manifest = self.manifest
        size, output = manifest.candidates.size_px, manifest.output
        parts: list[list[Tensor]] = []
        for start in range(0, len(corners), output.batch):
            some = corners[start : start + output.batch]
            batch = np.stack([image[:, y : y + size, x : x + size] for y, x in some])
            raw = self.session.run({manifest.input.name: batch}, output.tensors)
            parts.append(self._checked(raw, len(some)))
        labels = tuple(sorted(self.package.labels))
        if not parts:
            return JudgedWindows.none(size, labels)
        scores, *maps = (np.concatenate(of_all) for of_all in zip(*parts, strict=True))
        return JudgedWindows(corners, size, labels, scores, maps[0] if maps else None)

    def _checked(self, raw: list[npt.NDArray[np.float32]], count: int) -> list[Tensor]:
        """Return scores (count, labels), and the map likewise, of the manifest's labels only."""
        output, labels = self.manifest.output, sorted(self.package.labels)
        scores = raw[0][:, None] if raw[0].ndim == 1 else raw[0]
        made = [scores, *raw[1:]]
        try:
            for values in made:
                _check_shape(values.shape, count, labels[-1] + 1)
            # Softmax is over the last axis.
            last = [np.moveaxis(values, 1, -1) for values in made]
            return [
                np.moveaxis(activated(values, output.activation)[..., labels], -1, 1)
                for values in last
            ]
        except InferenceError as error:
            name = self.package.name
            raise InferenceError(f"model {name} breaks its output contract: {error}") from error


def _check_shape(shape: tuple[int, ...], count: int, least: int) -> None:
    if shape[0] != count or shape[1] < least or 0 in shape:
        raise InferenceError(f"{count} windows, {least} labels or more: an output has {shape}")


def _image_score(scores: Tensor, windows: int) -> float:
    """Return the mean of the best windows' scores; 0 where there was nothing to look at."""
    best = np.sort(scores)[::-1][:windows]
    return float(best.mean()) if best.size else 0.0
