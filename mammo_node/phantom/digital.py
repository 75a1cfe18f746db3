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
    noisy = blurred + quantum_noise(rng, blurred, reference, pitch_mm, rng.uniform(0.008, 0.03))
    equal = _without_thickness(rng, noisy, local_thickness_mm, thickness_mm, mu, pitch_mm)
    most = (mu.muscle - mu.adipose) * thickness_mm
    equal = _compressed(rng, equal, inside_mm, most, pitch_mm)
    for sigma_mm, most_gain in ((0.15, 1.4), (0.3, 1.2), (0.8, 0.9), (2.0, 0.6)):
        gain = float(rng.uniform(0.05, most_gain))
        limit = float(rng.uniform(0.05, 0.16))
        band = _blur(equal, sigma_mm / pitch_mm) - _blur(equal, 2.4 * sigma_mm / pitch_mm)
        equal = equal + np.float32(gain * limit) * np.tanh(band / np.float32(limit))
    span = (mu.gland - mu.adipose) * thickness_mm * float(rng.uniform(0.75, 1.3))
    level = (equal / np.float32(span)) - np.float32(rng.uniform(0.1, 0.45))
    steep = float(rng.uniform(1.6, 3.2))
    grey = 1.0 / (1.0 + np.exp(-np.float32(steep) * level))
    floor = float(rng.uniform(0.0, 0.35))
    grey = np.float32(floor) + grey * np.float32(0.97 - floor)
    rim = np.clip(inside_mm / np.float32(rng.uniform(0.3, 4.0)), 0.0, 1.0)
    return np.asarray(grey * np.sqrt(rim), dtype=np.float32)


def _without_thickness(
    rng: np.random.Generator,
    log_attenuation: FloatArray,
    local_thickness_mm: FloatArray,
    thickness_mm: float,
    mu: Attenuation,
    pitch_mm: float,
) -> FloatArray:
    """Add the fat that is missing near the skin, from a thickness that is known only smoothly.

    What the smoothing misses is the last millimetres, which stay dark as they do in the clinic.
    """
    missing = np.float32(thickness_mm) - local_thickness_mm
    missing = _blur(missing, float(rng.uniform(1.5, 5.0)) / pitch_mm)
    strength = np.float32(rng.uniform(0.8, 0.98) * mu.adipose)
    fat = np.float32(mu.adipose * thickness_mm)
    return np.asarray(log_attenuation + strength * missing - fat, dtype=np.float32)


def _compressed(
    rng: np.random.Generator,
    level: FloatArray,
    inside_mm: FloatArray,
    most: float,
    pitch_mm: float,
) -> FloatArray:
    """Take out a share of the slowest variations, so that muscle and fat fit into one window.

    What is brighter than tissue can be (`most`), metal or an implant, does not darken its
    surroundings.
    """
    breast = (inside_mm > 1.0).astype(np.float32)
    sigma = float(rng.uniform(8.0, 20.0)) / pitch_mm
    slow = _blur(np.minimum(level, np.float32(most)) * breast, sigma) / np.maximum(
        _blur(breast, sigma), 0.05
    )
    return np.asarray(level - np.float32(rng.uniform(0.3, 0.85)) * slow, dtype=np.float32)


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
