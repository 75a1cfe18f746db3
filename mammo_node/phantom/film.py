"""The look of digitised screen-film mammograms: H&D curve, grain, and what lies on the film."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.physics import Attenuation


def expose_film(
    rng: np.random.Generator,
    log_attenuation: FloatArray,
    thickness_mm: float,
    mu: Attenuation,
    pitch_mm: float,
) -> FloatArray:
    """Grey level 0..1 of a film behind the breast, dense tissue bright.

    The automatic exposure control sets the curve's middle a little above pure fat.
    """
    k = float(rng.uniform(1.3, 1.8))
    gland_step = (mu.gland - mu.adipose) * thickness_mm
    middle = mu.adipose * thickness_mm + float(rng.uniform(0.12, 0.42)) * gland_step
    blurred = cv2.GaussianBlur(
        log_attenuation, (0, 0), max(0.3, rng.uniform(0.05, 0.12) / pitch_mm)
    )
    noisy = blurred + quantum_noise(rng, blurred, middle, pitch_mm, rng.uniform(0.01, 0.032))
    grey = 1.0 / (1.0 + np.exp(-k * (noisy - np.float32(middle))))
    grain = rng.standard_normal(grey.shape, dtype=np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), max(0.4, 0.05 / pitch_mm))
    return np.asarray(grey + grain * np.float32(rng.uniform(0.0015, 0.006)), dtype=np.float32)


def quantum_noise(
    rng: np.random.Generator,
    log_attenuation: FloatArray,
    reference: float,
    pitch_mm: float,
    sigma_at_100um: float,
) -> FloatArray:
    """Noise of L where few quanta arrive: its deviation grows as exp(L / 2)."""
    sigma = np.float32(sigma_at_100um * 0.1 / pitch_mm)
    weight = np.exp(0.5 * np.clip(log_attenuation - np.float32(reference), -3.0, 2.5))
    noise = rng.standard_normal(log_attenuation.shape, dtype=np.float32) * weight * sigma
    return np.asarray(noise, dtype=np.float32)
