"""Maps on a picture: points of the stored image, and what made the models score, in colour."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.encode.overview.canvas import Picture
from mammo_node.vocabulary import ViewPicture

#: Share of the colour where the relevance is 1: the tissue below stays visible.
_STRONGEST: Final = 0.65
#: Less than this is not coloured at all.
_LEAST: Final = 0.05
#: Levels of the map that colours tell apart.
_STEPS: Final = 256


def to_picture(points: npt.NDArray[np.float64], picture: ViewPicture) -> npt.NDArray[np.float64]:
    """Map (N, 2) points (column, row) of the stored image to the picture."""
    a, b, tx, d, e, ty = picture.to_picture
    columns, rows = points[:, 0], points[:, 1]
    return np.stack([a * columns + b * rows + tx, d * columns + e * rows + ty], axis=1)


def heated(grey: Picture, heat: npt.NDArray[np.float32]) -> Picture:
    """Return a grey picture as RGB with a map laid over, dark red to light yellow.

    Brightness rises with the map, so that it can be told without telling colours.

    Parameters
    ----------
    grey : (rows, columns) uint8
    heat : (rows, columns) float32, 0..1
    """
    level = np.rint(np.clip(heat, 0.0, 1.0) * np.float32(_STEPS - 1)).astype(np.uint8)
    # Little of a mammogram is warm: the rest stays as it is.
    warm = level >= _LEAST * (_STEPS - 1)
    warmth = level[warm]
    kept, added = _mixing()
    rgb = np.repeat(grey[..., None], 3, axis=2)
    rgb[warm] = np.rint((grey[warm] * kept[warmth])[:, None] + added[warmth]).astype(np.uint8)
    return rgb


def _mixing() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return by level of the map: the share of grey that stays, and (levels, 3) what is added."""
    heat = np.arange(_STEPS) / (_STEPS - 1)
    share = np.where(heat < _LEAST, 0.0, _STRONGEST * np.sqrt(heat))
    ramp = np.arange(_STEPS, dtype=np.uint8)[None, :]
    colours = cv2.applyColorMap(ramp, cv2.COLORMAP_HOT).reshape(_STEPS, 3)[:, ::-1]
    return (1.0 - share).astype(np.float32), (colours * share[:, None]).astype(np.float32)
