"""From the map of a whole image to the score of every window in it: pure."""

from __future__ import annotations

import numpy as np

from mammo_node.analyse.manifest.sliding_patches import WindowScores
from mammo_node.analyse.sliding_frame import Floats, Frame

#: Odds of a share of one are endless; single precision ends before.
_NEAREST_TO_ONE = 1.0 - 2.0**-24


def pooled(cells: Floats, frame: Frame, output: WindowScores) -> Floats:
    """Make each window's score of its own cells of the map.

    Parameters
    ----------
    cells : (outputs, rows / n, columns / n) float32
        Shares of 0 to 1 over the whole frame, n being ``output.map_stride``.
    frame : Frame
        Where the windows lie; size and stride are multiples of n.
    output : WindowScores
        ``map_trim`` cells of a window are left out before and behind, the others pooled as
        ``map_pooling`` says: the highest, the mean, or the share whose odds are the mean odds.

    Returns
    -------
    (grid rows, grid columns, outputs) float32
    """
    before, behind = output.map_trim
    side = frame.size // output.map_stride - before - behind
    step = frame.stride // output.map_stride
    values = _odds(cells) if output.map_pooling == "smooth-max" else cells.astype(np.float64)
    views = np.lib.stride_tricks.sliding_window_view(values, (side, side), axis=(1, 2))
    rows, columns = frame.grid
    views = views[:, before::step, before::step][:, :rows, :columns]
    made = views.max(axis=(3, 4)) if output.map_pooling == "max" else views.mean(axis=(3, 4))
    if output.map_pooling == "smooth-max":
        made = made / (1.0 + made)
    return np.asarray(np.moveaxis(made, 0, -1), dtype=np.float32)


def _odds(shares: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Odds p / (1 - p): the exponential of a logit, whose mean is a smooth maximum of logits."""
    safe = np.clip(shares.astype(np.float64), 0.0, _NEAREST_TO_ONE)
    return safe / (1.0 - safe)
