"""Models that judge a breast by its two views: the first that comes waits for the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.density import DensityEstimator, Probabilities
from mammo_node.evaluate.records import ImageRecord
from mammo_node.vocabulary import DensityCategory, View

Tensor = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Breasts:
    """Prepared views whose other view has not come yet."""

    estimator: DensityEstimator
    _waiting: dict[object, dict[View, Tensor]] = field(default_factory=dict)

    def density(
        self, record: ImageRecord, tensor: Tensor
    ) -> tuple[Probabilities, DensityCategory] | None:
        """Return the density of the image's breast, once both of its views have been here.

        That is probabilities of A, B, C and D, and the category that is reported.

        Parameters
        ----------
        record
            Whose image it is.
        tensor : (1, channels, rows, columns) float32
            The image as the model wants it.

        Raises
        ------
        InferenceError
            If the model fails.
        """
        views = self._waiting.setdefault(record.breast, {})
        views[record.view] = tensor
        if View.CC not in views or View.MLO not in views:
            return None
        del self._waiting[record.breast]
        probabilities = self.estimator.run(views[View.CC], views[View.MLO])
        return probabilities, self.estimator.category(probabilities)
