"""One image asked several times, turned over: what a detector says on average.

What a network finds in a picture it should find in the picture turned over, at the mirrored place;
where it does not, the mean of both answers is nearer the truth. Each flip is one more run.

- A turned tensor has the same shape, and boxes map back exactly: an edge at y lies at rows - y.
- A box's score is the mean over all runs of the score of what lies there, 0 where a run has
  nothing there; its edges are the mean weighted by those scores. What overlaps little counts in
  proportion, so that a pixel more or less of overlap does not halve a score.
- Where the network tells how malignant a box looks, that is averaged as its edges are.
- What scores under `FAINT` in a run counts as nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.candidates import Candidates
from mammo_node.analyse.manifest.boxes import Flip
from mammo_node.analyse.overlap import iou
from mammo_node.analyse.suppression import suppress

FLIPS: Final[tuple[Flip, ...]] = get_args(Flip)

FAINT: Final = 0.002
#: Boxes of two runs are wholly of one lesion from this intersection over union on.
_SAME_IOU: Final = 0.4

Array = npt.NDArray[Any]


def turned(values: Array, flip: Flip) -> Array:
    """Turn over the last two axes' rows or columns; done twice, nothing has changed."""
    return np.ascontiguousarray(np.flip(values, -2 if flip == "rows" else -1))


def turned_strips(strips: Mapping[str, Array] | None, flip: Flip) -> Mapping[str, Array]:
    """Turn over what trimming cut away of an image, as its inputs have it; nothing stays so."""
    return {name: turned(strip, flip) for name, strip in (strips or {}).items()}


def turned_boxes(boxes: Array, flip: Flip, shape: tuple[int, int]) -> Array:
    """Boxes (N, 4) of an image of `shape` (rows, columns) where they lie in it turned over."""
    low, high = (1, 3) if flip == "rows" else (0, 2)
    mirrored = boxes.copy()
    length = boxes.dtype.type(shape[0] if flip == "rows" else shape[1])
    mirrored[:, low], mirrored[:, high] = length - boxes[:, high], length - boxes[:, low]
    return mirrored


def averaged(runs: Sequence[Candidates], nms_iou: float, most: int) -> Candidates:
    """Candidates of several runs on one image, all turned back, as those of one.

    Each label's candidates are suppressed run by run before they are averaged, and not again: two
    runs of one lesion leave two boxes of one score.
    """
    thinned = [_thinned(run, nms_iou, most) for run in runs]
    rows = [(_with_suspicion(run), run.scores, run.labels) for run in thinned]
    boxes, scores, labels = (np.concatenate(part) for part in zip(*rows, strict=True))
    for label in np.unique(labels):
        parts = [(box[kind == label], score[kind == label]) for box, score, kind in rows]
        boxes[labels == label], scores[labels == label] = mean_boxes(parts)
    maps = [run.heatmap for run in runs if run.heatmap is not None]
    heatmap = np.asarray(np.mean(maps, axis=0), dtype=np.float32) if maps else None
    looks = None if runs[0].suspicion is None else boxes[:, 4]
    return Candidates(boxes[:, :4], scores, labels, heatmap, looks)


def mean_boxes(runs: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Average (boxes, scores) of one label over runs.

    A box is a row of four edges, and of what else is to be averaged by the same weights.

    Returns
    -------
    (boxes, scores)
        (N, 4 or more) and (N,) float32: one row for each box of all runs, in their order.
    """
    boxes = np.concatenate([run[0] for run in runs]).astype(np.float64)
    scores = np.concatenate([run[1] for run in runs]).astype(np.float64)
    weights = np.zeros((len(runs), len(boxes)))
    edges = np.zeros((len(runs), *boxes.shape))
    begin = 0
    for number, (own, _) in enumerate(runs):
        part = slice(begin, begin + len(own))
        weights[number], edges[number] = _partners(boxes, boxes[part], scores[part])
        # What a run says itself needs no partner.
        weights[number, part], edges[number, part] = scores[part], boxes[part]
        begin = part.stop
    total = weights.sum(axis=0)
    mean = np.einsum("rn,rne->ne", weights, edges) / np.maximum(total, 1e-12)[:, None]
    return mean.astype(np.float32), (total / len(runs)).astype(np.float32)


def _partners(boxes: Array, others: Array, scores: Array) -> tuple[Array, Array]:
    """Score and row of what a run has at each box: the best of what overlaps, by how much."""
    if not len(others) or not len(boxes):
        return np.zeros(len(boxes)), np.zeros(boxes.shape)
    overlap = iou(boxes[:, :4], others[:, :4])
    best = (overlap * scores).argmax(axis=1)
    share = np.minimum(overlap[np.arange(len(boxes)), best] / _SAME_IOU, 1.0)
    return share * scores[best], others[best]


def _thinned(run: Candidates, nms_iou: float, most: int) -> Candidates:
    kept = [
        index[suppress(run.boxes[index], run.scores[index], nms_iou, most)]
        for label in np.unique(run.labels)
        for index in [np.flatnonzero((run.labels == label) & (run.scores >= FAINT))]
    ]
    return run.chosen(np.concatenate(kept) if kept else np.zeros(0, dtype=np.intp))


def _with_suspicion(run: Candidates) -> Array:
    """Return boxes with their suspicion as a fifth column, where there is one."""
    return run.boxes if run.suspicion is None else np.column_stack([run.boxes, run.suspicion])
