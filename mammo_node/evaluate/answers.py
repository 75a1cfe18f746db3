"""From what a model says of one image, whatever its family, to what figures are made of."""

from __future__ import annotations

from collections.abc import Iterable

from mammo_node.evaluate.labels import known_as
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.examination import Examined
from mammo_node.vocabulary import Finding, ImageScore, MammoImage


def prediction_of(examined: Examined, image: MammoImage, image_id: str) -> Prediction:
    """Return findings as boxes, the image's own scores, and where the nipple was found."""
    landmarks = examined.landmarks
    return Prediction(
        image_id,
        boxes=tuple(_boxes(examined.findings)),
        image_scores=_scores(examined.scores),
        nipple_px=None if landmarks is None else landmarks.nipple_px,
        spacing_mm=(image.spacing.row_mm, image.spacing.column_mm),
    )


def _boxes(findings: Iterable[Finding]) -> Iterable[ScoredBox]:
    return (ScoredBox(known_as(f.label), f.score, f.box_px, f.suspicion) for f in findings)


def _scores(scores: Iterable[ImageScore]) -> dict[str, float]:
    """Return the best score of each label: two labels may be one in the common vocabulary."""
    best: dict[str, float] = {}
    for one in scores:
        label = known_as(one.label)
        best[label] = max(one.score, best.get(label, 0.0))
    return best
