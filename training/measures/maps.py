"""From which score on a classifier of sliding windows rarely marks an image that shows nothing.

Hundreds of windows are looked at in an image: a score that one window in a hundred reaches without
a finding is reached in most images. What counts for whom reads the results is images, so the
threshold is one that few images without the finding reach anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.config import Models, Worker
from mammo_node.engine import Engine
from mammo_node.image.preprocess import NoBreastFound
from training.measures.detect import prepared
from training.raw import RawView

#: Share of images without a finding that may reach its threshold.
MARKED_SHARE = 0.05


def measure_maps(folder: Path, views: Iterable[RawView]) -> dict[str, Any]:
    """Thresholds by image, and the share of images with a finding that reach them.

    Parameters
    ----------
    folder
        A package of the family sliding-patches, whose labels are named as the phantoms' findings.
    views
        Images as rendered; without a breast they are left out.

    Returns
    -------
    dict
        `images`, and by label, in the order of the manifest, `image_thresholds` (None where every
        image has the finding), `image_sensitivity` (None where none has it) and `images_with`.
    """
    runner = window_classifier(folder)
    labels = runner.package.labels
    scores, truth = [], []
    for view in views:
        try:
            made = prepared(view, runner.package.input_spec)
        except NoBreastFound:
            continue
        scores.append(runner.run(made.tensor, made.mask).scores.max(axis=(0, 1)))
        truth.append([len(view.boxes((name,))) > 0 for name in labels.values()])
    values, there = np.asarray(scores)[:, list(labels)], np.asarray(truth)
    limits = [_limit(s[~t]) for s, t in zip(values.T, there.T, strict=True)]
    return {
        "images": len(values),
        "image_thresholds": limits,
        "image_sensitivity": [
            round(float((s[t] >= limit).mean()), 3) if t.any() and limit is not None else None
            for s, t, limit in zip(values.T, there.T, limits, strict=True)
        ],
        "images_with": [int(n) for n in there.sum(axis=0)],
    }


def window_classifier(folder: Path) -> WindowClassifier:
    """Load a package of the family sliding-patches as the node does."""
    engine = Engine.start(Models(folder=folder.resolve().parent, use=(folder.name,)), Worker())
    runner = engine.loaded[0].runner
    if not isinstance(runner, WindowClassifier):
        raise SystemExit(f"{folder}: is no classifier of sliding windows")
    return runner


def _limit(scores: np.ndarray) -> float | None:
    """Score that few images reach, rounded up: none reaches it by rounding."""
    if not len(scores):
        return None
    reached = float(np.quantile(scores.astype(np.float64), 1.0 - MARKED_SHARE))
    return round(float(np.ceil(1e4 * reached)) / 1e4, 4)
