"""Channel recipes: how grey levels become one channel of a model's input.

A recipe takes the cropped, upright, resampled image and its breast mask, and returns a channel of
the same shape, 0 outside the breast. None depends on the scale or offset of the grey levels.
"""

# ruff: noqa: ARG001 - all recipes have one signature

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np

from mammo_node.image.breast import BoolImage, FloatImage

Parameters = Mapping[str, float]
Recipe = Callable[[FloatImage, BoolImage, float, Parameters], FloatImage]

#: Of the local deviation: keeps noise in flat places from being blown up.
_FLOOR = 0.02


def global_levels(
    image: FloatImage, mask: BoolImage, mm_per_pixel: float, parameters: Parameters
) -> FloatImage:
    """Grey levels between two percentiles of the breast become 0..1, with a little overshoot.

    Parameters: ``low_percentile`` (1), ``high_percentile`` (99.5).
    """
    low, high = _levels(image, mask, parameters)
    level = (image - np.float32(low)) * np.float32(1.0 / max(high - low, 1e-6))
    np.clip(level, -0.25, 1.25, out=level)
    level[~mask] = 0.0
    return level


def local_contrast(
    image: FloatImage, mask: BoolImage, mm_per_pixel: float, parameters: Parameters
) -> FloatImage:
    """Difference from the neighbourhood's mean over its deviation, within the breast, -3..3 / 3.

    Parameters: ``sigma_mm`` (8), the size of the neighbourhood; the percentiles of `global_levels`.
    """
    level = global_levels(image, mask, mm_per_pixel, parameters)
    sigma_px = parameters.get("sigma_mm", 8.0) / mm_per_pixel
    weight = mask.astype(np.float32)
    cover = np.maximum(_wide_blur(weight, sigma_px), np.float32(1e-3))
    mean = _wide_blur(level, sigma_px) / cover
    difference = np.asarray((level - mean) * weight, dtype=np.float32)
    squared = np.asarray(difference * difference, dtype=np.float32)
    variance = _wide_blur(squared, sigma_px) / cover
    contrast = difference / (np.float32(3.0) * (np.sqrt(variance) + np.float32(_FLOOR)))
    return np.asarray(np.clip(contrast, -1.0, 1.0), dtype=np.float32)


def standard_score(
    image: FloatImage, mask: BoolImage, mm_per_pixel: float, parameters: Parameters
) -> FloatImage:
    """(image - mean) / deviation over the whole image, background included."""
    mean, deviation = float(image.mean()), float(image.std())
    return np.asarray((image - mean) / max(deviation, 1e-6), dtype=np.float32)


#: Recipes by the name that a manifest's ``input.channels`` uses.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {"global": global_levels, "local": local_contrast, "zscore": standard_score}
)


def _levels(image: FloatImage, mask: BoolImage, parameters: Parameters) -> tuple[float, float]:
    inside = image[mask]
    if not inside.size:
        inside = image.ravel()
    # Every third pixel settles a percentile well enough.
    low, high = np.percentile(
        inside[:: 3 if inside.size > 3000 else 1],
        [parameters.get("low_percentile", 1.0), parameters.get("high_percentile", 99.5)],
    )
    return float(low), float(high)


def _wide_blur(image: FloatImage, sigma_px: float) -> FloatImage:
    factor = max(1, int(sigma_px / 4.0))
    if factor == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))
    rows, columns = image.shape
    size = (max(1, columns // factor), max(1, rows // factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR))
