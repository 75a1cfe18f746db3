"""F1 and ROC AUC of the patch classifiers, on patches that are drawn once and for all.

Windows that slide (`inner`) are judged by their cores, as `training.core` says: positive for a
finding when the core shows at least half of what it could show of the outline, negative when
the core shows none of it, and not counted for that finding in between. Other patches are judged
by all that they show.
"""

from __future__ import annotations

from collections.abc import Sequence
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
#: Windows that slide are drawn more often: each counts for some of its labels only.
WINDOWS = 3000
#: Thresholds are read off this share of the patches, and the figures off the others.
CALIBRATION_SHARE = 0.5


def measure_patches(
    task: PatchTask, model: Path, held_out: Sequence[Path], count: int | None = None
) -> dict[str, Any]:
    """Figures on patches without any change of grey levels, sliding windows at their own scale.

    Parameters
    ----------
    task
        Says how patches are drawn and judged.
    model
        ONNX file.
    held_out
        Banks of which patches are drawn, taken together.
    count
        How many; those of the task's kind by default.
    """
    calm = replace(task, strength=0.0)
    source = calm.windows(held_out[0], (1.0, 1.0)) if task.inner else calm.windows(held_out[0])
    for folder in held_out[1:]:
        source.extend(folder)
    session = open_model(model)
    rng = np.random.default_rng(SEED)
    scores, truth, counted, patients = [], [], [], []
    side = task.size_px * task.pool
    for _ in range(count or (WINDOWS if task.inner else PATCHES)):
        sample, view = source.draw_of(rng)
        image = sample["image"]
        patients.append(str(view.truth.seed))
        if task.pool > 1:
            planes = [cv2.resize(c, (side, side), interpolation=cv2.INTER_LINEAR) for c in image]
            image = np.stack(planes)
        scores.append(session.run(["scores"], {"image": image[None]})[0][0])
        truth.append(sample["labels"] > 0)
        counted.append(sample["counted"] > 0)
    judged = _figures(*map(np.asarray, (scores, truth, counted)), patients)
    folders = [folder.name for folder in held_out]
    return {"labels": list(task.labels), "held_out": folders, **judged}


def _figures(
    scores: np.ndarray, truth: np.ndarray, counted: np.ndarray, patients: list[str]
) -> dict[str, Any]:
    split = int(CALIBRATION_SHARE * len(scores))
    known = [
        (s[c], t[c])
        for s, t, c in zip(scores[:split].T, truth[:split].T, counted[:split].T, strict=True)
    ]
    limits, rare = (
        np.asarray([limit_of(s, t) for s, t in known]) for limit_of in (_best_limit, _rare_limit)
    )
    scores, truth, counted = scores[split:], truth[split:], counted[split:]
    patients = patients[split:]
    # What is not counted is as if neither there nor found; F1 knows no true negatives.
    found, seldom = (scores >= limits) & counted, (scores >= rare) & counted
    made = f1_scores(truth, found)
    low, high = bootstrap.interval(lambda w: _f1_and_mean(f1_scores(truth, found, w)), patients)
    areas = [auc(s[c], t[c]) for s, t, c in zip(scores.T, truth.T, counted.T, strict=True)]
    without = ~truth & counted
    specificity = (~found & without).sum(axis=0) / np.maximum(without.sum(axis=0), 1)
    return {
        "patches": len(scores),
        "phantoms": len(set(patients)),
        "thresholds": [round(float(limit), 4) for limit in limits],
        "rare_thresholds": [round(float(limit), 4) for limit in rare],
        "rare_sensitivity": _rounded(f1_scores(truth, seldom).recall),
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
