"""F1 and ROC AUC of the patch classifiers, on patches that are drawn once and for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.classes import F1, f1_scores
from mammo_node.evaluate.roc import auc
from training.measures.session import open_model
from training.tasks.patches import PatchTask

PATCHES = 1200
SEED = 77
#: Thresholds are read off this share of the patches, and the figures off the others.
CALIBRATION_SHARE = 0.5


def measure_patches(
    task: PatchTask, model: Path, held_out: Path, count: int = PATCHES
) -> dict[str, Any]:
    """Figures on patches without any change of grey levels."""
    source = replace(task, strength=0.0).source(held_out)
    session = open_model(model)
    rng = np.random.default_rng(SEED)
    scores, truth, patients = [], [], []
    side = task.size_px * task.pool
    for _ in range(count):
        sample, view = source.draw_of(rng)
        image = sample["image"]
        patients.append(str(view.truth.seed))
        if task.pool > 1:
            planes = [cv2.resize(c, (side, side), interpolation=cv2.INTER_LINEAR) for c in image]
            image = np.stack(planes)
        scores.append(session.run(["scores"], {"image": image[None]})[0][0])
        truth.append(sample["labels"] > 0)
    return _figures(task.labels, np.asarray(scores), np.asarray(truth), patients)


def _figures(
    labels: tuple[str, ...], scores: np.ndarray, truth: np.ndarray, patients: list[str]
) -> dict[str, Any]:
    split = int(CALIBRATION_SHARE * len(scores))
    limits = np.asarray(
        [_best_limit(s, t) for s, t in zip(scores[:split].T, truth[:split].T, strict=True)]
    )
    rare = np.asarray(
        [_rare_limit(s, t) for s, t in zip(scores[:split].T, truth[:split].T, strict=True)]
    )
    scores, truth, patients = scores[split:], truth[split:], patients[split:]
    found = scores >= limits
    made = f1_scores(truth, found)
    low, high = bootstrap.interval(lambda w: _f1_and_mean(f1_scores(truth, found, w)), patients)
    areas = [auc(s, t) for s, t in zip(scores.T, truth.T, strict=True)]
    specificity = (~found & ~truth).sum(axis=0) / np.maximum((~truth).sum(axis=0), 1)
    return {
        "patches": len(scores),
        "phantoms": len(set(patients)),
        "labels": list(labels),
        "thresholds": [round(float(limit), 4) for limit in limits],
        "rare_thresholds": [round(float(limit), 4) for limit in rare],
        "rare_sensitivity": _rounded(f1_scores(truth, scores >= rare).recall),
        "sensitivity": _rounded(made.recall),
        "specificity": _rounded(specificity),
        "f1": _rounded(made.f1),
        "interval_f1": list(zip(_rounded(low[:-1]), _rounded(high[:-1]), strict=True)),
        "support": [int(v) for v in made.support],
        "weighted_f1": round(made.weighted, 3),
        "interval_weighted_f1": (round(float(low[-1]), 3), round(float(high[-1]), 3)),
        "auc": [None if np.isnan(a) else round(float(a), 3) for a in areas],
    }


def _f1_and_mean(made: F1) -> np.ndarray:
    return np.append(made.f1, made.weighted)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in values]


def _rare_limit(scores: np.ndarray, truth: np.ndarray) -> float:
    """Score that one in a hundred patches without the label reaches."""
    without = scores[~truth]
    return float(np.quantile(without, 0.99)) if len(without) else 1.0


def _best_limit(scores: np.ndarray, truth: np.ndarray) -> float:
    """Threshold of the best F1; the highest there is if there is nothing to find."""
    tried = np.unique(scores)
    if not truth.any():
        return 1.0
    each = [f1_scores(truth[:, None], (scores >= limit)[:, None]).f1[0] for limit in tried]
    return float(tried[int(np.argmax(each))])
