"""How a detector finds the lesions of phantoms among real tissue.

    python -m training.realism.inserted --real DIR --package FOLDER [--draws 4]

Masses are put into real films without known masses, and clusters into DICOM mammograms, whichever
the package is for. What is marked elsewhere counts as wrong, also where it should be right. So this
says how real tissue distracts a model that has seen none, and compares models; it is no sensitivity
for real lesions. `DIR` holds images as `training/realism/real.py` says.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2

from mammo_node.analyse.package import load_package
from mammo_node.phantom import CLUSTER, MASS
from training.measures.detect import measure_package
from training.raw import RawView
from training.realism.real import mammograms, read_films
from training.realism.with_clusters import mammograms_with_clusters
from training.realism.with_masses import films_with_masses


def views_for(package: Path, real: Path, draws: int) -> Iterator[RawView]:
    """Real images with fresh lesions of the kind that a package detects.

    Raises
    ------
    SystemExit
        If it does not detect just masses or just clusters.
    """
    labels = set(load_package(package).labels.values())
    if labels == {MASS}:
        return films_with_masses(read_films(real), draws)
    if labels == {CLUSTER}:
        return mammograms_with_clusters(mammograms(real), draws)
    raise SystemExit(f"{package}: must detect either {MASS} or {CLUSTER}, and nothing else")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder of real images")
    parser.add_argument("--package", type=Path, required=True, help="a detector's package")
    parser.add_argument("--draws", type=int, default=4, help="lesions for each image")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    views = list(views_for(options.package, options.real, options.draws))
    if not views:
        raise SystemExit(f"{options.real}: there is no image for it; see training/realism/real.py")
    print(json.dumps(measure_package(options.package, views), indent=1))


if __name__ == "__main__":
    main()
