"""How far two masks agree."""

from __future__ import annotations

import numpy as np


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Return twice what two masks of one shape share over the sum of both; of empty ones 0."""
    return float(2 * (found & truth).sum() / max(int(found.sum() + truth.sum()), 1))
