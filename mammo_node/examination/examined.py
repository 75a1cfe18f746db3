"""What one model says of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.image.geometry import ViewTransform
from mammo_node.image.spread import spread
from mammo_node.vocabulary import Finding, ImageScore, Landmarks, MapKind, ViewPicture


@dataclass(frozen=True, slots=True)
class Heatmap:
    """A map on a model's grid, and the way back to the stored image."""

    values: npt.NDArray[np.float32]
    transform: ViewTransform
    input_shape: tuple[int, int]
    kind: MapKind = MapKind.SCORES

    def stored(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the map on the stored image's grid."""
        return spread(self.values, self.transform, self.input_shape, shape)

    def shown(self, picture: ViewPicture) -> npt.NDArray[np.float32]:
        """Return the map on a picture's grid."""
        grid = picture.to_picture
        return spread(self.values, self.transform, self.input_shape, picture.grey.shape, grid)


@dataclass(frozen=True, slots=True)
class Examined:
    """What one model says of one image; each family fills what it knows."""

    findings: tuple[Finding, ...] = ()
    heatmap: Heatmap | None = None
    """How much each place scores, or what it did for the findings, on the model's grid."""
    landmarks: Landmarks | None = None
    scores: tuple[ImageScore, ...] = ()
    tensor: npt.NDArray[np.float32] | None = None
    """The prepared input, of a model that judges two views together."""
