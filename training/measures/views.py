"""Agreement of density categories, and how far off landmarks are."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.classes import confusion, quadratic_kappa
from mammo_node.evaluate.roc import auc
from training.measures.dice import dice
from training.measures.session import open_model
from training.pair_source import CATEGORIES, category, pairs
from training.tasks.density import DensityTask
from training.tasks.landmarks import LandmarkTask
from training.view import COARSE_MM, UNKNOWN, BankedView, ViewBank
from training.whole_views import Frame, Framed, fit_frame


def measure_density(task: DensityTask, model: Path, held_out: Path) -> dict[str, Any]:
    """Quadratic kappa and confusion of the categories, one answer per breast."""
    session = open_model(model)
    truth, answer, patients = [], [], []
    for cc, mlo in pairs(ViewBank(held_out).views):
        images = {
            name: fit_frame(task.frame, view).image[None]
            for name, view in (("cc", cc), ("mlo", mlo))
        }
        probabilities = session.run(["probabilities"], images)[0][0]
        # The median category: the best answer where errors count by their distance.
        answer.append(int(np.searchsorted(np.cumsum(probabilities), 0.5)))
        truth.append(category(cc))
        patients.append(str(cc.truth.seed))
    true, told = np.asarray(truth), np.clip(answer, 0, len(CATEGORIES) - 1)
    counts = confusion(true, told, len(CATEGORIES))
    low, high = bootstrap.interval(
        lambda w: np.asarray([quadratic_kappa(confusion(true, told, len(CATEGORIES), w))]), patients
    )
    return {
        "breasts": len(truth),
        "phantoms": len(set(patients)),
        "quadratic_kappa": round(quadratic_kappa(counts), 3),
        "interval_kappa": (round(float(low[0]), 3), round(float(high[0]), 3)),
        "accuracy": round(float(np.trace(counts) / counts.sum()), 3),
        "confusion": counts.astype(int).tolist(),
    }


def measure_landmarks(task: LandmarkTask, model: Path, held_out: Path) -> dict[str, Any]:
    """Nipple error in mm, Dice of the pectoral muscle, AUC of the profile."""
    session = open_model(model)
    errors, overlap, profile, shown, patients = [], [], [], [], []
    for view in ViewBank(held_out).views.values():
        if view.truth.nipple_mm[0] == UNKNOWN:
            continue
        framed = fit_frame(_cut_to(view, task), view)
        image = {"image": framed.image[None]}
        nipple, muscle, score = session.run(["nipple", "pectoral", "profile"], image)
        errors.append(_error_mm(framed, nipple[0, :2], view))
        patients.append(str(view.truth.seed))
        if view.pectoral.any():
            overlap.append(
                dice(muscle[0, 0] >= 0.5, framed.warp(view.pectoral.astype(np.uint8)) > 0)
            )
        profile.append(float(score[0, 0]))
        shown.append(view.truth.nipple_in_profile)
    inside = np.asarray(shown)
    mm = np.asarray(errors)
    low, high = bootstrap.interval(lambda w: np.asarray([_median(mm, w)]), patients)
    return {
        "images": len(mm),
        "phantoms": len(set(patients)),
        "interval_median_mm": (round(float(low[0]), 2), round(float(high[0]), 2)),
        "nipple_error_mm": _quantiles(mm),
        "nipple_error_in_profile_mm": _quantiles(mm[inside]),
        "nipple_error_out_of_profile_mm": _quantiles(mm[~inside]),
        "pectoral_dice_median": round(float(np.median(overlap)), 3) if overlap else None,
        "pectoral_images": len(overlap),
        "profile_auc": round(auc(np.asarray(profile), inside), 3),
    }


def _cut_to(view: BankedView, task: LandmarkTask) -> Frame:
    """Frame that ends where the view does, as the node's input."""
    rows, columns = (
        task.contract.multiple
        * math.ceil(n * COARSE_MM / task.mm_per_pixel / task.contract.multiple)
        for n in view.coarse.shape
    )
    return replace(task.frame, rows=rows, columns=columns)


def _error_mm(framed: Framed, found: np.ndarray, view: BankedView) -> float:
    back = (found - framed.matrix[:, 2]) / np.diag(framed.matrix[:, :2])
    return float(np.hypot(*(back - np.asarray(view.truth.nipple_mm))))


def _quantiles(mm: np.ndarray) -> dict[str, float] | None:
    if not len(mm):
        return None
    return {"median": round(float(np.median(mm)), 2), "p90": round(float(np.quantile(mm, 0.9)), 2)}


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the median of values that count several times or not at all."""
    return float(np.median(np.repeat(values, weights.astype(int))))
