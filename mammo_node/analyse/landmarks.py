"""The landmark family: one view in, nipple and pectoral muscle out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammo_node.analyse.manifest import LandmarksManifest
from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.runs import Runs, Tensor
from mammo_node.errors import InferenceError


@dataclass(frozen=True, slots=True)
class FoundLandmarks:
    """Landmarks in model pixels.

    ``nipple`` is (column, row); ``pectoral`` (rows, columns) float32, the probability of
    muscle on a grid that covers the model's input, or None; ``in_profile`` a probability.
    """

    nipple: tuple[float, float]
    score: float
    pectoral: Tensor | None
    in_profile: float | None


@dataclass(frozen=True, slots=True)
class LandmarkFinder:
    """A landmark model that is ready."""

    package: ModelPackage
    session: Runs

    @property
    def manifest(self) -> LandmarksManifest:
        """The package's manifest."""
        return self.package.manifest_of(LandmarksManifest)

    def run(self, tensor: Tensor) -> FoundLandmarks:
        """Find the landmarks of one prepared image, (1, channels, rows, columns) float32.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        manifest = self.manifest
        names = tuple(manifest.outputs)
        found = dict(
            zip(names, self.session.run({manifest.input.name: tensor}, names), strict=True)
        )
        point = found[manifest.output.nipple]
        if point.shape != (1, 3):
            raise self._broken(f"nipple {point.shape}")
        for name, values in found.items():
            if not values.size or not np.isfinite(values).all():
                raise self._broken(f"{name} is empty or not finite")
        pectoral = found.get(manifest.output.pectoral or "")
        profile = found.get(manifest.output.profile or "")
        column, row, score = (float(value) for value in point[0])
        return FoundLandmarks(
            nipple=(column, row),
            score=_share(score),
            pectoral=None if pectoral is None else np.asarray(pectoral[0, 0], dtype=np.float32),
            in_profile=None if profile is None else _share(float(profile.flat[0])),
        )

    def _broken(self, what: str) -> InferenceError:
        return InferenceError(f"model {self.package.name} breaks its output contract: {what}")


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
