"""What a window that slides is asked for: the findings in its core.

The heatmap of an image judges each place by the windows centred on it, and a window's score is made
of the map's cells in its middle. So a window is judged by its core, the centre square that those
cells stand for. What lies between the core and the border is context, neither asked for nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.shape import ENOUGH, Shape
from training.view import Finding
from training.windows import Window


@dataclass(frozen=True, slots=True)
class Judged:
    """Labels of one window, (labels,) float32: 1 where it has the finding, 1 where that counts."""

    present: np.ndarray
    counted: np.ndarray


def judged_by_core(
    window: Window, findings: Sequence[Finding], kinds: Sequence[Sequence[str]], core_px: float
) -> Judged:
    """Judge a window by the square of `core_px` in its middle.

    A window has a finding when its core shows at least half of what a core can show of the
    finding's outline at best, has it not when outline and core do not touch, and is not counted for
    it in between.

    Parameters
    ----------
    window
        Where it lies in the view.
    findings
        All of the view.
    kinds
        For each label, the kinds of findings that count as it.
    core_px
        Side of the core, pixels of the window.
    """
    present = np.zeros(len(kinds), dtype=np.float32)
    touched = np.zeros(len(kinds), dtype=bool)
    low = (window.level.shape[0] - core_px) / 2
    for finding in findings:
        mine = [finding.kind in names for names in kinds]
        if any(mine):
            shown = Shape.in_window(finding, window).shown(np.array([low, low]), core_px)
            touched[mine] |= shown > 0
            if shown >= ENOUGH:
                present[mine] = 1.0
    return Judged(present, np.maximum(present, ~touched).astype(np.float32))
