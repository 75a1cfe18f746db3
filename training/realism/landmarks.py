"""What a landmark package finds on labelled films: the muscle against its label, the nipple.

    python -m training.realism.landmarks --real DIR --package FOLDER --sheet landmarks.png

Nobody has marked the nipples of these films: look at the sheet for them. It shows the muscle in red
and the nipple, green from the score on from which the node locates findings by it, else red.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammo_node.analyse.landmarks import FoundLandmarks, LandmarkFinder
from mammo_node.image.preprocess import Prepared
from training.measures.detect import prepared
from training.measures.dice import dice
from training.measures.packaged import packaged
from training.realism.real import Mammogram, as_raw, films, muscles

#: Probability from which a place is muscle.
_MUSCLE = 0.5
_QUANTILES = {"least": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "most": 1.0}
#: A film on the sheet: rows and columns, films a row.
_TILE, _A_ROW = (512, 384), 10


@dataclass(frozen=True, slots=True)
class Landmarked:
    """One film: what was found, how it was prepared, and the muscle as stored, (rows, columns)."""

    name: str
    found: FoundLandmarks
    made: Prepared
    muscle: np.ndarray
    is_muscle: np.ndarray

    @property
    def dice(self) -> float:
        """Agreement about the muscle."""
        return dice(self.muscle, self.is_muscle)


def landmarked(finder: LandmarkFinder, image: Mammogram, is_muscle: np.ndarray) -> Landmarked:
    """Find the landmarks of a film as the node does."""
    made = prepared(as_raw(image), finder.package.input_spec)
    found = finder.run(made.tensor)
    return Landmarked(image.name, found, made, _as_stored(found, made, is_muscle.shape), is_muscle)


def _as_stored(found: FoundLandmarks, made: Prepared, shape: tuple[int, ...]) -> np.ndarray:
    """Tell where the muscle was found, on the film's own pixels."""
    if found.pectoral is None:
        return np.zeros(shape, dtype=bool)
    rows, columns = made.tensor.shape[2:]
    share = cv2.resize(found.pectoral, (columns, rows), interpolation=cv2.INTER_LINEAR)
    y, x = np.indices(shape, dtype=np.float64) + 0.5
    at = made.transform.to_model(np.stack([x.ravel(), y.ravel()], axis=1)).astype(np.float32) - 0.5
    mapped = cv2.remap(share, at[:, 0].reshape(shape), at[:, 1].reshape(shape), cv2.INTER_LINEAR)
    return np.asarray(mapped >= _MUSCLE)


def figures(seen: Sequence[Landmarked], least_score: float) -> dict[str, Any]:
    """Dice of every film and its quantiles, and on how many the nipple is used."""
    spread = np.quantile([one.dice for one in seen], list(_QUANTILES.values()))
    return {
        "films": len(seen),
        "dice": dict(zip(_QUANTILES, spread.round(3).tolist(), strict=True)),
        "nipples_used": sum(one.found.score >= least_score for one in seen),
        "images": [_told(one) for one in seen],
    }


def _told(one: Landmarked) -> dict[str, Any]:
    column, row = one.made.transform.to_original([one.found.nipple])[0]
    profile = one.found.in_profile
    return {
        "name": one.name,
        "dice": round(one.dice, 3),
        "nipple_px": [round(float(column), 1), round(float(row), 1)],
        "score": round(one.found.score, 3),
        "in_profile": None if profile is None else round(profile, 3),
    }


def sheet(seen: Sequence[Landmarked], least_score: float) -> np.ndarray:
    """Draw the films as the model sees them, (rows, columns, 3) BGR."""
    tiles = [_tile(one, least_score) for one in seen]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _A_ROW)
    return np.vstack([np.hstack(tiles[i : i + _A_ROW]) for i in range(0, len(tiles), _A_ROW)])


def _tile(one: Landmarked, least_score: float) -> np.ndarray:
    level = one.made.tensor[0, 0]
    grey = 255.0 * (level - level.min()) / max(float(np.ptp(level)), 1e-6)
    rows, columns = grey.shape
    zoom = min(_TILE[0] / rows, _TILE[1] / columns)
    size = (int(columns * zoom), int(rows * zoom))
    tile = np.zeros((*_TILE, 3), dtype=np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)[..., None]
    if one.found.pectoral is not None:
        muscle = cv2.resize(one.found.pectoral, size, interpolation=cv2.INTER_LINEAR) >= _MUSCLE
        tile[: size[1], : size[0], 2][muscle] = 255
    at = tuple(round(v * zoom) for v in one.found.nipple)
    colour = (0, 255, 0) if one.found.score >= least_score else (0, 0, 255)
    cv2.circle(tile, at, 8, colour, 2)
    words = f"{one.name[:12]} {one.found.score:.2f} {one.dice:.2f}"
    cv2.putText(tile, words, (4, _TILE[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 255))
    return tile


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder of real images")
    parser.add_argument("--package", type=Path, required=True, help="a package's folder")
    parser.add_argument("--sheet", type=Path, help="picture to write")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    finder = packaged(options.package, LandmarkFinder)
    pairs = zip(films(options.real), muscles(options.real), strict=True)
    seen = [landmarked(finder, image, muscle) for image, muscle in pairs]
    if not seen:
        raise SystemExit(f"{options.real}: there is no film; see training/realism/real.py")
    least = finder.manifest.least_score
    print(json.dumps(figures(seen, least), indent=1))
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet(seen, least))


if __name__ == "__main__":
    main()
