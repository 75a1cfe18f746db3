"""The truth about the anatomy in one view, for landmark, mask and density models."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.density import density_category
from mammo_node.phantom.lesion import largest_outline
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene

Mask = NDArray[np.bool_]
#: The muscle's border is where it has fallen to this share of what it is inside.
_MUSCLE_EDGE = 0.45
_LEAST_MUSCLE_MM2 = 25.0
#: How far the polygon may be off the mask.
_POLYGON_MM = 0.25


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Where the parts of the breast are in one image.

    All masks are (rows, columns) bool on the image's own pixels; points are (column, row) with
    (0.0, 0.0) at the top-left corner of the top-left pixel.

    Attributes
    ----------
    nipple_px
        Base of a nipple in profile, middle of one that is not. May lie outside of the image, where
        the field cut it off.
    nipple_in_profile
        Whether the skin line shows it.
    nipple_in_image
        Whether it lies within the image.
    breast
        What is inside the skin, the muscle included.
    pectoral
        Pectoral muscle, all False where the view shows none.
    pectoral_outline_px
        (points, 2) float32 polygon of the muscle, (0, 2) where there is none.
    implant
        The implant's shadow, all False where there is none.
    gland_share
        Volume of fibroglandular tissue over volume of breast in this view, 0..1.
    density_level
        Density of the breast by the gland in its rendered views, 0 up to 4, one unit a category.
    """

    nipple_px: tuple[float, float]
    nipple_in_profile: bool
    nipple_in_image: bool
    breast: Mask
    pectoral: Mask
    pectoral_outline_px: FloatArray
    implant: Mask
    gland_share: float
    density_level: float

    @property
    def density(self) -> str:
        """BI-RADS category "A".."D" of the breast."""
        return density_category(self.density_level)

    def mirrored(self) -> Landmarks:
        """Flip left to right, as for a right breast."""
        columns = self.breast.shape[1]
        outline = self.pectoral_outline_px * np.array([-1.0, 1.0], dtype=np.float32)
        return replace(
            self,
            nipple_px=(columns - self.nipple_px[0], self.nipple_px[1]),
            breast=np.ascontiguousarray(self.breast[:, ::-1]),
            pectoral=np.ascontiguousarray(self.pectoral[:, ::-1]),
            implant=np.ascontiguousarray(self.implant[:, ::-1]),
            pectoral_outline_px=outline + np.array([columns, 0.0], dtype=np.float32),
        )


def landmarks_of(scene: Scene, implant: Mask, density_level: float) -> Landmarks:
    """Read the landmarks off a scene (canonical frame, chest wall on the left)."""
    breast = scene.inside_mm > 0
    pectoral = _muscle(scene) & breast
    column, row = scene.nipple_seen_px
    return Landmarks(
        nipple_px=(column, row),
        nipple_in_profile=scene.anatomy.nipple_in_profile,
        nipple_in_image=0 <= column < scene.grid.columns and 0 <= row < scene.grid.rows,
        breast=breast,
        pectoral=pectoral,
        pectoral_outline_px=_polygon(pectoral, scene.grid.pitch_mm),
        implant=implant,
        gland_share=scene.gland_share,
        density_level=density_level,
    )


def _muscle(scene: Scene) -> Mask:
    most = float(scene.pectoral.max())
    muscle = scene.pectoral > _MUSCLE_EDGE * most if most > 0 else scene.pectoral > 0
    area = float(muscle.sum()) * scene.grid.pitch_mm**2
    return np.asarray(muscle if area >= _LEAST_MUSCLE_MM2 else np.zeros_like(muscle), dtype=bool)


def _polygon(mask: Mask, pitch_mm: float) -> FloatArray:
    outline = largest_outline(mask, 0, 0)
    if outline is None:
        return np.zeros((0, 2), dtype=np.float32)
    simple = cv2.approxPolyDP(outline[:, None, :], max(0.5, _POLYGON_MM / pitch_mm), True)
    return np.asarray(simple[:, 0, :], dtype=np.float32)
