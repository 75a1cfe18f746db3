"""Tissue of another texture: fine detail that is rarer and stronger, or commoner and weaker.

The finest structures of real mammograms are sparse: excess kurtosis of bands at 0.3 mm is up to
three times that of phantoms, and one at 0.1 mm a pixel shows single bright dots and crossings of
strands wherever one looks. A network that has only seen even texture takes these for
calcifications, and hesitates over calcifications among them. So detail is changed band by band:
what stands out in it stands out more, and the rest less, or the other way round.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mammo_node.image.recipes import wide_blur
from training.windows import Window

#: Share of windows that are changed.
SHARE = 0.5
#: Bands are of octaves from this scale on, sigma in mm.
SCALES_MM = (0.1, 0.2, 0.4, 0.8, 1.6)
#: No band is finer than this, sigma in pixels.
_FINEST_PX = 0.7
#: Exponent of detail over its deviation, as logarithms: the range, and how much bands differ.
EXPONENT, EXPONENT_JITTER = (-0.25, 0.6), 0.12
#: Strength of a band after it, as a logarithm.
GAIN = (-0.4, 0.3)
#: Skin lines and films' edges are not detail: from so many deviations on all is scaled alike.
_DETAIL = 4.0
#: Every so many pixels in both directions tell a band's deviation.
_EVERY = 4


def retexture(rng: np.random.Generator, window: Window, strength: float) -> Window:
    """Change the texture of some windows; air stays 0.

    Parameters
    ----------
    rng
        Source of the draws.
    window
        Grey levels and breast; not changed.
    strength
        Probability factor, 0 (nothing) to 1, as `training.grading.regrade` has it.
    """
    level, mask = window.level, window.mask
    if rng.uniform() >= strength * SHARE or not mask.any():
        return window
    exponent = float(rng.uniform(*EXPONENT))
    rest, detail = level, np.zeros_like(level)
    for scale_mm in SCALES_MM:
        sigma = scale_mm / window.mm_per_pixel
        power = float(np.exp(exponent + EXPONENT_JITTER * rng.standard_normal()))
        gain = np.float32(np.exp(rng.uniform(*GAIN)))
        if sigma >= _FINEST_PX:
            smooth = wide_blur(rest, sigma)
            detail += gain * _reshaped(rest - smooth, mask, power)
            rest = smooth
    level = np.where(mask, rest + detail, np.float32(0.0)).astype(np.float32)
    return replace(window, level=level)


def _reshaped(band: np.ndarray, mask: np.ndarray, power: float) -> np.ndarray:
    """Raise a band over its deviation to a power; its deviation stays."""
    # Robust, as the skin line would count for most of the deviation.
    some = np.abs(band[::_EVERY, ::_EVERY][mask[::_EVERY, ::_EVERY]])
    if not some.any():
        return band
    deviation = np.float32(1.4826 * float(np.median(some)) + 1e-6)
    exponent = np.float32(power - 1.0)
    detail = _size(some, deviation)
    before, after = (float((d**2).mean()) for d in (detail, detail * detail**exponent))
    factor = _size(np.abs(band), deviation) ** exponent
    return np.asarray(band * factor * np.float32((before / after) ** 0.5), dtype=np.float32)


def _size(detail: np.ndarray, deviation: np.float32) -> np.ndarray:
    """Detail over the deviation, as far as it counts, and never 0."""
    return np.clip(detail / deviation, np.float32(1e-6), np.float32(_DETAIL))
