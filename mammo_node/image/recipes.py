"""Channel recipes: how grey levels become one channel of a model's input.

A recipe takes the cropped, upright image with its breast mask and returns a channel on the model's
pixel grid, 0 outside the breast but for colour maps. None depends on the scale or offset of the
grey levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from mammo_node.image.breast import BoolImage, FloatImage
from mammo_node.image.clahe import equalised
from mammo_node.image.colour import binary_mask, magma

Parameters = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Source:
    """What recipes work on, upright.

    ``image`` is (rows, columns) float32 on the model's grid, pixels of ``mm_per_pixel``; ``mask``
    the breast on it; ``native`` the same crop at the stored resolution, pixels of ``native_mm``.
    """

    image: FloatImage
    mask: BoolImage
    mm_per_pixel: float
    native: FloatImage
    native_mm: float


Recipe = Callable[[Source, Parameters], FloatImage]

#: Of the local deviation: keeps noise in flat places from being blown up.
_FLOOR = 0.02
#: Mean absolute value to standard deviation, for a normal distribution.
_ABSOLUTE_TO_DEVIATION = 1.25


def global_levels(source: Source, parameters: Parameters) -> FloatImage:
    """Grey levels between two percentiles of the breast become 0..1, with a little overshoot.

    Parameters: ``low_percentile`` (1), ``high_percentile`` (99.5).
    """
    low, high = _levels(source, parameters)
    level = (source.image - np.float32(low)) * np.float32(1.0 / max(high - low, 1e-6))
    np.clip(level, -0.25, 1.25, out=level)
    level[~source.mask] = 0.0
    return level


def local_contrast(source: Source, parameters: Parameters) -> FloatImage:
    """Difference from the neighbourhood's mean over its deviation, within the breast, -3..3 / 3.

    Parameters: ``sigma_mm`` (8), the size of the neighbourhood; the percentiles of `global_levels`.
    """
    level = global_levels(source, parameters)
    return contrast_of(level, source.mask, parameters.get("sigma_mm", 8.0) / source.mm_per_pixel)


def contrast_of(level: FloatImage, mask: BoolImage, sigma_px: float) -> FloatImage:
    """Make the channel `local_contrast` from grey levels that are 0..1 in the breast already."""
    weight = mask.astype(np.float32)
    cover = np.maximum(wide_blur(weight, sigma_px), np.float32(1e-3))
    mean = wide_blur(level, sigma_px) / cover
    difference = np.asarray((level - mean) * weight, dtype=np.float32)
    squared = np.asarray(difference * difference, dtype=np.float32)
    variance = wide_blur(squared, sigma_px) / cover
    contrast = difference / (np.float32(3.0) * (np.sqrt(variance) + np.float32(_FLOOR)))
    return np.asarray(np.clip(contrast, -1.0, 1.0), dtype=np.float32)


def specks(source: Source, parameters: Parameters) -> FloatImage:
    """Keep the brightest fine detail under each model pixel, over the local noise, 0..1.

    Small bright specks would vanish in a coarse model's pixels; here each pixel keeps the maximum
    of a difference of Gaussians at fine resolution, in units of the neighbourhood's deviation.

    Parameters: ``fine_mm`` (0.1), the resolution worked at; ``inner_mm`` (0.12) and ``outer_mm``
    (0.45), the Gaussians; ``sigma_mm`` (6), the neighbourhood; ``full_scale`` (12), in deviations.
    """
    rows, columns = source.image.shape
    wanted = max(parameters.get("fine_mm", 0.1), source.native_mm)
    zoom = max(1, round(source.mm_per_pixel / wanted))
    fine_px = source.mm_per_pixel / zoom
    how = cv2.INTER_AREA if source.native.shape[0] >= rows * zoom else cv2.INTER_LINEAR
    fine = cv2.resize(source.native, (columns * zoom, rows * zoom), interpolation=how)
    detail = cv2.GaussianBlur(fine, (0, 0), parameters.get("inner_mm", 0.12) / fine_px)
    detail -= cv2.GaussianBlur(fine, (0, 0), parameters.get("outer_mm", 0.45) / fine_px)
    weight = cv2.erode(source.mask.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    strength = cv2.resize(np.abs(detail), (columns, rows), interpolation=cv2.INTER_AREA) * weight
    sigma_px = parameters.get("sigma_mm", 6.0) / source.mm_per_pixel
    cover = np.maximum(wide_blur(weight, sigma_px), np.float32(1e-3))
    deviation = np.float32(_ABSOLUTE_TO_DEVIATION) * wide_blur(strength, sigma_px) / cover
    inside = deviation[weight > 0]
    floor = np.float32(0.2 * float(inside.mean()) if inside.size else 1.0) + np.float32(1e-6)
    peak = cv2.dilate(detail, np.ones((zoom, zoom), np.uint8), anchor=(0, 0))[::zoom, ::zoom]
    score = peak * weight / ((deviation + floor) * np.float32(parameters.get("full_scale", 12.0)))
    return np.asarray(np.clip(score, 0.0, 1.0), dtype=np.float32)


def standard_score(source: Source, parameters: Parameters) -> FloatImage:  # noqa: ARG001
    """(image - mean) / deviation over the whole image, background included.

    Mean and deviation are those of the stored pixels, before resampling, which takes noise away.
    """
    mean, deviation = float(source.native.mean()), float(source.native.std())
    return np.asarray((source.image - mean) / max(deviation, 1e-6), dtype=np.float32)


def display_levels(source: Source, parameters: Parameters) -> FloatImage:
    """Return the image as shown, black 0 to white ``white`` (1); for models of photographs.

    Wants ``voi = "window"``, whose values are 0..1.
    """
    white = np.float32(parameters.get("white", 1.0))
    return np.asarray(np.clip(source.image, 0.0, 1.0) * white, dtype=np.float32)


def clahe(source: Source, parameters: Parameters, tile_mm: float = 24.0) -> FloatImage:
    """Equalise contrast within tiles of the breast's crop, limited, 0..1; 0 outside the breast.

    Tiles are of one size in mm, so that a small breast is treated as a large one.

    Parameters: ``tile_mm``, the side of a tile; or ``tiles``, as many tiles in each direction,
    whatever their size; ``clip_limit`` (2), in multiples of the mean of 256 levels; the
    percentiles of `global_levels`, which become 0 and 1 before.
    """
    tile_px = parameters.get("tile_mm", tile_mm) / source.mm_per_pixel
    rows, columns = (max(1, round(side / tile_px)) for side in source.image.shape)
    many = max(0, round(parameters.get("tiles", 0.0)))
    tiles = (many, many) if many else (rows, columns)
    made = equalised(global_levels(source, parameters), tiles, parameters.get("clip_limit", 2.0))
    made[~source.mask] = 0.0
    return made


def breast_mask(source: Source, parameters: Parameters) -> FloatImage:
    """1 in the breast, 0 elsewhere; parameter ``white`` (1) is what stands for 1."""
    return binary_mask(source.mask) * np.float32(parameters.get("white", 1.0))


def magma_channel(source: Source, parameters: Parameters, channel: str = "red") -> FloatImage:
    """One channel of the breast in the colour map magma; the dark end outside of the breast.

    Parameters: ``low_percentile`` (0) and ``high_percentile`` (100) of the breast become the map's
    ends; ``white`` (1), the value of a full channel.
    """
    low, high = _levels(source, {"low_percentile": 0.0, "high_percentile": 100.0, **parameters})
    level = (source.image - np.float32(low)) * np.float32(1.0 / max(high - low, 1e-6))
    level[~source.mask] = 0.0
    return magma(level, channel) * np.float32(parameters.get("white", 1.0))


#: Recipes by the name that a manifest's ``input.channels`` uses.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "global": global_levels,
        "local": local_contrast,
        # A second name, so that one input can have two neighbourhoods, with a table for each.
        "wide": local_contrast,
        "specks": specks,
        "zscore": standard_score,
        "display": display_levels,
        "clahe": clahe,
        # Two more names, so that one input can have two scales, with a table for each.
        "clahe-fine": partial(clahe, tile_mm=12.0),
        "clahe-coarse": partial(clahe, tile_mm=36.0),
        "mask": breast_mask,
        "magma-red": partial(magma_channel, channel="red"),
        "magma-green": partial(magma_channel, channel="green"),
        "magma-blue": partial(magma_channel, channel="blue"),
    }
)


def _levels(source: Source, parameters: Parameters) -> tuple[float, float]:
    inside = source.image[source.mask]
    if not inside.size:
        inside = source.image.ravel()
    # Every third pixel settles a percentile well enough.
    low, high = np.percentile(
        inside[:: 3 if inside.size > 3000 else 1],
        [parameters.get("low_percentile", 1.0), parameters.get("high_percentile", 99.5)],
    )
    return float(low), float(high)


def wide_blur(image: FloatImage, sigma_px: float) -> FloatImage:
    """Blur by a Gaussian; a wide one at a lower resolution, where it costs next to nothing."""
    factor = max(1, int(sigma_px / 4.0))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))
    rows, columns = image.shape
    size = (max(1, columns // factor), max(1, rows // factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR))
