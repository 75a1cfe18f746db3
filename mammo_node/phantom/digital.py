"""The look of digital mammograms "for presentation": equalised to the skin, edges enhanced."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.film import quantum_noise
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.physics import Attenuation


def process_digital(
    rng: np.random.Generator,
    log_attenuation: FloatArray,
    local_thickness_mm: FloatArray,
    inside_mm: FloatArray,
    thickness_mm: float,
    mu: Attenuation,
    pitch_mm: float,
) -> FloatArray:
    """Grey level 0..1, dense tissue bright, exactly 0 outside the breast."""
    reference = (mu.adipose + 0.2 * (mu.gland - mu.adipose)) * thickness_mm
    blurred = cv2.GaussianBlur(
        log_attenuation, (0, 0), max(0.3, rng.uniform(0.03, 0.08) / pitch_mm)
    )
    noisy = blurred + quantum_noise(rng, blurred, reference, pitch_mm, rng.uniform(0.005, 0.022))
    strength = float(rng.uniform(0.82, 1.0))
    missing = np.float32(thickness_mm) - local_thickness_mm
    equal = noisy + np.float32(strength * mu.adipose) * missing
    equal = np.asarray(equal - np.float32(mu.adipose * thickness_mm), dtype=np.float32)
    for sigma_mm in (0.25, 0.7, 2.0):
        gain = float(rng.uniform(0.05, 0.9))
        limit = float(rng.uniform(0.06, 0.2))
        band = _blur(equal, sigma_mm / pitch_mm) - _blur(equal, 2.4 * sigma_mm / pitch_mm)
        equal = equal + np.float32(gain * limit) * np.tanh(band / np.float32(limit))
    span = (mu.gland - mu.adipose) * thickness_mm * float(rng.uniform(0.75, 1.15))
    level = (equal / np.float32(span)) - np.float32(rng.uniform(0.3, 0.5))
    steep = float(rng.uniform(2.2, 3.6))
    grey = 1.0 / (1.0 + np.exp(-np.float32(steep) * level))
    grey = np.float32(rng.uniform(0.0, 0.25)) + grey * np.float32(0.72)
    edge = np.clip(inside_mm / 0.3, 0.0, 1.0)
    return np.asarray(grey * edge, dtype=np.float32)


def _blur(image: FloatArray, sigma_px: float) -> FloatArray:
    # Wide kernels run on a decimated image: the result differs by less than the noise.
    if sigma_px < 4.0:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))
    factor = int(sigma_px / 2.0)
    small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return np.asarray(
        cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    )
