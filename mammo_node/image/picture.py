"""One mammogram for people's eyes: windowed, hung as in a reading room, of modest size.

Rules:

* A right breast has its chest wall at the right, a left one at the left, the head is up: so
  the two meet in the middle when they hang side by side.
* Pixels of a picture are square, also where those of the image are not.
* The map from stored points is exact: it is made of the sizes that were really used.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.image.greys import StoredGreys
from mammo_node.image.presentation import grey_table, look_up
from mammo_node.vocabulary import Laterality, MammoImage, ViewPicture, VoiKind

#: What the largest place of a sheet takes: two views of a study on 1600 x 2000 pixels.
LONGEST_SIDE: Final = 1400
_HALF: Final = 0.5
_WHITE: Final = 255

Grey = npt.NDArray[np.uint8]


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
    blocks = _blocks(image, longest_side)
    greys = _square(_shown(image, blocks), image)
    flip_x = image.orientation.chest_wall_right is not (image.laterality is Laterality.RIGHT)
    flip_y = image.orientation.head_down
    rows, columns = (side // blocks * blocks for side in image.shape)
    size = greys.shape[1], greys.shape[0]
    return ViewPicture(
        grey=np.ascontiguousarray(greys[:: -1 if flip_y else 1, :: -1 if flip_x else 1]),
        to_picture=_affine((rows, columns), size, flip_x=flip_x, flip_y=flip_y),
        breast=breast_mask(image) if with_breast else None,
    )


def _blocks(image: MammoImage, longest_side: int) -> int:
    """Return n where n x n stored pixels become one, whole blocks only: at the edge some go."""
    spacing = image.spacing
    sides_mm = (image.shape[0] * spacing.row_mm, image.shape[1] * spacing.column_mm)
    finest_mm = min(spacing.row_mm, spacing.column_mm)
    return min(math.ceil(max(sides_mm) / finest_mm / longest_side), *image.shape)


def _shown(image: MammoImage, blocks: int) -> Grey:
    """Return the means of blocks as they are shown: as viewers do it, smaller first, then grey."""
    table = grey_table(image.presentation, VoiKind.WINDOW) * np.float32(_WHITE)
    means = _means(image.stored, blocks)
    greys = look_up(np.rint(table).astype(np.uint8), means, image.presentation)
    if image.padding is not None:
        # Whatever has a share of padding: the mean of tissue and padding is a grey of neither.
        greys[_means(image.padding.astype(np.uint8) * np.uint8(_WHITE), blocks) > 0] = 0
    return greys


def _means(values: npt.NDArray[np.integer], blocks: int) -> npt.NDArray[np.integer]:
    rows, columns = (side // blocks for side in values.shape)
    whole = values[: rows * blocks, : columns * blocks]
    # By whole numbers OpenCV is twenty times as fast as by others.
    found = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(found, dtype=values.dtype)


def _square(greys: Grey, image: MammoImage) -> Grey:
    """Stretch oblong pixels to square ones, of the finer side."""
    across, down = image.spacing.column_mm, image.spacing.row_mm
    if across == down:
        return greys
    finest = min(across, down)
    rows, columns = greys.shape
    size = max(1, round(columns * across / finest)), max(1, round(rows * down / finest))
    return np.asarray(cv2.resize(greys, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


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
    breast = StoredGreys(image, VoiKind.NONE).breast()
    if breast is None:
        return None
    rows, columns = image.shape
    blocks = breast.mask.astype(np.float32)
    size = (blocks.shape[1] * breast.factor, blocks.shape[0] * breast.factor)
    # Linear between the centres of the blocks: a smooth rim in place of steps.
    fine = cv2.resize(blocks, size, interpolation=cv2.INTER_LINEAR)[:rows, :columns]
    return np.asarray(fine > _HALF)
