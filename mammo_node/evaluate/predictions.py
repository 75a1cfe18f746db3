"""What a model says of one image, whatever family it is: the other half of every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mammo_node.vocabulary import Box, DensityCategory


@dataclass(frozen=True, slots=True)
class ScoredBox:
    """One detection, in stored pixels.

    ``suspicion`` is the model's own 0..1 for malignant against benign, where it has one.
    """

    label: str
    score: float
    box_px: Box
    suspicion: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Everything that a model answers about one image; what it does not answer is left out.

    Attributes
    ----------
    image_id
        Of the :class:`~mammo_node.evaluate.records.ImageRecord`.
    boxes
        Detections, in any order.
    image_scores
        0..1 by label, for models that judge the image as a whole; ``"malignant"`` is a label
        here too. Where a label has none, the best box stands in.
    density
        Probabilities of the categories A, B, C and D.
    density_category
        The one that the model reports; None: the most probable.
    nipple_px
        (column, row) in stored pixels.
    spacing_mm
        Between rows and between columns, as the image was measured with.
    refusal
        Why the image was not analysed: then it enters no figure, and is counted.
    """

    image_id: str
    boxes: tuple[ScoredBox, ...] = ()
    image_scores: Mapping[str, float] = field(default_factory=dict)
    density: tuple[float, float, float, float] | None = None
    density_category: DensityCategory | None = None
    nipple_px: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    refusal: str | None = None

    def score_of(self, label: str) -> float:
        """Return the image's score for a label: its own, else its best box's, else 0."""
        if label in self.image_scores:
            return self.image_scores[label]
        return max((box.score for box in self.boxes if box.label == label), default=0.0)
