"""Random patches with the findings in them, for the patch classifiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.core import Judged, judged_by_core
from training.finding_source import FindingSource
from training.grading import regrade
from training.shape import Shape
from training.view import BankedView, Finding
from training.windows import Window, cut_window, make_channels

#: A patch has a finding from this share of the finding's box, or of the patch, on.
ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class PatchRules:
    """How patches are drawn: `kinds` lists, for each label, the phantom kinds that count as it.

    With `core`, a share of the window's side, a window is judged by that square in its middle (see
    `training.core`); with 0 by all of it.
    """

    kinds: tuple[tuple[str, ...], ...]
    channels: tuple[str, ...]
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    window_mm: float = 51.2
    size_px: int = 256
    on_finding: float = 0.65
    scale: tuple[float, float] = (0.85, 1.18)
    strength: float = 1.0
    core: float = 0.0


class PatchSource(FindingSource):
    """Draws patches from all views of a bank, every label as often as the others."""

    def __init__(self, folder: Path, rules: PatchRules) -> None:
        super().__init__(folder, rules.kinds)
        self.rules = rules

    def draw(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """One patch: `image` (C, size, size), `labels` and `counted` (labels,) 0 or 1, float32."""
        return self.draw_of(rng)[0]

    def draw_of(self, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], BankedView]:
        """One patch as `draw` gives it, and the view it is of."""
        rules = self.rules
        zoom = float(np.exp(rng.uniform(*np.log(rules.scale))))
        side_mm = rules.window_mm / zoom
        view, corner = self._place(rng, side_mm)
        window = cut_window(view, corner, rules.size_px, side_mm / rules.size_px)
        judged = self._judged(window, view)
        level = regrade(rng, window.level, window.mask, window.mm_per_pixel, rules.strength)
        window = Window(level, window.mask, window.mm_per_pixel, window.origin_mm)
        image = make_channels(window, rules.channels, rules.parameters)
        if rng.uniform() < 0.5:
            image = image[:, ::-1]
        made = {"labels": judged.present, "counted": judged.counted}
        return {"image": np.ascontiguousarray(image), **made}, view

    def _judged(self, window: Window, view: BankedView) -> Judged:
        findings, rules = view.truth.findings, self.rules
        if rules.core:
            return judged_by_core(window, findings, rules.kinds, rules.core * rules.size_px)
        present = labels_in(window, findings, rules.kinds)
        return Judged(present, np.ones_like(present))

    def _place(
        self, rng: np.random.Generator, side_mm: float
    ) -> tuple[BankedView, tuple[float, float]]:
        view, centre, finding = self.place(rng, self.rules.on_finding)
        if finding is not None:
            centre, reach_mm = self._around(rng, finding, centre, side_mm)
            centre = centre + rng.uniform(-1.0, 1.0, 2) * reach_mm
        return view, (float(centre[0] - side_mm / 2), float(centre[1] - side_mm / 2))

    def _around(
        self, rng: np.random.Generator, finding: Finding, middle: np.ndarray, side_mm: float
    ) -> tuple[np.ndarray, float]:
        """Draw a point of a finding, and how far from it a patch may be centred."""
        if not self.rules.core:
            return middle, 0.3 * side_mm
        # As far as windows in a row may come to it.
        return Shape.of(finding).drawn_point(rng), self.rules.core * side_mm / 6


def labels_in(
    window: Window, findings: tuple[Finding, ...], kinds: tuple[tuple[str, ...], ...]
) -> np.ndarray:
    """Which labels a window has, (labels,) float32."""
    size = window.level.shape[0]
    present = np.zeros(len(kinds), dtype=np.float32)
    for finding in findings:
        box = window.to_window(np.asarray([finding.box_mm]))[0]
        cut = np.clip(box, 0, size)
        both = float(np.prod(np.clip(cut[2:] - cut[:2], 0, None)))
        smaller = min(float(np.prod(box[2:] - box[:2])), float(size * size))
        if both >= ENOUGH * max(smaller, 1e-6):
            present[[finding.kind in names for names in kinds]] = 1.0
    return present
