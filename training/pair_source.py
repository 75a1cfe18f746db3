"""The two views of a breast with its density category."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.view import UNKNOWN, BankedView
from training.whole_views import Frame, WholeViewSource, fit_frame

#: Categories A to D of the BI-RADS atlas, in order; an ordinal answer has one limit fewer.
CATEGORIES = ("A", "B", "C", "D")
#: A density this far from a limit between categories, or farther, lies beyond it for certain.
SURE = 0.25


class PairSource(WholeViewSource):
    """Draws a breast's two views and its category; categories equally often."""

    def __init__(self, folder: Path, frame: Frame) -> None:
        super().__init__(folder)
        self.frame = frame

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One breast: `cc`, `mlo` (C, rows, columns) and `beyond` (3,) 0..1, float32."""
        groups = pairs(self.bank.views)
        found = sorted({category(pair[0]) for pair in groups})
        wanted = found[int(rng.integers(len(found)))]
        mine = [pair for pair in groups if category(pair[0]) == wanted]
        cc, mlo = mine[int(rng.integers(len(mine)))]
        seen = [fit_frame(self.frame, view, rng).image for view in (cc, mlo)]
        return {"cc": seen[0], "mlo": seen[1], "beyond": beyond(cc)}


def beyond(view: BankedView) -> np.ndarray:
    """How surely the density lies beyond each limit between categories, (3,) float32, 0..1.

    Readers disagree near the limits, so an answer there may be undecided; a source that only tells
    the category puts its density in the middle of it, which is sure.
    """
    limits = np.arange(1, len(CATEGORIES))
    share = (view.truth.density - limits) / (2.0 * SURE) + 0.5
    return np.clip(share, 0.0, 1.0).astype(np.float32)


def category(view: BankedView) -> int:
    """0 for A to 3 for D."""
    return int(np.clip(view.truth.density, 0, len(CATEGORIES) - 1))


def pairs(views: dict[str, BankedView]) -> list[tuple[BankedView, BankedView]]:
    """CC and MLO of each breast that has both and a category, in a fixed order."""
    breasts: dict[tuple[int, str], dict[str, BankedView]] = {}
    for name in sorted(views):
        truth = views[name].truth
        if truth.density == UNKNOWN:
            continue
        breasts.setdefault((truth.seed, truth.laterality), {})[truth.view] = views[name]
    return [(b["CC"], b["MLO"]) for b in breasts.values() if len(b) == 2]
