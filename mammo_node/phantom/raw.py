"""Detector values before any processing: linear in exposure, bright where nothing absorbs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.film import quantum_noise
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.physics import Attenuation

RAW_BITS = 14
_OFFSET = 50.0


def read_detector(
    rng: np.random.Generator,
    log_attenuation: FloatArray,
    thickness_mm: float,
    mu: Attenuation,
    pitch_mm: float,
) -> NDArray[np.uint16]:
    """Read 14 bit values: a dark offset plus what the breast let through.

    Pure fat of full thickness gives a few hundred to a thousand values; air saturates.
    """
    fat = mu.adipose * thickness_mm
    sigma = max(0.3, float(rng.uniform(0.03, 0.08)) / pitch_mm)
    blurred = cv2.GaussianBlur(log_attenuation, (0, 0), sigma)
    noise = quantum_noise(rng, blurred, fat, pitch_mm, float(rng.uniform(0.006, 0.02)))
    exposure = np.float32(rng.uniform(500.0, 1100.0)) * np.exp(np.float32(fat) - blurred - noise)
    exposure += np.float32(_OFFSET) + rng.standard_normal(blurred.shape, dtype=np.float32)
    return np.asarray(np.clip(exposure + 0.5, 0, 2**RAW_BITS - 1), dtype=np.uint16)
