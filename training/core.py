"""What a window that slides is asked for: the findings in its core.

The heatmap of an image judges each place by the windows centred on it, and a window's score is made
of the map's cells in its middle. So a window is judged by its core, the centre square that those
cells stand for. What lies between the core and the border is context, neither asked for nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.view import Finding
from training.windows import Window

#: A window has a finding when its core shows this share of what a core could show of it.
ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """Labels of one window, (labels,) float32: 1 where it has the finding, 1 where that counts."""

    present: np.ndarray
    counted: np.ndarray


def judged_by_core(
    window: Window, findings: Sequence[Finding], kinds: Sequence[Sequence[str]], core_px: float
) -> Judged:
    """Judge a window by the square of `core_px` in its middle.

    A finding's box counts as the part of it that a core can hold at best, which is the lesser of
    box and core in each direction. A window has a finding when its core shows at least half of
    that, has it not when box and core do not touch, and is not counted for it in between.

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
        box = window.to_window(np.asarray([finding.box_mm]))[0]
        seen = np.clip(box, low, low + core_px)
        sides = seen[2:] - seen[:2]
        best = np.minimum(box[2:] - box[:2], core_px)
        mine = [finding.kind in names for names in kinds]
        touched[mine] |= bool((sides > 0).all())
        if (sides > 0).all() and np.prod(sides) >= ENOUGH * np.prod(best):
            present[mine] = 1.0
    return Judged(present, np.maximum(present, ~touched).astype(np.float32))
