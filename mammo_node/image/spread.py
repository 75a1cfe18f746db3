"""From a map on a model's grid to one on the grid of the stored image, or of its picture."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.image.geometry import ViewTransform

#: A stored (column, row) on another grid: (a * c + b * r + tx, d * c + e * r + ty).
Affine = tuple[float, float, float, float, float, float]
#: The grid of the stored image itself.
STORED: Final[Affine] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_HALF = 0.5


def spread(
    values: npt.NDArray[np.float32],
    transform: ViewTransform,
    input_shape: tuple[int, int],
    shape: tuple[int, int],
    to_grid: Affine = STORED,
) -> npt.NDArray[np.float32]:
    """Lay a map over the stored image, or over a picture of it.

    Parameters
    ----------
    values : (rows, columns) float32
        A map that covers the whole of the model's input, on a coarser grid.
    transform : ViewTransform
        How the image became the model's input.
    input_shape : (rows, columns)
        Of the model's input.
    shape : (rows, columns)
        Of the stored image, or of the picture.
    to_grid : (a, b, tx, d, e, ty)
        From stored points to the picture's, corner-based; b and d are 0: it is not turned.

    Returns
    -------
    (rows, columns) float32
        Linear between the centres of the map's cells; 0 outside the model's input.
    """
    points = np.array([(_HALF, _HALF), (_HALF + 1.0, _HALF + 1.0)])
    a, _, tx, _, e, ty = to_grid
    # Centres of the first pixel and its diagonal neighbour, in cells of the map.
    cells = transform.to_model((points - (tx, ty)) / (a, e)) * (
        values.shape[1] / input_shape[1],
        values.shape[0] / input_shape[0],
    )
    (x0, y0), (x1, y1) = cells - _HALF
    inverse = np.array([(x1 - x0, 0.0, x0), (0.0, y1 - y0, y0)])
    rows, columns = shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(
        values, inverse, (columns, rows), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(laid, dtype=np.float32)
