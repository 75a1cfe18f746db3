"""Contact sheets: real and phantom views side by side at one scale, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from training.realism.view import TissueView

SIZE_PX = (960, 480)


def write_sheets(
    folder: Path, look: str, real: Sequence[TissueView], phantoms: Sequence[TissueView]
) -> list[Path]:
    """Write one overview and one sheet at full resolution, real above, phantoms below."""
    folder.mkdir(parents=True, exist_ok=True)
    overview, full = folder / f"{look}-overview.png", folder / f"{look}-full.png"
    tiles = [[_tile(v) for v in views] for views in (real, phantoms)]
    small = [
        [cv2.resize(t, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for t in row[:8]]
        for row in tiles
    ]
    cv2.imwrite(str(overview), _stacked(small))
    cv2.imwrite(str(full), _stacked([row[:3] for row in tiles]))
    return [overview, full]


def _stacked(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    strips = [np.hstack(row) for row in rows if row]
    width = max(s.shape[1] for s in strips)
    return np.vstack([np.pad(s, ((0, 0), (0, width - s.shape[1]))) for s in strips])


def _tile(view: TissueView) -> np.ndarray:
    grey = (np.clip(view.grey / 1.15, 0.0, 1.0) * 255.0).astype(np.uint8)
    tile = np.zeros(SIZE_PX, dtype=np.uint8)
    part = grey[: SIZE_PX[0], : SIZE_PX[1]]
    tile[: part.shape[0], : part.shape[1]] = part
    return tile
