"""Other machines' looks: random changes of grey levels that leave the anatomy where it is.

Each works on grey levels of the breast, (rows, columns) float32, 0..1 with a little overshoot, and
keeps MONOCHROME2 polarity: bright stays bright.
"""

# ruff: noqa: ARG001 - all changes have one signature

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mammo_node.image.recipes import wide_blur

Level = np.ndarray
Change = Callable[[np.random.Generator, Level, float], Level]


def regrade(
    rng: np.random.Generator, level: Level, mask: np.ndarray, mm_per_pixel: float, strength: float
) -> Level:
    """Apply a random choice of all changes; air stays 0.

    Parameters
    ----------
    rng
        Source of the draws.
    level, mask
        Grey levels, and True in the breast.
    mm_per_pixel
        Pixel pitch: blur and noise have their scale in mm or pixels as machines have it.
    strength
        Probability factor, 0 (nothing) to 1.
    """
    for change, probability in _CHANGES:
        if rng.uniform() < strength * probability:
            level = change(rng, level, mm_per_pixel)
    return np.where(mask, level, np.float32(0.0)).astype(np.float32)


def _gamma(rng: np.random.Generator, level: Level, mm: float) -> Level:
    gamma = float(np.exp(rng.uniform(-0.5, 0.5)))
    return np.asarray(np.sign(level) * np.abs(level) ** gamma, dtype=np.float32)


def _bend(rng: np.random.Generator, level: Level, mm: float) -> Level:
    # An S, or its inverse: film's toe and shoulder, sigmoid windows.
    bend = np.float32(rng.uniform(-0.7, 0.7) / (2 * np.pi))
    return np.asarray(level - bend * np.sin(2 * np.pi * level), dtype=np.float32)


def _stretch(rng: np.random.Generator, level: Level, mm: float) -> Level:
    gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)
    return np.asarray(level * np.float32(gain) + np.float32(offset), dtype=np.float32)


def _clip(rng: np.random.Generator, level: Level, mm: float) -> Level:
    return np.clip(level, np.float32(rng.uniform(-0.25, 0.08)), np.float32(rng.uniform(0.85, 1.2)))


def _shade(rng: np.random.Generator, level: Level, mm: float) -> Level:
    """Uneven exposure or development: a smooth field over the image."""
    coarse = rng.uniform(-0.1, 0.1, (3, 3)).astype(np.float32)
    field = cv2.resize(coarse, level.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(level + field, dtype=np.float32)


def _blur(rng: np.random.Generator, level: Level, mm: float) -> Level:
    return cv2.GaussianBlur(level, (0, 0), float(rng.uniform(0.4, 1.3)))


def _sharpen(rng: np.random.Generator, level: Level, mm: float) -> Level:
    """Unsharp masking at some scale, as digital systems do."""
    sigma = float(np.exp(rng.uniform(np.log(0.2), np.log(2.0)))) / mm
    amount = np.float32(rng.uniform(0.2, 1.0))
    return np.asarray(level + amount * (level - cv2.GaussianBlur(level, (0, 0), max(sigma, 0.5))))


def _equalise(rng: np.random.Generator, level: Level, mm: float) -> Level:
    """Flatten: take out part of what varies slowly, as peripheral equalisation does."""
    sigma = float(rng.uniform(6.0, 20.0)) / mm
    slow = wide_blur(level, sigma)
    share = np.float32(rng.uniform(0.2, 0.6))
    return np.asarray(level - share * (slow - slow.mean()), dtype=np.float32)


def _coarse_pixels(rng: np.random.Generator, level: Level, mm: float) -> Level:
    """Lose resolution, as a scan with larger pixels would."""
    factor = float(rng.uniform(1.3, 2.3))
    size = tuple(max(8, int(n / factor)) for n in level.shape[::-1])
    small = cv2.resize(level, size, interpolation=cv2.INTER_AREA)
    how = cv2.INTER_LINEAR if rng.uniform() < 0.7 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(small, level.shape[::-1], interpolation=how))


def _noise(rng: np.random.Generator, level: Level, mm: float) -> Level:
    noise = rng.standard_normal(level.shape, dtype=np.float32)
    sigma = float(rng.uniform(0.0, 0.9))
    if sigma > 0.3:
        noise = cv2.GaussianBlur(noise, (0, 0), sigma)
    amplitude = float(np.exp(rng.uniform(np.log(0.002), np.log(0.02))))
    return np.asarray(level + np.float32(amplitude) * noise, dtype=np.float32)


_CHANGES: tuple[tuple[Change, float], ...] = (
    (_coarse_pixels, 0.3),
    (_blur, 0.3),
    (_equalise, 0.25),
    (_gamma, 0.5),
    (_bend, 0.4),
    (_sharpen, 0.25),
    (_shade, 0.3),
    (_noise, 0.4),
    (_stretch, 0.5),
    (_clip, 0.2),
)
