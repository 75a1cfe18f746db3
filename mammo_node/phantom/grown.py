"""Findings that are tissue of the breast itself: asymmetries and thickened skin.

They are put in while the tissue is grown, on the structure grid, and their truth is what they
added to the attenuation.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.asymmetry import Asymmetry
from mammo_node.phantom.ground import Ground
from mammo_node.phantom.kinds import SKIN_THICKENING
from mammo_node.phantom.layers import Layers
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid
from mammo_node.phantom.parenchyma import Parenchyma
from mammo_node.phantom.physics import SKIN_MM
from mammo_node.phantom.skin import SkinThickening, extra_skin_mm, thickening_weight
from mammo_node.phantom.truth import local_deviation, outline_of, region_truth

_ASYMMETRY_BLUR_MM = 2.0
#: Added attenuation under which an asymmetry is none: 1.5 mm of gland in fat at 20 keV.
_LEAST_ADDED = 0.04
_SKIN_LEVEL = 0.3


@dataclass(frozen=True, slots=True)
class Frame:
    """How a part of the structure grid lies in the image: `factor` times as coarse, further down.

    `first_row` is the part's first row, in rows of the structure grid.
    """

    image: Grid
    factor: int
    first_row: int

    def outline_px(self, outline: FloatArray) -> FloatArray:
        """(points, 2) pixels of the part as pixels of the image."""
        moved = outline + np.array([0.0, self.first_row], dtype=np.float32)
        return np.asarray(moved * np.float32(self.factor), dtype=np.float32)


def grow_asymmetry(
    asymmetry: Asymmetry, ground: Ground, tissue: Parenchyma, frame: Frame
) -> tuple[Parenchyma, PhantomLesion | None]:
    """Blend in the tissue of a denser breast.

    Parameters
    ----------
    asymmetry
        Where: one that is settled, and in this view.
    ground
        The view.
    tissue
        What grew there, with the asymmetries before this one.
    frame
        The image in which the truth is told.

    Returns
    -------
    tuple of Parenchyma and PhantomLesion or None
        Where the view shows no asymmetry, the tissue as it was and None.
    """
    more = ground.slabs.added_gland(asymmetry, tissue.gland, ground.dense.gland)
    made = replace(tissue, gland=tissue.gland + more)
    before = ground.layers.attenuate(tissue)
    added = np.asarray(ground.layers.attenuate(made) - before, dtype=np.float32)
    smooth_px = _ASYMMETRY_BLUR_MM / ground.part.grid.pitch_mm
    outline = outline_of(added, asymmetry.outline_level, smooth_px)
    if outline is None or added.max() < _LEAST_ADDED:
        return tissue, None
    contrast = _contrast(added, before, outline)
    truth = _truth(asymmetry, asymmetry.kind, "denser", outline, frame, contrast)
    return (tissue, None) if truth is None else (made, truth)


def thicken_skin(
    skin: SkinThickening, layers: Layers, attenuation: FloatArray, frame: Frame
) -> PhantomLesion | None:
    """Add thick skin to `attenuation`, (rows, columns) of the structure grid, in place."""
    silhouette, mu = layers.silhouette, layers.mu
    weight, _ = thickening_weight(skin, silhouette)
    extra = extra_skin_mm(skin, weight, silhouette, layers.full_mm, layers.rounding_mm)
    inside = silhouette.inside_mm
    rim = weight * (inside > 0) * (inside < SKIN_MM + skin.depth_mm * weight)
    attenuation += (mu.skin - mu.adipose) * extra
    outline = outline_of(np.asarray(rim, dtype=np.float32), _SKIN_LEVEL, 0.4)
    return _truth(skin, SKIN_THICKENING, "skin", outline, frame, skin.depth_mm / 1.5)


def _truth(
    what: Asymmetry | SkinThickening,
    kind: str,
    variety: str,
    outline: FloatArray | None,
    frame: Frame,
    contrast: float,
) -> PhantomLesion | None:
    if outline is None:
        return None
    return region_truth(
        frame.image,
        kind,
        variety,
        malignant_looking=what.malignant_looking,
        identity=what.identity,
        outline_px=frame.outline_px(outline),
        contrast=contrast,
    )


def _contrast(added: FloatArray, before: FloatArray, outline: FloatArray) -> float:
    (x0, y0), (x1, y1) = outline.min(axis=0), outline.max(axis=0)
    core = added[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
    box = (float(x0), float(y0), float(x1), float(y1))
    return float(core.mean()) / local_deviation(before, box)
