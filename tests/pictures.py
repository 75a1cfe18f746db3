"""Made-up pictures of made-up images, for objects that show them."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.vocabulary import Laterality, StudyResult, ViewPicture, ViewResult

#: Pixels of a picture per pixel of the stored image.
SCALE = 0.0625


def picture(view: ViewResult, *, relevant: bool = False) -> ViewPicture:
    """A grey half-disc on the side where the chest wall hangs, unflipped, with its mask."""
    mask = half_disc(view.rows, view.columns, right=view.laterality is Laterality.RIGHT)
    rows, columns = round(view.rows * SCALE), round(view.columns * SCALE)
    small = half_disc(rows, columns, right=view.laterality is Laterality.RIGHT)
    relevance = heat = None
    if relevant:
        relevance = np.zeros(mask.shape, dtype=np.float32)
        relevance[1400:1600, 1200:1420] = 1.0
        heat = cv2.resize(relevance, (columns, rows), interpolation=cv2.INTER_AREA)
    return ViewPicture(
        grey=np.where(small, 120, 0).astype(np.uint8),
        to_picture=(SCALE, 0.0, 0.0, 0.0, SCALE, 0.0),
        breast=mask,
        relevance=relevance,
        heat=heat,
    )


def half_disc(rows: int, columns: int, *, right: bool) -> np.ndarray:
    """(rows, columns) bool: a breast that touches the right or the left edge."""
    y, x = np.ogrid[0:rows, 0:columns]
    centre = columns if right else 0
    return ((y - rows / 2) / (rows * 0.45)) ** 2 + ((x - centre) / (columns * 0.7)) ** 2 < 1


def pictures(result: StudyResult, *, relevant: bool = False) -> dict[str, ViewPicture]:
    """Pictures of all images that were analysed, as the pipeline has them."""
    if result.outcome.value in ("failed", "not-attempted"):
        return {}
    return {
        view.ref.sop_instance_uid: picture(view, relevant=relevant)
        for view in result.views
        if view.refusal is None
    }
