"""Lose the dark rim of a breast, as finding the breast does on dark film.

The skin of dark film is hardly brighter than the air. What is found of the breast there follows the
tissue beneath, in steps of the small copy that `mammo_node.image.breast` looks at: notches, teeth
and dents that are no retraction of anything.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from scipy import ndimage
from skimage.morphology import remove_small_objects

from training.windows import Window

#: Share of windows whose rim is lost.
SHARE = 0.4
#: How much darker the skin becomes, as a share of its grey, and how deep that reaches.
DARKER, DARK_MM = (0.0, 1.0), (2.0, 12.0)
#: Grey below which the rim is lost, of the breast's range; the logarithm is even.
GREY = (0.03, 0.3)
#: Sides of the small copy's blocks, and how deep the rim may be at most.
BLOCK_MM, DEEPEST_MM = (0.7, 1.4), (2.0, 16.0)
#: Deviations of the grey that rims are cut at, of itself: from block to block by grain and
#: scratches, and over a wider scale by uneven light.
_GRAIN, _UNEVEN, _UNEVEN_MM = 0.15, 0.3, 5.0
#: Parts that are cut off and smaller than this are lost too.
_LEAST_MM2 = 100.0


def lose_dark_skin(
    rng: np.random.Generator, window: Window, extent_mm: tuple[float, float], strength: float
) -> Window:
    """Darken the rim of the breast in some windows, and cut the mask to where it is not dark.

    Parameters
    ----------
    rng
        Source of the draws.
    window
        Stays as it was.
    extent_mm
        Width and height of the view. What lies beyond is no air: a breast goes on there.
    strength
        Probability factor, 0 (nothing) to 1.
    """
    if rng.uniform() >= strength * SHARE:
        return window
    block_mm = float(rng.uniform(*BLOCK_MM))
    grey = float(np.exp(rng.uniform(*np.log(GREY))))
    air = _air(window, extent_mm)
    small_air = _resized(air, window, block_mm) >= 0.5
    if not small_air.any() or small_air.all():
        return window
    depth_mm = block_mm * ndimage.distance_transform_edt(~small_air).astype(np.float32)
    fade = rng.uniform(*DARKER) * np.exp(-depth_mm / rng.uniform(*DARK_MM))
    fade = cv2.resize(fade.astype(np.float32), air.shape[::-1], interpolation=cv2.INTER_LINEAR)
    level = window.level * (1.0 - fade)
    small = _resized(level, window, block_mm)
    dark = small <= grey * _uneven(rng, small.shape, block_mm)
    dark &= depth_mm <= rng.uniform(*DEEPEST_MM)
    kept = ~ndimage.binary_propagation(small_air, mask=small_air | dark)
    kept = remove_small_objects(kept, max_size=int(_LEAST_MM2 / block_mm**2))
    soft = cv2.resize(kept.astype(np.float32), air.shape[::-1], interpolation=cv2.INTER_LINEAR)
    # As a mask is scaled to a model's pixels.
    mask = window.mask & (soft > 0.25)
    return replace(window, level=np.asarray(level * mask, dtype=np.float32), mask=mask)


def _air(window: Window, extent_mm: tuple[float, float]) -> np.ndarray:
    """Tell where the view shows no breast, (rows, columns) bool."""
    columns, rows = (
        edge + (np.arange(side) + 0.5) * window.mm_per_pixel
        for edge, side in zip(window.origin_mm, window.mask.shape[::-1], strict=True)
    )
    across, down = (
        (at > 0) & (at < end) for at, end in zip((columns, rows), extent_mm, strict=True)
    )
    return np.asarray(~window.mask & down[:, None] & across)


def _uneven(rng: np.random.Generator, shape: tuple[int, ...], block_mm: float) -> np.ndarray:
    """Factors about 1, one for each block."""
    grain, wide = rng.standard_normal((2, *shape), dtype=np.float32)
    wide = cv2.GaussianBlur(wide, (0, 0), _UNEVEN_MM / block_mm)
    return np.asarray(1.0 + _GRAIN * grain + _UNEVEN * wide / max(float(wide.std()), 1e-6))


def _resized(image: np.ndarray, window: Window, block_mm: float) -> np.ndarray:
    side = max(8, round(image.shape[0] * window.mm_per_pixel / block_mm))
    return cv2.resize(image.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
