"""Whether dense evaluation may stand for exact windows: how far their scores agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from mammo_node.analyse.runs import Tensor
from mammo_node.analyse.sliding_frame import Bools
from mammo_node.analyse.sliding_patches import WindowClassifier


@dataclass(frozen=True, slots=True)
class DenseAgreement:
    """Spearman's rank correlation of both engines' scores, by label name, over ``windows``.

    ``largest_difference`` is that of any score.
    """

    by_label: Mapping[str, float]
    windows: int
    largest_difference: float

    @property
    def least(self) -> float:
        """The label that agrees least: what a manifest states as ``window.dense_agreement``."""
        return min(self.by_label.values())


def dense_agreement(
    classifier: WindowClassifier,
    images: Iterable[tuple[Tensor, Bools]],
    most: int | None = None,
) -> DenseAgreement:
    """Score the windows on the breast of some images with both engines and compare.

    Parameters
    ----------
    classifier : WindowClassifier
        Its manifest's engine does not matter.
    images : iterable of (tensor, mask)
        As :meth:`WindowClassifier.run` takes them. Windows of all images are ranked together.
    most : int, optional
        Compare only so many windows of an image, evenly spread over it.

    Raises
    ------
    InferenceError
        If the graph has no map, or breaks its contract.
    """
    exact, dense = [], []
    for tensor, mask in images:
        one = classifier.run_exact(tensor, mask, most)
        exact.append(one.scores[one.looked_at])
        dense.append(classifier.run_dense(tensor, mask).scores[one.looked_at])
    return compared(np.concatenate(exact), np.concatenate(dense), classifier.package.labels)


def compared(
    exact: npt.NDArray[np.float32], dense: npt.NDArray[np.float32], labels: Mapping[int, str]
) -> DenseAgreement:
    """Compare scores (windows, outputs) of the same windows.

    Where one engine gives the same score everywhere there are no ranks: that counts as 1 if the
    other does as well, else as 0.
    """
    ranked = {name: _correlation(exact[:, i], dense[:, i]) for i, name in labels.items()}
    return DenseAgreement(ranked, len(exact), float(np.abs(exact - dense).max(initial=0.0)))


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float(np.ptp(a) == np.ptp(b))
    return float(spearmanr(a, b).statistic)
