"""What packaged classifiers of windows say of whole images: categories, and dense evaluation."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.dense_agreement import dense_agreement
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.analyse.suspicion import derive_limits
from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.roc import auc
from mammo_node.image.preprocess import NoBreastFound
from training.measures.detect import prepared
from training.measures.packaged import packaged
from training.raw import raw_views

#: Images whose windows are judged: a few seconds each, and limits need no more.
IMAGES = 100
#: Images on which dense evaluation is compared with windows, and how many windows of each: the
#: large ones of the ten findings take half a second.
AGREEMENT_IMAGES, AGREEMENT_WINDOWS = 8, 60


def measure_images(
    folder: Path, kinds: tuple[str, ...], held_out: Path, limit: int | None = None
) -> dict[str, Any]:
    """ROC AUC of the images' scores, and the limits of the AI suspicion category.

    Parameters
    ----------
    folder
        A package of the family candidate-patches with one label.
    kinds
        Findings that make an image positive.
    held_out
        Folder with images as rendered.
    limit
        Only so many images.
    """
    runner = packaged(folder, CandidatePatches)
    scores, truth, patients = [], [], []
    for view in islice(raw_views(held_out), limit or IMAGES):
        try:
            made = prepared(view, runner.package.input_spec)
        except NoBreastFound:
            continue
        verdict = runner.run(made.tensor, made.mask)
        scores.append(next(iter(verdict.image_scores.values())))
        truth.append(len(view.boxes(kinds)) > 0)
        patients.append(view.patient)
    return _figures(np.asarray(scores), np.asarray(truth), patients)


def measure_agreement(folder: Path, held_out: Path, limit: int | None = None) -> dict[str, Any]:
    """Return how far a package's windows and its dense evaluation agree, and over how many windows.

    With `limit` only as many windows, of one image: it proves little.
    """
    images, most = (AGREEMENT_IMAGES, AGREEMENT_WINDOWS) if limit is None else (1, limit)
    runner = packaged(folder, WindowClassifier)
    made = [
        prepared(view, runner.package.input_spec) for view in islice(raw_views(held_out), images)
    ]
    found = dense_agreement(runner, [(one.tensor, one.mask) for one in made], most)
    return {
        "dense_agreement": round(found.least, 4),
        "dense_windows": found.windows,
        "dense_images": len(made),
    }


def _figures(scores: np.ndarray, truth: np.ndarray, patients: list[str]) -> dict[str, Any]:
    """Nothing can be said without images of both kinds, as among the few of a smoke test."""
    if truth.all() or not truth.any():
        return {}
    low, high = bootstrap.interval(lambda w: np.asarray([auc(scores, truth, w)]), patients)
    data = f"{len(scores)} held-out phantom images of {len(set(patients))} phantoms"
    return {
        "image_auc": round(float(auc(scores, truth)), 3),
        "interval_image_auc": (round(float(low[0]), 3), round(float(high[0]), 3)),
        "images_with": int(truth.sum()),
        "images_judged": len(scores),
        "suspicion": [
            {
                "category": limit.category,
                "threshold": limit.threshold,
                "sensitivity": round(limit.sensitivity, 3),
                "specificity": round(limit.specificity, 3),
                "data": data,
            }
            for limit in derive_limits(scores, truth)
        ],
    }
