"""A small classifier tries to tell patches of real films from patches of phantoms.

Logistic regression on texture features of 32 mm patches, cross-validated by image, so that no image
is both learnt from and judged. An area under the ROC curve of 0.5 means that it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.realism.statistics import BANDS_MM
from training.realism.view import PECTORAL, PITCH_MM, TissueView

PATCH_PX = 128
PATCHES = 12
FOLDS = 5
#: Grain, resampling and 8 bits show below this: it says more of the scanner than of the breast.
STRUCTURE_MM = 0.6


def tell_apart(
    real: Sequence[TissueView],
    phantoms: Sequence[TissueView],
    seed: int = 0,
    count: int = PATCHES,
) -> dict[str, float]:
    """Areas under the ROC curve, of all features and of structure alone; `count` patches a view."""
    rng = np.random.default_rng(seed)
    rows, truth, groups = [], [], []
    for number, view in enumerate([*real, *phantoms]):
        for patch in patches(rng, view, count):
            rows.append(features(patch))
            truth.append(number < len(real))
            groups.append(number)
    table, labels = np.asarray(rows), np.asarray(truth, dtype=np.int64)
    coarse = sum(scale < STRUCTURE_MM for scale in BANDS_MM)
    per_band = 3
    return {
        "patches": float(len(table)),
        "auc all features": _area(table, labels, groups),
        "auc structure": _area(table[:, coarse * per_band :], labels, groups),
    }


def patches(rng: np.random.Generator, view: TissueView, count: int) -> list[np.ndarray]:
    """Cut `count` random patches that lie in the breast, outside the muscle."""
    inside = ((view.tissue != PECTORAL) & view.breast & (view.depth_mm > 6.0)).astype(np.float32)
    share = cv2.boxFilter(inside, -1, (PATCH_PX, PATCH_PX), anchor=(0, 0))
    limit = (view.grey.shape[0] - PATCH_PX, view.grey.shape[1] - PATCH_PX)
    corners = np.argwhere(share[: max(limit[0], 0), : max(limit[1], 0)] > 0.9)
    if not len(corners):
        return []
    chosen = corners[rng.integers(0, len(corners), count)]
    return [view.grey[r : r + PATCH_PX, c : c + PATCH_PX] for r, c in chosen]


def features(patch: np.ndarray) -> np.ndarray:
    """Three figures a band, fine to coarse, then orientation; none depends on the grey scale."""
    values = []
    levels = []
    for scale in BANDS_MM:
        sigma = scale / PITCH_MM
        band = cv2.GaussianBlur(patch, (0, 0), sigma) - cv2.GaussianBlur(patch, (0, 0), 1.6 * sigma)
        deviation = float(band.std()) + 1e-6
        centred = (band - band.mean()) / deviation
        levels.append(np.log(deviation))
        values += [levels[-1], float((centred**3).mean()), float(np.log1p((centred**4).mean()))]
    gy, gx = np.gradient(cv2.GaussianBlur(patch, (0, 0), 0.4 / PITCH_MM))
    xx, yy, xy = (cv2.GaussianBlur(p, (0, 0), 2.5 / PITCH_MM) for p in (gx * gx, gy * gy, gx * gy))
    coherence = np.sqrt((xx - yy) ** 2 + 4.0 * xy**2) / np.maximum(xx + yy, 1e-12)
    return np.array([*values, float(coherence.mean()), float(coherence.std())])


def _area(table: np.ndarray, labels: np.ndarray, groups: list[int]) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
    chance = cross_val_predict(
        model, table, labels, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba"
    )[:, 1]
    return float(roc_auc_score(labels, chance))
