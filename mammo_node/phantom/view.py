"""What a phantom study holds: pixels as they are shown, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo_node.phantom.landmarks import Landmarks
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.look import Look
from mammo_node.phantom.noise import FloatArray

FULL_SCALE = 4095


@dataclass(frozen=True, slots=True)
class PhantomView:
    """One mammogram of a phantom.

    Attributes
    ----------
    laterality, view
        "R" or "L"; "CC" or "MLO".
    pixels
        (rows, columns) uint16. As shown, with 12 bits used, dense tissue bright, whatever the
        vendor stores; chest wall on the left for a left breast and on the right for a right one.
        For Processing: 14 bit detector values, bright where nothing absorbs.
    pixel_spacing_mm
        Pixel pitch in the breast's plane.
    lesions
        Masses and calcification clusters.
    nipple_px
        As in `landmarks`.
    inside_mm
        (rows, columns) float32 distance inside the skin, 0 where there is no breast.
    compressed_mm
        Thickness of the compressed breast.
    signs
        All other findings.
    benign
        Things that may be taken for a finding: nodes with a hilum, moles, harmless calcium.
    landmarks
        Nipple, muscle, breast, implant and gland.
    implant
        "silicone", "saline" or None.
    implant_displaced
        Whether it was pushed out of this view.
    """

    laterality: str
    view: str
    pixels: NDArray[np.uint16]
    pixel_spacing_mm: float
    lesions: tuple[PhantomLesion, ...]
    nipple_px: tuple[float, float]
    inside_mm: FloatArray
    compressed_mm: float
    signs: tuple[PhantomLesion, ...]
    benign: tuple[PhantomLesion, ...]
    landmarks: Landmarks
    implant: str | None = None
    implant_displaced: bool = False

    @property
    def findings(self) -> tuple[PhantomLesion, ...]:
        """Masses, clusters and all other findings, without what is benign by its nature."""
        return self.lesions + self.signs


@dataclass(frozen=True, slots=True)
class PhantomStudy:
    """The views of one phantom woman, in hanging order, and what they were made from.

    `look` is "film" or "digital", `recipe` all of how the study was taken.
    """

    seed: int
    look: str
    energy_kev: float
    views: tuple[PhantomView, ...]
    recipe: Look
