"""Seeded random fields with a power-law spectrum: the raw material of all soft tissue.

Every field is periodic, so that a tile can be sampled at any place and at any shift, and has zero
mean and unit standard deviation.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def power_law(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spacing_mm: float,
    beta: float,
    outer_mm: float,
    stretch: float = 1.0,
) -> FloatArray:
    """Periodic Gaussian field whose power falls as ``(f**2 + 1/outer_mm**2)**(-beta/2)``.

    Parameters
    ----------
    rng
        Source of the phases.
    shape
        Any number of axes; the last one is the axis along which the field is stretched.
    spacing_mm
        Sample distance, the same on every axis.
    beta
        Exponent of the power spectrum (mammograms: about 3 in projection).
    outer_mm
        Outer scale: structures larger than this are no stronger.
    stretch
        How many times longer structures are along the last axis.

    Returns
    -------
    ndarray
        `shape` float32, mean 0, standard deviation 1.
    """
    power = _squared_frequency(shape, spacing_mm, stretch) + outer_mm**-2
    return _shaped(rng, shape, power ** (-beta / 4.0))


def band(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spacing_mm: float,
    scale_mm: float,
    stretch: float = 1.0,
) -> FloatArray:
    """Periodic Gaussian field with one dominant wavelength, `scale_mm`."""
    frequency = np.sqrt(_squared_frequency(shape, spacing_mm, stretch)) * scale_mm
    bump = np.asarray(frequency**2 * np.exp(-(frequency**2)), dtype=np.float32)
    return _shaped(rng, shape, bump)


def _squared_frequency(shape: tuple[int, ...], spacing_mm: float, stretch: float) -> FloatArray:
    total = np.zeros((1,) * len(shape))
    for axis, size in enumerate(shape):
        last = axis == len(shape) - 1
        f = (
            np.fft.rfftfreq(size, spacing_mm) * stretch
            if last
            else np.fft.fftfreq(size, spacing_mm)
        )
        total = total + (f**2).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total.astype(np.float32)


def _shaped(rng: np.random.Generator, shape: tuple[int, ...], amplitude: FloatArray) -> FloatArray:
    white = rng.standard_normal(shape, dtype=np.float32)
    field = scipy.fft.irfftn(scipy.fft.rfftn(white) * amplitude, s=shape)
    field -= field.mean()
    field /= field.std()
    return np.asarray(field, dtype=np.float32)
