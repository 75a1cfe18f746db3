"""Channels of published density networks: the breast's mask, and grey levels in false colour.

Such networks see a mammogram through a colour map, as one channel each of red, green and blue.
The map is matplotlib's *magma* (Smith and van der Walt, CC0), in OpenCV's table of 256 colours.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.image.breast import BoolImage, FloatImage

_LEVELS: Final = 256
#: Where OpenCV's colours, blue first, have each channel.
CHANNELS: Final = {"red": 2, "green": 1, "blue": 0}


def binary_mask(mask: BoolImage) -> FloatImage:
    """Return 1 in the breast and 0 elsewhere."""
    return mask.astype(np.float32)


def magma(level: FloatImage, channel: str) -> FloatImage:
    """Return one channel of an image in false colour, 0..1.

    Parameters
    ----------
    level : (rows, columns) float32
        0 is the map's dark end and 1 its bright end; what is beyond takes the end's colour.
    channel : {"red", "green", "blue"}
    """
    # As matplotlib does it: 256 equal steps, and 1.0 belongs to the last.
    index = np.clip(np.floor(level * _LEVELS), 0, _LEVELS - 1).astype(np.uint8)
    return np.asarray(_table(channel)[index], dtype=np.float32)


def _table(channel: str) -> npt.NDArray[np.float32]:
    ramp = np.arange(_LEVELS, dtype=np.uint8).reshape(-1, 1)
    colours = cv2.applyColorMap(ramp, cv2.COLORMAP_MAGMA).reshape(_LEVELS, 3)
    return np.asarray(colours[:, CHANNELS[channel]] / np.float32(255.0), dtype=np.float32)
