"""One model on one image: prepare, run, and back to the stored image's coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.engine import LoadedModel
from mammo_node.findings import findings_from
from mammo_node.image.geometry import ViewTransform
from mammo_node.image.preprocess import prepare
from mammo_node.image.presentation import render
from mammo_node.image.spread import spread
from mammo_node.vocabulary import Finding, MammoImage


@dataclass(frozen=True, slots=True)
class Examined:
    """What one model says of one image."""

    findings: list[Finding]
    heatmap: Heatmap | None
    """How much each place scores, on the model's grid, where the model tells."""


@dataclass(frozen=True, slots=True)
class Heatmap:
    """A map on a model's grid, and the way back to the stored image."""

    values: npt.NDArray[np.float32]
    transform: ViewTransform
    input_shape: tuple[int, int]

    def stored(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the map on the stored image's grid."""
        return spread(self.values, self.transform, self.input_shape, shape)


def examine(image: MammoImage, model: LoadedModel) -> Examined:
    """Run one detector on one image; its boxes come back in the stored image's coordinates."""
    spec = model.package.input_spec
    pixels = render(image, spec.voi)
    spacing_mm = (image.spacing.row_mm, image.spacing.column_mm)
    prepared = prepare(pixels, spacing_mm, image.orientation, spec, padding=image.padding)
    detections = model.detector.run(prepared.tensor)
    transform, values = prepared.transform, detections.heatmap
    _, _, rows, columns = prepared.tensor.shape
    return Examined(
        findings_from(detections, transform, model.package, image.spacing, image.shape),
        None if values is None else Heatmap(values, transform, (rows, columns)),
    )


def find(image: MammoImage, model: LoadedModel) -> list[Finding]:
    """Return what one detector finds in one image."""
    return examine(image, model).findings
