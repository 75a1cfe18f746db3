"""Attenuation of breast tissues, and the shape of a compressed breast.

Coefficients per cm from the VICTRE pipeline's PENELOPE tables (adipose, gland, skin, muscle, blood,
calcium oxalate), at the effective energies of mammography spectra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.phantom.noise import FloatArray

ENERGY_KEV = (18.0, 20.0, 22.0, 28.0)
ADIPOSE = (0.635, 0.513, 0.431, 0.304)
GLAND = (0.980, 0.767, 0.626, 0.408)
SKIN = (1.08, 0.841, 0.684, 0.441)
MUSCLE = (1.11, 0.865, 0.700, 0.445)
BLOOD = (1.15, 0.896, 0.725, 0.458)
CALCIFICATION = (13.1, 9.75, 7.47, 3.85)
SKIN_MM = 1.5
#: 2 is a half circle; real films are brighter just inside the skin than that.
EDGE_POWER = 2.25


@dataclass(frozen=True, slots=True)
class Attenuation:
    """Linear attenuation coefficients per mm at one effective energy."""

    adipose: float
    gland: float
    skin: float
    muscle: float
    blood: float
    calcification: float

    @classmethod
    def at(cls, energy_kev: float) -> Attenuation:
        """Interpolate the tables, log-log, at `energy_kev`."""

        def value(table: tuple[float, ...]) -> float:
            log = np.interp(np.log(energy_kev), np.log(ENERGY_KEV), np.log(table))
            return float(np.exp(log)) / 10.0

        return cls(*(value(t) for t in (ADIPOSE, GLAND, SKIN, MUSCLE, BLOOD, CALCIFICATION)))


def thickness_mm(inside_mm: FloatArray, full_mm: float, rounding_mm: float) -> FloatArray:
    """Thickness of a compressed breast at a distance inside the skin line, with a rounded edge."""
    rise = np.clip(inside_mm / np.float32(rounding_mm), 0.0, 1.0)
    edge = (1.0 - (1.0 - rise) ** EDGE_POWER) ** (1.0 / EDGE_POWER)
    return np.asarray(np.float32(full_mm) * edge, dtype=np.float32)


def skin_path_mm(inside_mm: FloatArray, full_mm: float, rounding_mm: float) -> FloatArray:
    """Length of the ray within skin: both surfaces, and the rim where it runs along the skin."""
    outer = thickness_mm(inside_mm, full_mm, rounding_mm)
    inner = thickness_mm(inside_mm - np.float32(SKIN_MM), full_mm, rounding_mm)
    return np.asarray(np.minimum(outer, outer - inner + 2.0 * SKIN_MM * 0.93), dtype=np.float32)
