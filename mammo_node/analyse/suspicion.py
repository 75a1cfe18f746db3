"""The AI suspicion category of an image: where its score lies among a model's operating points.

The categories, as quantusMM gives them, of a score s with the sensitivity and specificity that were
measured when every image from s on is called suspicious:

===  =============================================
 6   specificity above 99 %
 5   specificity from 95 % to 99 %
 4   both below 95 %
 3   sensitivity from 95 % to 99 %
 1   sensitivity above 99 %
===  =============================================

Where a good model fits two rows at once, the higher category is given. The numbers resemble those
of BI-RADS and are not: they say how rare such a score is among images with and without a finding,
not what to do. There is no 2, which would need the model to know benign findings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Per cent, both for sensitivity and for specificity.
_HIGH, _VERY_HIGH = 95, 99


@dataclass(frozen=True, slots=True)
class Limit:
    """From which score on a category is given, and what was measured at that score."""

    category: int
    threshold: float
    sensitivity: float
    specificity: float


def category_of(score: float, limits: Sequence[tuple[int, float]]) -> int | None:
    """Return the highest category whose threshold the score reaches; None without limits."""
    # float32, as the scores: 0.3 as a double lies above 0.3 as a float.
    reached = [one for one, limit in limits if np.float32(score) >= np.float32(limit)]
    return max(reached, default=None)


def derive_limits(scores: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[Limit, ...]:
    """Derive the limits of the categories from images whose truth is known.

    Parameters
    ----------
    scores : (N,) numbers of 0 to 1
        The model's scores of images.
    truth : (N,) bool
        Whether there is a finding of the label in the image.

    Returns
    -------
    tuple of Limit
        By rising category and rising threshold; the first begins at 0. Thresholds are scores
        that occurred, as the shortest numbers that are these scores in single precision: rounded
        any further, two of them may become one. A category that no score would get is left out.

    Raises
    ------
    ValueError
        If images with or without a finding are missing.

    Notes
    -----
    With few images the limits stand on few of them: 1 % of the cases with a finding must be more
    than one case for the upper limit of category 1 to mean much.
    """
    # float32, as the scores and as `category_of` compares them.
    values = np.asarray(scores, dtype=np.float32)
    found = np.asarray(truth, dtype=np.bool_)
    positive, negative = np.sort(values[found]), np.sort(values[~found])
    if not positive.size or not negative.size:
        raise ValueError("limits need images with and images without a finding")
    at = np.unique(values)
    detected = positive.size - np.searchsorted(positive, at, side="left")
    cleared = np.searchsorted(negative, at, side="left")
    # In whole numbers: 95 of 100 is 95 %, not a little less.
    reached = {
        3: 100 * detected <= _VERY_HIGH * positive.size,
        4: 100 * detected < _HIGH * positive.size,
        5: 100 * cleared >= _HIGH * negative.size,
        6: 100 * cleared > _VERY_HIGH * negative.size,
    }
    limits = [Limit(1, 0.0, 1.0, 0.0)]
    for category, enough in reached.items():
        if enough.any():
            first = int(np.argmax(enough))
            rates = detected[first] / positive.size, cleared[first] / negative.size
            limits.append(Limit(category, _shortest(at[first]), float(rates[0]), float(rates[1])))
    return _given(limits)


def manifest_tables(limits: Sequence[Limit], label: str, data: str) -> str:
    """Return the limits as a manifest's [[suspicion]] tables.

    Parameters
    ----------
    label : str
        The [[label]] that was measured.
    data : str
        On what, in words.
    """
    return "\n".join(
        "\n".join(
            (
                "[[suspicion]]",
                f'label = "{label}"',
                f"category = {limit.category}",
                f"threshold = {np.format_float_positional(limit.threshold, trim='0')}",
                f"sensitivity = {limit.sensitivity:.4f}",
                f"specificity = {limit.specificity:.4f}",
                f"data = {json.dumps(data)}",
                "",
            )
        )
        for limit in limits
    )


def _shortest(score: np.float32) -> float:
    return float(np.format_float_positional(score))


def _given(limits: list[Limit]) -> tuple[Limit, ...]:
    """Leave out categories whose scores all reach a higher one."""
    above = [min(later.threshold for later in limits[i + 1 :]) for i in range(len(limits) - 1)]
    kept = [one for one, least in zip(limits, above, strict=False) if one.threshold < least]
    return (*kept, limits[-1])
