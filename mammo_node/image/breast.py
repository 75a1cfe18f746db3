"""Where the breast is: a mask on a small copy of the image, and a box to crop to.

Rules:

* Works on MONOCHROME2 grey levels of any range, film or digital; only order and contrast matter.
* Labels, scratches, the bright frame of a scanned film and the canvas around it are not breast.
* The mask lives on a grid of square blocks of `factor` stored pixels; the box is in stored pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]
BoolImage = npt.NDArray[np.bool_]

#: Long side of the small copy, pixels: about 1 mm a pixel on a mammogram.
SMALL_SIDE = 288
#: A smaller or larger share of the image than this is not a breast.
PLAUSIBLE_SHARE = (0.02, 0.995)
#: Between background (0) and Otsu's threshold (1): the skin of film is dark.
EDGE_LEVEL = 0.35
#: Side of the neighbourhood that the air's noise is measured against, blocks.
_NEIGHBOURS = 5
_FRAME_SHARE, _FRAME_DEPTH = 0.9, 0.06
#: A line belongs to a canvas when this share of it is one grey, to within this share of the range,
#: and that grey is above this share of it.
_CANVAS_SHARE, _CANVAS_SPREAD, _CANVAS_LEVEL = 0.97, 0.004, 0.1
#: A frame is brighter than this share of the range and even to within that one.
_EVEN_LEVEL, _EVEN_SPREAD = 0.6, 0.05
#: What a canvas is darkened to, where it is not darker already.
_AIR_PERCENTILE = 5.0


@dataclass(frozen=True, slots=True)
class Breast:
    """A breast in an image.

    ``mask`` is (ceil(rows / factor), ceil(columns / factor)) bool; ``box`` is x_min, y_min, x_max,
    y_max in stored pixels, whole numbers, x_max and y_max exclusive.
    """

    mask: BoolImage
    factor: int
    box: tuple[int, int, int, int]


def find_breast(pixels: FloatImage, padding: BoolImage | None = None) -> Breast | None:
    """Find the breast.

    Parameters
    ----------
    pixels
        (rows, columns) float32, MONOCHROME2: dense tissue bright, air dark.
    padding
        (rows, columns) bool, True where Pixel Padding Value stands: taken for air.

    Returns
    -------
    Breast or None
        None when nothing in the image looks like one.
    """
    step = sampling_step(pixels.shape)
    padded = None if padding is None else padding[::step, ::step]
    return breast_in_sample(pixels[::step, ::step], padded, pixels.shape)


def sampling_step(shape: tuple[int, ...]) -> int:
    """Return n, where every n-th row and column are enough to find the breast."""
    return max(1, _factor(shape) // 3)


def breast_in_sample(
    sample: FloatImage, padding: BoolImage | None, shape: tuple[int, ...]
) -> Breast | None:
    """Do as `find_breast` with every `sampling_step`-th row and column of pixels and padding.

    ``shape`` are the rows and columns of the whole image.
    """
    factor = _factor(shape)
    small = _decimated(sample, factor, shape)
    if padding is not None:
        small = _padding_to_air(small, _decimated(padding.astype(np.float32), factor, shape))
    small = _without_canvas(small)
    mask = _largest_part(_tissue(small))
    if mask is None or not PLAUSIBLE_SHARE[0] < mask.mean() < PLAUSIBLE_SHARE[1]:
        return None
    return Breast(mask, factor, _box(mask, factor, shape))


def _factor(shape: tuple[int, ...]) -> int:
    return max(1, -(-max(shape) // SMALL_SIDE))


def _decimated(sample: FloatImage, factor: int, shape: tuple[int, ...]) -> FloatImage:
    """Mean of each block of `factor` x `factor` pixels; blocks at the far edges may be cut."""
    rows, columns = shape
    size = (-(-columns // factor), -(-rows // factor))
    # Stretching the cut blocks at the far edges moves the mask by less than one block.
    small = cv2.resize(np.ascontiguousarray(sample), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _padding_to_air(small: FloatImage, padded_share: FloatImage) -> FloatImage:
    """Darken padding that is brighter than tissue; dark padding already looks like air."""
    padded, valid = padded_share > 0.02, padded_share < 0.02
    if not padded.any() or not valid.any():
        return small
    inside = small[valid]
    if float(np.median(small[padded_share > 0.5])) < float(np.median(inside)):
        return small
    low, high = float(inside.min()), float(inside.max())
    # Well below: often nothing but breast is left between the padding.
    air = low - max(0.5 * (high - low), 1e-3 * max(abs(high), 1.0))
    return np.where(padded, np.float32(air), small)


def _tissue(small: FloatImage) -> BoolImage:
    low, high = np.percentile(small, [0.5, 99.0])
    if not high > low:
        return np.zeros(small.shape, dtype=bool)
    # The square root opens up the dark end, where the skin line of film is.
    level = np.sqrt(np.clip((small - low) / (high - low), 0.0, 1.0))
    bytes_ = np.asarray(255.0 * level, dtype=np.uint8)
    otsu, _ = cv2.threshold(bytes_, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    dark = bytes_ <= otsu
    background = float(np.median(bytes_[dark]))
    # Against the neighbourhood: much of what is dark on film is skin, and its spread is no noise.
    grain = np.abs(bytes_.astype(np.float32) - cv2.medianBlur(bytes_, _NEIGHBOURS))
    spread = float(np.median(grain[dark]))
    edge = background + max(EDGE_LEVEL * (otsu - background), min(4.0 * spread, otsu - background))
    return np.asarray(bytes_ > edge)


def _without_canvas(small: FloatImage) -> FloatImage:
    """Darken what a picture was padded with, of whatever grey, and the frame of what is left."""
    rows, columns = _content(small), _content(small.T)
    content = small[rows, columns]
    if not content.size:
        return small
    if content.shape == small.shape:
        return _without_frame(small)
    result = np.minimum(small, np.float32(np.percentile(content, _AIR_PERCENTILE)))
    result[rows, columns] = _without_frame(content)
    return result


def _content(small: FloatImage) -> slice:
    """Return the rows between the uniform ones, not of air, at both ends."""
    low, span = float(small.min()), float(np.ptp(small))
    middle = np.median(small, axis=1, keepdims=True)
    same = np.abs(small - middle) <= _CANVAS_SPREAD * span
    uniform = (same.mean(axis=1) >= _CANVAS_SHARE) & (middle[:, 0] > low + _CANVAS_LEVEL * span)
    inside = np.flatnonzero(~uniform)
    return slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)


def _without_frame(small: FloatImage) -> FloatImage:
    """Darken bright lines along the image's edges, as scanners leave them."""
    dark = small.min()
    bright = small > dark + 0.93 * (np.percentile(small, 99.9) - dark)
    result = small.copy()
    depth_rows = int(_FRAME_DEPTH * small.shape[0]) + 1
    depth_columns = int(_FRAME_DEPTH * small.shape[1]) + 1
    row_share = np.maximum(bright.mean(axis=1), _even_share(small))
    column_share = np.maximum(bright.mean(axis=0), _even_share(small.T))
    for reverse in (1, -1):
        rows, columns = (
            np.arange(len(row_share))[::reverse],
            np.arange(len(column_share))[::reverse],
        )
        result[rows[: _frame_lines(row_share[rows], depth_rows)]] = dark
        result[:, columns[: _frame_lines(column_share[columns], depth_columns)]] = dark
    return result


def _even_share(small: FloatImage) -> FloatImage:
    """Share of each row that has one bright grey, in it or in a neighbour: frames lie askew."""
    low, high = float(small.min()), float(np.percentile(small, 99.9))
    brightest = cv2.dilate(np.ascontiguousarray(small), np.ones((3, 1), dtype=np.uint8))
    middle = np.median(brightest, axis=1, keepdims=True)
    even = np.abs(brightest - middle) < _EVEN_SPREAD * (high - low)
    share = np.where(middle[:, 0] > low + _EVEN_LEVEL * (high - low), even.mean(axis=1), 0.0)
    return np.asarray(share, dtype=np.float32)


def _frame_lines(share: FloatImage, depth: int) -> int:
    lines = np.flatnonzero(share[:depth] > _FRAME_SHARE)
    return int(lines[-1]) + 1 if lines.size else 0


def _largest_part(tissue: BoolImage) -> BoolImage | None:
    # A coarse opening cuts labels and frames off; a dilation within the tissue gives back the rim.
    side = max(3, round(max(tissue.shape) / 26) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # Replicated edges: the chest wall is no edge of the breast.
    reach = side
    padded = cv2.copyMakeBorder(
        tissue.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_REPLICATE
    )
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)[reach:-reach, reach:-reach]
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    grown = cv2.dilate((parts == best).astype(np.uint8), kernel) & tissue.astype(np.uint8)
    outlines, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(tissue.shape, dtype=np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return np.asarray(filled > 0)


def _box(mask: BoolImage, factor: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    # Two blocks of margin: the threshold lies inside the skin line.
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = (max(0, int(i[0]) - 2) * factor for i in (rows, columns))
    bottom = min(shape[0], (int(rows[-1]) + 3) * factor)
    right = min(shape[1], (int(columns[-1]) + 3) * factor)
    return left, top, right, bottom
