"""Confidence intervals by resampling patients (Efron, 1979): images of one are not independent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mammo_node.evaluate.matching import FloatArray

ROUNDS = 1000
LEVEL = 0.95
LEAST_PATIENTS = 2

Statistic = Callable[[FloatArray], FloatArray]
"""Takes how often each item counts, (items,), and returns one or more figures."""


def interval(
    statistic: Statistic,
    patients: Sequence[str],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of a statistic.

    Parameters
    ----------
    statistic
        See `Statistic`; a figure that a sample cannot give is nan there, and left out.
    patients : (items,) of str
        Whose each item is.
    rounds, seed
        How many samples, and of which generator.
    level
        Share that the interval covers.

    Returns
    -------
    low, high
        Each as the statistic's result; nan where no sample gave a figure, and where there is only
        one patient, of whom nothing can be drawn but herself.
    """
    if len(set(patients)) < LEAST_PATIENTS:
        unknown = np.full_like(statistic(np.ones(len(patients))), np.nan)
        return unknown, unknown
    drawn = np.asarray([statistic(weights) for weights in _samples(patients, rounds, seed)])
    tail = 50 * (1 - level)
    known = np.isfinite(drawn).any(axis=0)
    # Where nothing is known any number will do for the percentile: it is not told.
    drawn = np.where(known, drawn, 0.0)
    low, high = np.nanpercentile(drawn, [tail, 100 - tail], axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _samples(patients: Sequence[str], rounds: int, seed: int) -> Iterator[FloatArray]:
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        picked = rng.integers(0, len(names), len(names))
        yield np.bincount(picked, minlength=len(names)).astype(np.float64)[owner]
