"""From which score on a classifier of sliding windows rarely marks an image that shows nothing.

Hundreds of windows are looked at in an image: a score that one window in a hundred reaches without
a finding is reached in most images. Whoever reads the results sees images, so a label's threshold
is one that few images without its finding reach anywhere: the labels together have these few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.image.preprocess import NoBreastFound
from mammo_node.phantom.kinds import BENIGN, CLUSTER, MASS, SIGNS
from training.measures.detect import prepared
from training.measures.packaged import packaged
from training.raw import RawView

KINDS = (MASS, CLUSTER, *SIGNS, *BENIGN)
#: Share of images that may reach the thresholds of findings that they do not have, by all labels.
MARKED_SHARE = 0.05


def measure_maps(
    folder: Path,
    views: Iterable[RawView],
    kinds: Sequence[tuple[str, ...]] | None = None,
    ordinary: Iterable[RawView] = (),
) -> dict[str, Any]:
    """Thresholds by image, and the share of images with a finding that reach them.

    Parameters
    ----------
    folder
        A package of the family sliding-patches.
    views
        Images as rendered; without a breast they are left out.
    kinds
        The phantoms' findings that count as each label; by default those of the labels' names.
    ordinary
        Real images that are taken to show no sign (asymmetry, distortion, skin, nipple, node),
        though perhaps a mass or a cluster: a sign's threshold is above what any of them reaches.

    Returns
    -------
    dict
        `images`; `share`, how many of those without a finding may reach its threshold; by label, in
        the order of the manifest, `image_thresholds` (None where every image has the finding),
        `image_sensitivity` (None where none has it) and `images_with`;
        `ordinary`, how many real images there were, and `raised`, whose threshold they raised;
        `images_without`, those without any of the findings, and `marked_without`, the share of
        them with a label at its threshold (None where there are none).

    Raises
    ------
    SystemExit
        If a label names no finding of phantoms, or no image shows a breast.
    """
    runner = packaged(folder, WindowClassifier)
    labels = runner.package.labels
    kinds = kinds or _kinds_of(labels.values())
    scores, truth = [], []
    for highest, view in _highest(runner, views):
        scores.append(highest)
        truth.append([len(view.boxes(names)) > 0 for names in kinds])
    if not scores:
        raise SystemExit("there is no image with a breast to measure on")
    values, there = np.asarray(scores)[:, list(labels)], np.asarray(truth)
    share = MARKED_SHARE / len(labels)
    limits = [_limit(s[~t], share) for s, t in zip(values.T, there.T, strict=True)]
    real = [highest for highest, _ in _highest(runner, ordinary)]
    signs = [not set(names).isdisjoint(SIGNS) for names in kinds]
    reached = np.max(real, axis=0)[list(labels)] if real else np.zeros(len(labels))
    raised = [
        sign and limit is not None and bool(limit <= most)
        for sign, limit, most in zip(signs, limits, reached, strict=True)
    ]
    limits = [
        _above(most) if up else limit
        for up, limit, most in zip(raised, limits, reached, strict=True)
    ]
    empty = values[~there.any(axis=1)]
    marked = (empty >= [2.0 if limit is None else limit for limit in limits]).any(axis=1)
    return {
        "images": len(values),
        "share": share,
        "image_thresholds": limits,
        "image_sensitivity": [
            round(float((s[t] >= limit).mean()), 3) if t.any() and limit is not None else None
            for s, t, limit in zip(values.T, there.T, limits, strict=True)
        ],
        "images_with": [int(n) for n in there.sum(axis=0)],
        "ordinary": len(real),
        "raised": raised,
        "images_without": len(empty),
        "marked_without": round(float(marked.mean()), 3) if len(empty) else None,
    }


def _highest(
    runner: WindowClassifier, views: Iterable[RawView]
) -> Iterator[tuple[np.ndarray, RawView]]:
    """Give each image that shows a breast with its highest scores; none is kept."""
    for view in views:
        try:
            made = prepared(view, runner.package.input_spec)
        except NoBreastFound:
            continue
        yield runner.run(made.tensor, made.mask).scores.max(axis=(0, 1)), view


def _above(score: float) -> float:
    """Round up to the next threshold that a score does not reach."""
    return round(float(np.floor(1e4 * float(score)) + 1) / 1e4, 4)


def _kinds_of(labels: Iterable[str]) -> list[tuple[str, ...]]:
    for label in labels:
        if label not in KINDS:
            raise SystemExit(f"label {label!r} is none of the phantoms': {', '.join(KINDS)}")
    return [(label,) for label in labels]


def _limit(scores: np.ndarray, share: float) -> float | None:
    """Score that this share of images reaches, rounded up: none reaches it by rounding."""
    if not len(scores):
        return None
    reached = float(np.quantile(scores.astype(np.float64), 1.0 - share))
    return round(float(np.ceil(1e4 * reached)) / 1e4, 4)
