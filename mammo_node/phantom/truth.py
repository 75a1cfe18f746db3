"""From a region of a view to its ground truth."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.lesion import PhantomLesion, bounds, largest_outline
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid

#: A finding less wide than this in an image is not one that a reader could name.
LEAST_MM = 2.0


def region_truth(
    grid: Grid,
    kind: str,
    variety: str,
    *,
    malignant_looking: bool,
    identity: int,
    outline_px: FloatArray,
    centre_px: tuple[float, float] | None = None,
    contrast: float,
    least_mm: float = LEAST_MM,
) -> PhantomLesion | None:
    """Describe an outline, (points, 2) pixels of `grid`.

    None comes back if less than `least_mm` of it is in the image; without `centre_px` the centre is
    that of the box.
    """
    box = bounds(outline_px, grid.columns, grid.rows)
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) * grid.pitch_mm < least_mm:
        return None
    middle = (0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3]))
    centre = middle if centre_px is None else centre_px
    return PhantomLesion(
        kind=kind,
        variety=variety,
        malignant_looking=malignant_looking,
        identity=identity,
        box_px=box,
        outline_px=np.asarray(outline_px, dtype=np.float32),
        centre_px=(
            float(np.clip(centre[0], box[0], box[2])),
            float(np.clip(centre[1], box[1], box[3])),
        ),
        size_mm=max(width, height) * grid.pitch_mm,
        contrast=contrast,
    )


def outline_of(added: FloatArray, level: float, smooth_px: float) -> FloatArray | None:
    """Outline of where a smoothed picture is above a share of its maximum.

    Parameters
    ----------
    added
        (rows, columns) float32, what the finding added.
    level
        Share of the maximum, 0..1.
    smooth_px
        Sigma of the smoothing, pixels of `added`.

    Returns
    -------
    ndarray or None
        (points, 2) float32 in pixels of `added`; None where nothing was added.
    """
    smooth = cv2.GaussianBlur(added, (0, 0), max(0.5, smooth_px))
    if smooth.max() <= 0.0:
        return None
    return largest_outline(smooth > level * smooth.max(), 0, 0)


def local_deviation(image: FloatArray, box_px: tuple[float, float, float, float]) -> float:
    """Return the standard deviation of `image` in a window twice as wide as a box."""
    x0, y0, x1, y1 = box_px
    grow_x, grow_y = 0.5 * (x1 - x0), 0.5 * (y1 - y0)
    top, left = int(max(0, y0 - grow_y)), int(max(0, x0 - grow_x))
    window = image[top : int(y1 + grow_y) + 1, left : int(x1 + grow_x) + 1]
    step = max(1, min(window.shape) // 60)
    part = window[::step, ::step]
    part = part[part > 0]
    return float(part.std()) if part.size > 8 else 1.0
