"""The blob bar on one image: what a detector of masses must do better than."""

from __future__ import annotations

from collections.abc import Sequence

from mammo_node.analyse.suppression import suppress
from mammo_node.evaluate.blobs import find_blobs
from mammo_node.evaluate.labels import MASS
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.image.preprocess import NoBreastFound, prepare
from mammo_node.image.presentation import render
from mammo_node.vocabulary import Box, InputSpec, MammoImage, VoiKind

NMS_IOU = 0.2
_MM = 0.3


def input_spec() -> InputSpec:
    """Return how the bar sees an image: grey levels of the breast, 0.3 mm a pixel."""
    levels = {"low_percentile": 1.0, "high_percentile": 99.5}
    return InputSpec("image", ("global",), mm_per_pixel=_MM, parameters={"global": levels})


def find_bar(image: MammoImage, image_id: str) -> Prediction:
    """Find blobs, as masses, in stored pixels; a score is a contrast and has no upper end."""
    spacing = (image.spacing.row_mm, image.spacing.column_mm)
    pixels = render(image, VoiKind.NONE)
    try:
        made = prepare(pixels, spacing, image.orientation, input_spec(), padding=image.padding)
    except NoBreastFound as error:
        return Prediction(image_id, refusal=f"no-breast-found: {error}")
    boxes, scores = find_blobs(made.tensor[0, 0], made.mask, _MM)
    kept = suppress(boxes, scores, NMS_IOU, len(boxes))
    found = (
        ScoredBox(MASS, float(scores[i]), made.transform.box_to_original(_box(boxes[i].tolist())))
        for i in kept
    )
    return Prediction(image_id, tuple(found), spacing_mm=spacing)


def _box(edges: Sequence[float]) -> Box:
    return Box(*edges)
