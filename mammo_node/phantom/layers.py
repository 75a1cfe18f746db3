"""The layers of tissue in one view, and how much of the beam they take together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette
from mammo_node.phantom.parenchyma import Parenchyma
from mammo_node.phantom.physics import Attenuation

#: Where muscle fills less of the thickness than this, the breast's own tissue is counted.
MUSCLE_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Layers:
    """All but the gland of one view, on the structure grid: paths in mm, (rows, columns) float32.

    `full_mm` is the thickness of the compressed breast and `rounding_mm` how far inside the skin it
    is reached.
    """

    mu: Attenuation
    silhouette: Silhouette
    full_mm: float
    rounding_mm: float
    thick: FloatArray
    skin: FloatArray
    fibres: FloatArray
    blood: FloatArray

    def attenuate(self, tissue: Parenchyma) -> FloatArray:
        """Log attenuation of these layers with this tissue among them."""
        mu, silhouette, thick, skin = self.mu, self.silhouette, self.thick, self.skin
        gland = np.clip(tissue.gland.mean(axis=0), 0.0, 1.0) * np.clip(thick - skin, 0.0, None)
        muscle = thick * silhouette.pectoral
        # Connective tissue attenuates like muscle; a septum is a fraction of a millimetre deep.
        fade = np.clip(silhouette.inside_mm / 6.0, 0.0, 1.0) * (thick / 50.0)
        threads = (1.4 * tissue.strands + 0.75 * self.fibres) * fade
        total = (
            mu.adipose * thick
            + (mu.gland - mu.adipose) * gland
            + (mu.muscle - mu.adipose) * (muscle + threads)
            + (mu.skin - mu.adipose) * np.minimum(skin + silhouette.folds_mm, thick)
            + (mu.blood - mu.adipose) * np.minimum(self.blood, thick)
        )
        return np.asarray(total, dtype=np.float32)

    def gland_share(self, tissue: Parenchyma) -> float:
        """Volume of gland over volume of breast, the muscle left out."""
        bare = self.attenuate(replace(tissue, gland=np.zeros_like(tissue.gland)))
        gland_mm = (self.attenuate(tissue) - bare) / (self.mu.gland - self.mu.adipose)
        breast = (self.silhouette.inside_mm > 0) & (self.silhouette.pectoral < MUSCLE_SHARE)
        return float(gland_mm[breast].sum() / max(float(self.thick[breast].sum()), 1e-6))
