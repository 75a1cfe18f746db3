"""What of its input made a model score, without looking into it: cover a place and ask again.

For models without a gradient graph (:mod:`mammo_node.analyse.relevance`). A finding's region is
cut into cells; each in turn is covered by the mean of the region's rim, and what the finding's
score loses is the cell's relevance (Zeiler and Fergus, 2014). Only the region with its
surroundings is run again, and no more often than the budget says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import Detections, MapKind

Tensor = npt.NDArray[np.float32]
#: Runs a detector with its thresholds near zero.
Detect = Callable[[Tensor], Detections]

#: Share of the box's longer side that its region reaches beyond it, at each side.
_MARGIN: Final = 0.25
#: Least side of what is run, in model pixels: the receptive field wants surroundings.
_LEAST_RUN: Final = 192
#: A box that overlaps the finding's by this still is the finding.
_SAME: Final = 0.2
_CELLS: Final = 6
#: Of one finding: each cell, and all of it uncovered.
_RUNS: Final = _CELLS * _CELLS + 1


@dataclass(frozen=True, slots=True)
class Occlusion:
    """Explains by covering.

    Parameters
    ----------
    detect : callable
        Runs the model, thresholds near zero.
    multiple : int
        What rows and columns of the model's input must be multiples of; 0 when they are fixed.
    budget : int
        Most runs for one image; findings share them, best first, and those that are left
        without are not explained.
    """

    kind: ClassVar[MapKind] = MapKind.OCCLUSION

    detect: Detect
    multiple: int
    budget: int = 3 * _RUNS

    def explain(
        self,
        tensor: Tensor,
        found: Detections,
        trimmed: Mapping[str, Tensor] | None = None,
    ) -> Tensor | None:
        """Return a map of 0 to 1, (rows, columns) float32, or None where nothing was found.

        Parameters
        ----------
        tensor : (1, channels, rows, columns) float32
            The model's input.
        found : Detections
            What the model found in it.
        trimmed : mapping of str to ndarray, optional
            As every explainer; not used, since what is run is a window.

        Raises
        ------
        InferenceError
            If the model fails.
        """
        if not len(found.scores):
            return None
        rows, columns = tensor.shape[2:]
        whole = np.zeros((rows, columns), dtype=np.float32)
        affordable = max(1, self.budget // _RUNS)
        for number in range(min(len(found.scores), affordable)):
            box, label = found.boxes[number], int(found.labels[number])
            for area, loss in self._losses(tensor, box, label):
                top, left, bottom, right = area
                whole[top:bottom, left:right] = np.maximum(whole[top:bottom, left:right], loss)
        peak = float(whole.max(initial=0.0))
        if peak <= 0:
            return whole
        smooth = cv2.GaussianBlur(whole, (0, 0), _LEAST_RUN / _CELLS / 8)
        return np.asarray(smooth / smooth.max(), dtype=np.float32)

    def _losses(
        self, tensor: Tensor, box: Tensor, label: int
    ) -> Iterator[tuple[tuple[int, int, int, int], float]]:
        """Yield each cell (top, left, bottom, right) and what covering it takes off the score."""
        rows, columns = tensor.shape[2:]
        region = _grown(box, rows, columns)
        window = _window(region, rows, columns, self.multiple)
        part = np.ascontiguousarray(tensor[:, :, window[0] : window[2], window[1] : window[3]])
        shift = np.array([window[1], window[0]] * 2, dtype=np.float32)
        before = best_score(self.detect(part), box - shift, label)
        filler = _rim_mean(tensor, region)
        for area in _cells(region):
            covered = part.copy()
            top, left, bottom, right = (
                edge - offset for edge, offset in zip(area, window[:2] * 2, strict=True)
            )
            covered[:, :, top:bottom, left:right] = filler
            after = best_score(self.detect(covered), box - shift, label)
            yield area, max(0.0, before - after)


def best_score(found: Detections, box: Tensor, label: int) -> float:
    """Return the best score of a box of that label that overlaps the given one, 0 without any."""
    if not len(found.scores):
        return 0.0
    low, high = np.maximum(found.boxes[:, :2], box[:2]), np.minimum(found.boxes[:, 2:], box[2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    overlap = common / np.maximum(areas + np.prod(box[2:] - box[:2]) - common, 1e-9)
    same = (overlap >= _SAME) & (found.labels == label)
    return float(found.scores[same].max(initial=0.0))


def _grown(box: Tensor, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return (top, left, bottom, right) of a box with its margin, cut to the image."""
    margin = _MARGIN * float(max(box[2] - box[0], box[3] - box[1]))
    left, top = np.floor(box[:2] - margin).astype(int)
    right, bottom = np.ceil(box[2:] + margin).astype(int)
    return max(0, int(top)), max(0, int(left)), min(rows, int(bottom)), min(columns, int(right))


def _window(
    region: tuple[int, int, int, int], rows: int, columns: int, multiple: int
) -> tuple[int, int, int, int]:
    """Return what is run: the region in its middle, sides as the model wants them."""
    if not multiple:
        return 0, 0, rows, columns
    top, bottom = _side(region[0], region[2], rows, multiple)
    left, right = _side(region[1], region[3], columns, multiple)
    return top, left, bottom, right


def _side(low: int, high: int, most: int, multiple: int) -> tuple[int, int]:
    wanted = max(_LEAST_RUN, 2 * (high - low))
    size = min(most, -(-wanted // multiple) * multiple)
    # Where cells of the network lie must not change: start at a multiple too.
    start = (low + high - size) // 2 // multiple * multiple
    start = min(max(0, start), most - size)
    return start, start + size


def _rim_mean(tensor: Tensor, region: tuple[int, int, int, int]) -> Tensor:
    """Return the mean of each channel along the region's edge, (channels, 1, 1)."""
    top, left, bottom, right = region
    area = tensor[0, :, top:bottom, left:right]
    edges = [area[:, 0], area[:, -1], area[:, :, 0], area[:, :, -1]]
    mean = np.concatenate(edges, axis=1).mean(axis=1)
    return np.asarray(mean[:, None, None], dtype=np.float32)


def _cells(region: tuple[int, int, int, int]) -> Iterator[tuple[int, int, int, int]]:
    top, left, bottom, right = region
    across = np.linspace(top, bottom, _CELLS + 1).astype(int)
    along = np.linspace(left, right, _CELLS + 1).astype(int)
    for row in range(_CELLS):
        for column in range(_CELLS):
            yield (
                int(across[row]),
                int(along[column]),
                int(across[row + 1]),
                int(along[column + 1]),
            )
