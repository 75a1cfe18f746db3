"""What a package marks on real images of which nobody has said what they show.

    python -m training.realism.marks --real DIR --package FOLDER

For detectors and classifiers of windows: the highest score of every label in each image, and what
reaches its default threshold and where. Most films are taken to be normal, so marks on them tell
how real tissue misleads a model; that a package marks less says nothing of what it finds. `DIR`
holds images as `training/realism/real.py` says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.reporter import Reporter
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.image.preprocess import NoBreastFound, Prepared
from training.measures.detect import prepared
from training.measures.packaged import packaged
from training.realism.real import Mammogram, as_raw, films, mammograms

#: Boxes are returned from this share of their thresholds on: the highest below is told, too.
_FROM_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A score somewhere in an image, `at_px` (column, row) as stored."""

    label: str
    score: float
    at_px: tuple[int, int]


def measure_marks(package: Path, images: Iterable[Mammogram]) -> dict[str, Any]:
    """Run a package over images.

    Returns
    -------
    dict
        `images`: for each its `best` candidate of every label and its `marks`, those at their
        default thresholds. `marked`: how many images have a mark of each label, and of any.

    Raises
    ------
    SystemExit
        If the package is neither a detector's nor a classifier's of windows.
    """
    runner = packaged(package, Reporter)
    thresholds = runner.package.thresholds()
    told = []
    for image in images:
        try:
            made = prepared(as_raw(image), runner.package.input_spec)
        except NoBreastFound:
            told.append({"name": image.name, "breast": False, "best": [], "marks": []})
            continue
        found = _found(runner, made)
        marks = [_told(one) for one in found if one.score >= thresholds[one.label]]
        best = [_told(one) for one in _best(found)]
        told.append({"name": image.name, "breast": True, "best": best, "marks": marks})
    return {"thresholds": thresholds, "images": told, "marked": _marked(told, thresholds)}


def _found(runner: Reporter, made: Prepared) -> list[Candidate]:
    if isinstance(runner, Detector):
        return _boxes(runner, made)
    if isinstance(runner, WindowClassifier):
        return _peaks(runner, made)
    raise SystemExit(f"{runner.package.name}: is neither a detector nor a classifier of windows")


def _boxes(runner: Detector, made: Prepared) -> list[Candidate]:
    found = replace(runner, from_share=_FROM_SHARE).run(made.tensor, made.trimmed)
    middles = made.transform.to_original((found.boxes[:, :2] + found.boxes[:, 2:]) / 2)
    return [
        _candidate(runner.package.labels[int(label)], score, at)
        for label, score, at in zip(found.labels, found.scores, middles, strict=True)
    ]


def _peaks(runner: WindowClassifier, made: Prepared) -> list[Candidate]:
    """Tell the highest cell of each label's heatmap."""
    scored = runner.run(made.tensor, made.mask)
    found = []
    for index, heat in enumerate(scored.heatmaps()):
        row, column = np.unravel_index(int(heat.argmax()), heat.shape)
        middle = (np.array([column, row]) + 0.5) * scored.frame.cell - scored.frame.margin
        at = made.transform.to_original(middle[None])[0]
        found.append(_candidate(runner.package.labels[index], heat.max(), at))
    return found


def _candidate(label: str, score: float, at_px: np.ndarray) -> Candidate:
    column, row = (round(float(v)) for v in at_px)
    return Candidate(label, float(score), (column, row))


def _told(one: Candidate) -> dict[str, Any]:
    return {**asdict(one), "score": round(one.score, 4)}


def _best(found: list[Candidate]) -> list[Candidate]:
    """Return the highest candidate of each label, the highest first."""
    highest: dict[str, Candidate] = {}
    for one in sorted(found, key=lambda one: -one.score):
        highest.setdefault(one.label, one)
    return list(highest.values())


def _marked(told: list[dict[str, Any]], labels: Iterable[str]) -> dict[str, int]:
    having = [{mark["label"] for mark in image["marks"]} for image in told]
    counts = {label: sum(label in one for one in having) for label in labels}
    return {**counts, "any": sum(bool(one) for one in having), "images": len(told)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder of real images")
    parser.add_argument("--package", type=Path, required=True, help="a package's folder")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    images = list(chain(mammograms(options.real), films(options.real)))
    if not images:
        raise SystemExit(f"{options.real}: there is no image; see training/realism/real.py")
    print(json.dumps(measure_marks(options.package, images), indent=1))


if __name__ == "__main__":
    main()
