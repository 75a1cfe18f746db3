"""Maps of what made a model score: the relevance graph, run and made fit to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.analyse.flips import turned, turned_strips
from mammo_node.analyse.manifest.boxes import Flip
from mammo_node.analyse.relevance.derive import RELEVANCE
from mammo_node.analyse.relevance.heads import THRESHOLDS
from mammo_node.analyse.runs import Runs, Tensor
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import Detections, MapKind

#: Gradients of strided convolutions are a mesh of points: this smooths over a cell of the finest
#: level of detection, stride 8.
SIGMA_PX: Final = 4.0


@dataclass(frozen=True, slots=True)
class GradientTimesInput:
    """Explains by gradient x input (Shrikumar et al., 2016).

    For networks of ReLU this is layer-wise relevance propagation by its plainest rule (LRP-0),
    biases aside.

    Parameters
    ----------
    session : Runs
        Runs the graph of :func:`.derive.derive`.
    image : str
        Name of its image input.
    thresholds : (classes,) float32
        As :func:`.heads.threshold_input` makes them.
    flips : tuple of str
        As the detector's: what is explained is what it averages.
    """

    kind: ClassVar[MapKind] = MapKind.GRADIENT

    session: Runs
    image: str
    thresholds: npt.NDArray[np.float32]
    flips: tuple[Flip, ...] = ()

    def raw(self, tensor: Tensor, trimmed: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return gradient x input, (rows, columns) float32 of any sign, of one prepared image.

        What is explained is the sum of the log-odds of all candidates above their threshold.

        Raises
        ------
        InferenceError
            If the runtime fails, or the map is not finite.
        """
        inputs = {self.image: tensor, THRESHOLDS: self.thresholds, **(trimmed or {})}
        (found,) = self.session.run(inputs, [RELEVANCE])
        if not np.isfinite(found).all():
            raise InferenceError("the relevance map is not finite")
        return np.asarray(found[0, 0], dtype=np.float32)

    def explain(
        self, tensor: Tensor, found: Detections, trimmed: Mapping[str, Tensor] | None = None
    ) -> Tensor | None:
        """Return the map as it is shown, see :func:`shown`; None where nothing was found."""
        return shown(self._mean(tensor, trimmed)) if len(found.scores) else None

    def _mean(self, tensor: Tensor, trimmed: Mapping[str, Tensor] | None) -> Tensor:
        """Return the mean over the runs whose scores were averaged, as the image lies."""
        maps = [self.raw(tensor, trimmed)]
        for flip in self.flips:
            found = self.raw(turned(tensor, flip), turned_strips(trimmed, flip))
            maps.append(turned(found, flip))
        return np.asarray(np.mean(maps, axis=0), dtype=np.float32)


def shown(relevance: Tensor) -> Tensor:
    """Return a map of 0 to 1: what spoke for the scores, smoothed, its peak at 1.

    What spoke against them is left out: one colour says one thing.
    """
    smooth = cv2.GaussianBlur(relevance, (0, 0), SIGMA_PX)
    positive = np.maximum(smooth, 0.0)
    peak = float(positive.max(initial=0.0))
    return np.asarray(positive / peak if peak > 0 else positive, dtype=np.float32)
