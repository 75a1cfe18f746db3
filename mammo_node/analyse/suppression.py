"""Non-maximum suppression in numpy: of boxes that overlap too much, the best stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


def suppress(
    boxes: Boxes,
    scores: npt.NDArray[np.float32],
    iou: float,
    most: int,
    same: Callable[[int, Indices], npt.NDArray[np.bool_]] | None = None,
) -> Indices:
    """Greedy suppression within one label.

    Parameters
    ----------
    boxes : (N, 4) float32
        x_min, y_min, x_max, y_max with positive areas.
    scores : (N,) float32
        Equal scores keep the order they come in.
    iou : float
        A box is dropped when its intersection over union with a better one is above this.
    most : int
        Stop after so many.
    same : callable, optional
        Tells which of several boxes are one with a better one though they overlap less; both are
        given by index.

    Returns
    -------
    (K,) intp
        Indices of the boxes that stay, by falling score.
    """
    waiting = np.argsort(-scores, kind="stable")
    areas = _areas(boxes)
    kept: list[int] = []
    while waiting.size and len(kept) < most:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        shared = _intersections(boxes[best], boxes[waiting])
        waiting = waiting[shared <= iou * (areas[best] + areas[waiting] - shared)]
        if same is not None and waiting.size:
            waiting = waiting[~same(best, waiting)]
    return np.array(kept, dtype=np.intp)


def _areas(boxes: Boxes) -> npt.NDArray[np.float64]:
    sides = boxes[:, 2:].astype(np.float64) - boxes[:, :2]
    areas: npt.NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return areas


def _intersections(box: Boxes, others: Boxes) -> npt.NDArray[np.float64]:
    low = np.maximum(box[:2], others[:, :2]).astype(np.float64)
    high = np.minimum(box[2:], others[:, 2:])
    sides = np.maximum(high - low, 0.0)
    shared: npt.NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return shared
