"""Measure how far phantoms are from real mammograms.

    python -m training.realism --real DIR --out DIR

`DIR` holds real images as `training/realism/real.py` says. Prints tables of real against phantoms,
and writes `realism.json` and contact sheets into the output folder. The sheets show real images:
keep them out of the project.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import cv2

from mammo_node.phantom import TextureBank
from training.realism.bar import blob_bar
from training.realism.classifier import tell_apart
from training.realism.lesions import measure_lesions, rows_of
from training.realism.phantoms import phantom_views
from training.realism.real import read_films, read_mammograms
from training.realism.sheets import write_sheets
from training.realism.statistics import Figures, interior, measure
from training.realism.table import Row, as_text, compare
from training.realism.view import TissueView

FIRST_SEED = 700_000


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--real", type=Path, required=True, help="folder of real images")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phantoms", type=int, default=30, help="views of each look")
    parser.add_argument("--studies", type=int, default=16, help="studies to measure lesions in")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    bank = TextureBank.from_seed(options.first_seed)
    seeds = range(options.first_seed, options.first_seed + options.phantoms)
    report: dict[str, object] = {"phantoms": options.phantoms, "first_seed": options.first_seed}

    films, others = read_films(options.real), read_mammograms(options.real)
    made = phantom_views(seeds, bank)
    report["labelled film"] = _shown("Labelled film", _both(films, made.smoothed))
    report["classifier"] = tell_apart(films, made.smoothed)
    print("Classifier:", report["classifier"])
    write_sheets(options.out, "film", films[::4], made.smoothed)
    for look, views in others.items():
        rows = compare(_interiors(views), _interiors(made.of(look)))
        report[f"interior, {look}"] = _shown(f"Interior of unlabelled images, {look}", rows)
        write_sheets(options.out, f"{look}-unlabelled", views, made.of(look))

    rows = rows_of(measure_lesions(seeds[: options.studies], bank))
    report["lesions on film"] = _shown("Lesions on film", rows)
    report["blob bar"] = blob_bar(films, seeds[: options.studies], bank)
    print("Blob bar:", json.dumps(report["blob bar"]))
    (options.out / "realism.json").write_text(json.dumps(report, indent=1) + "\n")


def _both(real: list[TissueView], phantoms: list[TissueView]) -> list[Row]:
    return compare([measure(v) for v in real], [measure(v) for v in phantoms])


def _interiors(views: list[TissueView]) -> list[Figures]:
    return [interior(v, v.depth_mm) for v in views]


def _shown(title: str, rows: list[Row]) -> list[dict[str, object]]:
    off = sum(not row.good for row in rows)
    print(f"\n{title}: {off} of {len(rows)} off\n\n{as_text(rows)}\n")
    return [asdict(row) | {"ratio": row.ratio, "good": row.good} for row in rows]


if __name__ == "__main__":
    main()
