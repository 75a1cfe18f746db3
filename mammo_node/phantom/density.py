"""Breast density as it is there: how much of a breast is gland, and which category that is.

An anatomy is drawn for a density, but what becomes of it depends on lobules, thickness and
compression, so the truth is what the views hold: no reader can tell what had been drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: BI-RADS density categories, from almost entirely fatty to extremely dense.
DENSITY_CATEGORIES = ("A", "B", "C", "D")
#: Share of gland at densities 0 to 4; 1, 2 and 3 are the limits between categories. With these,
#: about as many breasts are A to D as anatomies are drawn for; few lie beyond the ends.
_SHARES = (0.025, 0.087, 0.195, 0.33, 0.65)


def density_of(shares: Sequence[float]) -> float:
    """Density 0..4, one unit a category, of a breast whose views have these shares of gland.

    `shares` are volumes of gland over volumes of breast, 0..1, at least one.
    """
    share = max(float(np.mean(shares)), 1e-6)
    return float(np.interp(np.log(share), np.log(_SHARES), range(len(_SHARES))))


def density_category(density: float) -> str:
    """Return the category "A".."D" of a density, 0 up to 4."""
    return DENSITY_CATEGORIES[int(np.clip(density, 0, len(DENSITY_CATEGORIES) - 1))]
