"""Mirror the truth of a canonical (left) view for a right breast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mammo_node.phantom.lesion import PhantomLesion


def mirror_lesion(lesion: PhantomLesion, columns: int) -> PhantomLesion:
    """Place the same lesion in an image of `columns` columns that was flipped left to right."""
    x_min, y_min, x_max, y_max = lesion.box_px
    outline = lesion.outline_px.copy()
    outline[:, 0] = np.float32(columns) - outline[:, 0]
    return replace(
        lesion,
        box_px=(columns - x_max, y_min, columns - x_min, y_max),
        outline_px=outline,
        centre_px=(columns - lesion.centre_px[0], lesion.centre_px[1]),
    )
