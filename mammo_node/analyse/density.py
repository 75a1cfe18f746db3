"""The density family: the two views of a breast in, probabilities of A to D out."""

from __future__ import annotations

from dataclasses import dataclass

from mammo_node.analyse.manifest import DensityManifest
from mammo_node.analyse.package import ModelPackage
from mammo_node.analyse.runs import Runs, Tensor, activated
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import DensityCategory

_CATEGORIES = len(DensityCategory)
_HALF = 0.5
Probabilities = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class DensityEstimator:
    """A density model that is ready."""

    package: ModelPackage
    session: Runs

    @property
    def manifest(self) -> DensityManifest:
        """The package's manifest."""
        return self.package.manifest_of(DensityManifest)

    def run(self, cc: Tensor, mlo: Tensor) -> Probabilities:
        """Judge one breast.

        Parameters
        ----------
        cc, mlo : (1, channels, rows, columns) float32
            Both views as the package's input specification asks for.

        Returns
        -------
        tuple of 4 floats
            Probabilities of A, B, C and D; they sum to 1.

        Raises
        ------
        InferenceError
            If the runtime fails, or what it returns breaks the contract.
        """
        manifest = self.manifest
        inputs = {manifest.input.name: cc, manifest.mlo: mlo}
        (raw,) = self.session.run(inputs, (manifest.output.probabilities,))
        if raw.shape != (1, _CATEGORIES):
            raise InferenceError(
                f"model {self.package.name} breaks its output contract: shape {raw.shape}"
            )
        a, b, c, d = (float(p) for p in activated(raw, manifest.output.activation)[0])
        total = a + b + c + d
        if total <= 0:
            raise InferenceError(f"model {self.package.name}: the probabilities are all zero")
        return a / total, b / total, c / total, d / total

    def category(self, probabilities: Probabilities) -> DensityCategory:
        """Return the category that is reported, as the manifest has it; of two the denser."""
        categories = tuple(DensityCategory)
        if self.manifest.output.category == "median":
            beyond = (sum(probabilities[i + 1 :]) for i in range(_CATEGORIES))
            return categories[next(i for i, share in enumerate(beyond) if share < _HALF)]
        best = max(range(_CATEGORIES), key=lambda i: (probabilities[i], i))
        return categories[best]
