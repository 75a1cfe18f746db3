"""The blob bar as a gauge: how blob-like the tissue is, and how findable the masses are.

Tissue without masses should tempt the bar as much in phantoms as in real films; and the bar should
find about half of the masses at 2 false positives per image, as it does on real film.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mammo_node.analyse.suppression import suppress
from mammo_node.evaluate.bar import NMS_IOU, input_spec
from mammo_node.evaluate.blobs import find_blobs
from mammo_node.evaluate.froc import RATES, Scored, froc
from mammo_node.evaluate.matching import Criterion
from mammo_node.image.preprocess import NoBreastFound, prepare
from mammo_node.phantom import MASS, TextureBank, generate_study
from mammo_node.vocabulary import Box, Orientation
from training.realism.view import PITCH_MM, TissueView

RENDER_PITCH_MM = 0.2
RANKS = (1, 2, 3, 5, 8, 12)


def blob_bar(
    films: Sequence[TissueView], seeds: Iterable[int], bank: TextureBank
) -> dict[str, object]:
    """Sensitivity of the bar on phantom masses, and the strengths of blobs that are none."""
    scored = _score_studies(seeds, bank)
    film = [image for look, view, image in scored if look == "film" and view == "MLO"]
    everything = [image for _, _, image in scored]
    report: dict[str, object] = {
        "images": len(everything),
        "masses": sum(len(image.truth) for image in everything),
        "rates": RATES,
    }
    for criterion in Criterion:
        found = froc(everything, criterion=criterion).sensitivity
        report[f"sensitivity by {criterion}"] = [round(float(s), 3) for s in found]
    real = [_blobs(np.maximum(view.grey, 0.0), PITCH_MM)[1] for view in films]
    report["blob ranks"] = RANKS
    report["strength in real film"] = _by_rank(real)
    report["strength beside masses in phantom film"] = _by_rank([_wrong(i) for i in film])
    return report


def _score_studies(seeds: Iterable[int], bank: TextureBank) -> list[tuple[str, str, Scored]]:
    scored = []
    for seed in seeds:
        study = generate_study(
            seed,
            pixel_spacing_mm=RENDER_PITCH_MM,
            masses=2,
            clusters=0,
            signs=(),
            implant="none",
            bank=bank,
        )
        for view in study.views:
            right = view.laterality == "R"
            try:
                boxes, scores = _blobs(view.pixels, view.pixel_spacing_mm, right=right)
            except NoBreastFound:
                continue
            truth = [x.box_px for x in view.lesions if x.kind == MASS]
            image = Scored(boxes, scores, np.asarray(truth, dtype=np.float64).reshape(-1, 4))
            scored.append((study.look, view.view, image))
    return scored


def _blobs(
    pixels: np.ndarray, pitch_mm: float, *, right: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes in the image's own pixels and their strengths, strongest first."""
    spec = input_spec()
    made = prepare(pixels.astype(np.float32), (pitch_mm, pitch_mm), Orientation(right), spec)
    boxes, scores = find_blobs(made.tensor[0, 0], made.mask, float(spec.mm_per_pixel or 1.0))
    kept = suppress(boxes, scores, NMS_IOU, len(boxes))
    original = [made.transform.box_to_original(Box(*boxes[i].tolist())) for i in kept]
    edges = [(b.x_min, b.y_min, b.x_max, b.y_max) for b in original]
    return np.asarray(edges, dtype=np.float64).reshape(-1, 4), scores[kept]


def _wrong(image: Scored) -> np.ndarray:
    """Strengths of blobs whose middle is in no mass."""
    middle = (image.boxes[:, None, :2] + image.boxes[:, None, 2:]) / 2.0
    inside = (middle >= image.truth[None, :, :2]) & (middle <= image.truth[None, :, 2:])
    return np.asarray(image.scores[~inside.all(axis=2).any(axis=1)])


def _by_rank(strengths: Sequence[np.ndarray]) -> list[float]:
    most = max(RANKS)
    table = np.array([np.pad(s, (0, most))[:most] for s in strengths])
    return [round(float(np.median(table[:, rank - 1])), 3) for rank in RANKS]
