"""Maps on a picture: points of the stored image, and what made the models score, in colour."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.vocabulary import ViewPicture

#: Share of the colour where the relevance is 1: the tissue below stays visible.
_STRONGEST: Final = 0.65
#: Less than this is not coloured at all.
_LEAST: Final = 0.05


def to_picture(points: npt.NDArray[np.float64], picture: ViewPicture) -> npt.NDArray[np.float64]:
    """Map (N, 2) points (column, row) of the stored image to the picture."""
    a, b, tx, d, e, ty = picture.to_picture
    columns, rows = points[:, 0], points[:, 1]
    return np.stack([a * columns + b * rows + tx, d * columns + e * rows + ty], axis=1)


def heated(picture: ViewPicture) -> npt.NDArray[np.uint8]:
    """Return the picture as RGB with its relevance map laid over, dark red to light yellow.

    Brightness rises with the relevance, so that it can be told without telling colours.
    """
    grey = np.repeat(picture.grey[..., None], 3, axis=2)
    if picture.relevance is None:
        return grey
    heat = np.clip(warped(picture.relevance, picture), 0.0, 1.0)
    ramp = np.arange(256, dtype=np.uint8)[None, :]
    table = cv2.applyColorMap(ramp, cv2.COLORMAP_HOT).reshape(256, 3)[:, ::-1]
    colours = table[np.rint(heat * 255.0).astype(np.uint8)]
    share = np.where(heat < _LEAST, 0.0, _STRONGEST * np.sqrt(heat))[..., None]
    return np.asarray(np.rint(grey * (1.0 - share) + colours * share), dtype=np.uint8)


def warped(stored: npt.NDArray[np.float32], picture: ViewPicture) -> npt.NDArray[np.float32]:
    """Return a map of the stored image's grid on the picture's."""
    rows, columns = picture.grey.shape
    a, b, tx, d, e, ty = picture.to_picture
    # From corner-based coordinates to OpenCV's, which count from the first pixel's centre.
    matrix = np.asarray([[a, b, tx + (a + b - 1) / 2], [d, e, ty + (d + e - 1) / 2]])
    found = cv2.warpAffine(
        np.asarray(stored, dtype=np.float32), matrix, (columns, rows), flags=cv2.INTER_LINEAR
    )
    return np.asarray(found, dtype=np.float32)
