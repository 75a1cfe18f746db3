"""Tissue of another texture: fine detail that is rarer and stronger, or commoner and weaker.

The finest structures of real mammograms are sparse: excess kurtosis of bands at 0.3 mm is up to
three times that of phantoms, and one at 0.1 mm a pixel shows single bright dots and crossings of
strands wherever one looks. A network that has only seen even texture takes these for
calcifications, and hesitates over calcifications among them. So detail is changed band by band:
what stands out in it stands out more, and the rest less, or the other way round.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

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
            smooth = cv2.GaussianBlur(rest, (0, 0), sigma)
            detail += gain * _reshaped(rest - smooth, mask, power)
            rest = smooth
    level = np.where(mask, rest + detail, np.float32(0.0)).astype(np.float32)
    return replace(window, level=level)


def _reshaped(band: np.ndarray, mask: np.ndarray, power: float) -> np.ndarray:
    """Raise a band over its deviation to a power; its deviation stays."""
    # Robust, as the skin line would count for most of the deviation.
    deviation = 1.4826 * float(np.median(np.abs(band[mask]))) + 1e-6
    size = np.abs(band) / np.float32(deviation)
    detail = np.minimum(size, np.float32(_DETAIL))
    factor = np.maximum(detail, np.float32(1e-6)) ** np.float32(power - 1.0)
    before, after = (float((d[mask] ** 2).mean()) for d in (detail, detail * factor))
    if after == 0.0:
        return band
    return np.asarray(band * factor * np.float32((before / after) ** 0.5), dtype=np.float32)
