"""Contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_FloatImage = npt.NDArray[np.float32]

#: OpenCV counts 65,536 bins on 16 bits, whatever the range: a tile of a mammogram has a fraction of
#: a pixel in each, and a clip limit in multiples of that is none. On 256 levels it is what
#: scikit-image does with its 256 bins; bench/analyse/preprocessing.py says how near it comes.
_WHITE = 255.0


def equalised(level: _FloatImage, tiles: tuple[int, int], clip_limit: float) -> _FloatImage:
    """Equalise the histogram of each tile, linear between the tiles' centres.

    Parameters
    ----------
    level : (rows, columns) float32
        Grey levels; what lies outside 0..1 is cut off.
    tiles : (down, across)
        How many tiles there are in each direction.
    clip_limit : float
        Most pixels in one of 256 grey levels of a tile, in multiples of their mean number; what is
        above is shared out among all levels. 1 hardly changes the image, and large values
        equalise without limit.

    Returns
    -------
    (rows, columns) float32
        0..1 in steps of 1/255.
    """
    down, across = tiles
    levels = np.asarray(np.clip(level, 0.0, 1.0) * _WHITE + 0.5, dtype=np.uint8)
    made = cv2.createCLAHE(clip_limit, (across, down)).apply(levels)
    return np.asarray(made, dtype=np.float32) * np.float32(1.0 / _WHITE)
