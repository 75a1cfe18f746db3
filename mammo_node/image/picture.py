"""One mammogram for people's eyes: windowed, hung as in a reading room, of modest size.

Rules:

* A right breast has its chest wall at the right, a left one at the left, the head is up: so
  the two meet in the middle when they hang side by side.
* Pixels of a picture are square, also where those of the image are not.
* The map from stored points is exact: it is made of the sizes that were really used.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.image.breast import find_breast
from mammo_node.image.presentation import render
from mammo_node.vocabulary import Laterality, MammoImage, ViewPicture, VoiKind

#: Enough for one view on a monitor of five megapixels that shows four.
LONGEST_SIDE: Final = 2000
_HALF: Final = 0.5


def picture_of(
    image: MammoImage, *, longest_side: int = LONGEST_SIDE, with_breast: bool = False
) -> ViewPicture:
    """Make the picture of a mammogram.

    Parameters
    ----------
    image : MammoImage
        Shown with its first window or VOI LUT.
    longest_side : int
        Most pixels of the picture along either side; smaller images are not enlarged.
    with_breast : bool
        Whether to find the breast as well: a mask on the stored image's grid.
    """
    width, height = _size(image, longest_side)
    greys = cv2.resize(render(image, VoiKind.WINDOW), (width, height), interpolation=cv2.INTER_AREA)
    flip_x = image.orientation.chest_wall_right is not (image.laterality is Laterality.RIGHT)
    flip_y = image.orientation.head_down
    upright = greys[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return ViewPicture(
        grey=np.ascontiguousarray(np.rint(upright * 255.0), dtype=np.uint8),
        to_picture=_affine(image.shape, (width, height), flip_x=flip_x, flip_y=flip_y),
        breast=breast_mask(image) if with_breast else None,
    )


def _size(image: MammoImage, longest_side: int) -> tuple[int, int]:
    """Return (width, height) of the picture in pixels that are square in mm."""
    rows, columns = image.shape
    width_mm, height_mm = columns * image.spacing.column_mm, rows * image.spacing.row_mm
    finest_mm = min(image.spacing.column_mm, image.spacing.row_mm)
    pixel_mm = max(finest_mm, max(width_mm, height_mm) / longest_side)
    return max(1, round(width_mm / pixel_mm)), max(1, round(height_mm / pixel_mm))


def _affine(
    shape: tuple[int, int], size: tuple[int, int], *, flip_x: bool, flip_y: bool
) -> tuple[float, float, float, float, float, float]:
    """Return the map of a stored (column, row) to the picture, both corner-based."""
    (rows, columns), (width, height) = shape, size
    across, down = width / columns, height / rows
    return (
        -across if flip_x else across,
        0.0,
        float(width) if flip_x else 0.0,
        0.0,
        -down if flip_y else down,
        float(height) if flip_y else 0.0,
    )


def breast_mask(image: MammoImage) -> npt.NDArray[np.bool_] | None:
    """Return where the breast is, (rows, columns) bool as stored; None if none is found."""
    breast = find_breast(render(image, VoiKind.NONE), image.padding)
    if breast is None:
        return None
    rows, columns = image.shape
    blocks = breast.mask.astype(np.float32)
    size = (blocks.shape[1] * breast.factor, blocks.shape[0] * breast.factor)
    # Linear between the centres of the blocks: a smooth rim in place of steps.
    fine = cv2.resize(blocks, size, interpolation=cv2.INTER_LINEAR)[:rows, :columns]
    return np.asarray(fine > _HALF)
