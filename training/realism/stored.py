"""Real images with something put into them, as pixels that a machine might have stored."""

from __future__ import annotations

import numpy as np

from training.raw import RawView

#: Stored values of the darkest and of the range of the breast.
LOW, RANGE = 700.0, 3000.0


def as_stored(
    name: str,
    look: str,
    level: np.ndarray,
    breast: np.ndarray,
    pitch_mm: float,
    finding: tuple[str, bool, tuple[float, ...]],
) -> RawView:
    """Return a left MLO of grey levels about 0 to 1, chest wall on the left, with one finding."""
    stored = np.clip(LOW + RANGE * level, 0, 65535) * breast
    return RawView(
        name=name,
        patient=name,
        pixels=stored.astype(np.uint16),
        pitch_mm=pitch_mm,
        laterality="L",
        view="MLO",
        look=look,
        density=0.0,
        findings=(finding,),
    )
