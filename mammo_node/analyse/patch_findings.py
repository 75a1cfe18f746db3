"""From judged windows to findings and a map: windows that overlap report one lesion once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.analyse.patch_regions import bounds, regions_of, touching
from mammo_node.analyse.patch_windows import Integers
from mammo_node.analyse.suppression import Boxes, Indices, suppress

#: Side of a cell of the heatmap, model pixels.
CELL_PX = 8
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class JudgedWindows:
    """Windows and what the classifier said of them.

    ``corners`` (N, 2) are top and left, model pixels; ``labels`` the manifest's indices, rising;
    ``scores`` (N, labels) 0 to 1; ``maps`` (N, labels, n, m) 0 to 1 cover each window, where the
    model tells.
    """

    corners: Integers
    size: int
    labels: tuple[int, ...]
    scores: Scores
    maps: npt.NDArray[np.float32] | None = None

    @classmethod
    def none(cls, size: int, labels: tuple[int, ...]) -> Self:
        """Nothing was looked at."""
        corners = np.empty((0, 2), dtype=np.int64)
        return cls(corners, size, labels, np.empty((0, len(labels)), dtype=np.float32))


def findings_of(
    windows: JudgedWindows,
    thresholds: Mapping[int, float],
    shape: tuple[int, int],
    iou: float,
    most: int,
) -> tuple[Boxes, Scores, npt.NDArray[np.int64]]:
    """Return the findings, one for each lesion.

    A window that reaches its label's threshold is a finding. Where the model gives a map, its
    box is that of the region around the map's peak (:mod:`.patch_regions`); else it is the
    window's central half, up to the image's edge where the window lies at it, since no other
    window has that place nearer to its centre. Of findings of a label whose boxes, half a cell of
    the map larger all round (without a map: whose windows), overlap by more than `iou`, or whose
    regions touch, the better stays.

    Parameters
    ----------
    windows : JudgedWindows
    thresholds : mapping of int to float
        By label index; a score on the threshold counts.
    shape : (rows, columns)
        Of the image, model pixels.
    iou : float
        Intersection over union.
    most : int
        Findings of one image.

    Returns
    -------
    boxes (K, 4) float32, scores (K,) float32, labels (K,) int64
        x_min, y_min, x_max, y_max in model pixels, by falling score.
    """
    found: list[tuple[Boxes, Scores, npt.NDArray[np.int64]]] = []
    for place, label in enumerate(windows.labels):
        scores = windows.scores[:, place]
        # float32, as the scores: 0.3 as a double lies above 0.3 as a float.
        above = np.flatnonzero(scores >= np.float32(thresholds[label]))
        corners, size = windows.corners[above], windows.size
        if windows.maps is None:
            boxes = _central(corners, size, shape)
            kept = suppress(_whole(corners, size), scores[above], iou, most)
        else:
            # A place is known to a cell of the map.
            cell = size / min(windows.maps.shape[2:])
            regions = regions_of(corners, size, windows.maps[above, place])
            boxes = bounds(regions)
            kept = _apart(regions, scores[above], cell, iou, most)
        found.append((boxes[kept], scores[above][kept], np.full(len(kept), label, dtype=np.int64)))
    boxes, scores, labels = (np.concatenate(of_all) for of_all in zip(*found, strict=True))
    order = np.argsort(-scores, kind="stable")[:most]
    return boxes[order], scores[order], labels[order]


def heatmap_of(windows: JudgedWindows, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return how much each place scores: the most that any window, of any label, says of it.

    Where the model gives maps, these; else a window says its score of its central half.

    Returns
    -------
    (rows / 8, columns / 8) float32, rounded up
        Cells of ``CELL_PX``; 0 where no window was looked at.
    """
    rows, columns = shape
    heat = np.zeros((-(-rows // CELL_PX), -(-columns // CELL_PX)), dtype=np.float32)
    centres = _central(windows.corners, windows.size, shape)
    for place, (top, left) in enumerate(windows.corners):
        if windows.maps is None:
            box, values = centres[place], windows.scores[place].max()
            x_min, y_min, x_max, y_max = np.rint(box / CELL_PX).astype(int)
        else:
            side = max(1, round(windows.size / CELL_PX))
            y_min, x_min = round(top / CELL_PX), round(left / CELL_PX)
            y_max, x_max = min(y_min + side, heat.shape[0]), min(x_min + side, heat.shape[1])
            best = windows.maps[place].max(axis=0)
            values = cv2.resize(best, (side, side))[: y_max - y_min, : x_max - x_min]
        there = heat[y_min:y_max, x_min:x_max]
        np.maximum(there, values, out=there)
    return heat


def _apart(regions: Sequence[Boxes], scores: Scores, cell: float, iou: float, most: int) -> Indices:
    """Return the best of regions that are one lesion, by falling score."""

    def same(best: int, others: Indices) -> npt.NDArray[np.bool_]:
        return touching(regions[best], [regions[other] for other in others], cell)

    half = cell / 2
    grown = bounds(regions) + np.array([-half, -half, half, half], dtype=np.float32)
    return suppress(grown, scores, iou, most, same)


def _whole(corners: Integers, size: int) -> Boxes:
    top_left = corners[:, ::-1]
    return np.concatenate([top_left, top_left + size], axis=1).astype(np.float32)


def _central(corners: Integers, size: int, shape: tuple[int, int]) -> Boxes:
    low = corners[:, ::-1].astype(np.float32)
    high = low + size
    edge = np.array(shape[::-1])
    inner_low = np.where(low <= 0, low, low + size / 4)
    inner_high = np.where(high >= edge, high, high - size / 4)
    return np.concatenate([inner_low, inner_high], axis=1).astype(np.float32)
