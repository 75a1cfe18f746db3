"""Measure an exported model on held-out phantoms.

    python -m training.bank --out build/held-out --first-seed 900000 --studies 100 --counts 2 1 \
        --raw
    python -m training.measure --config training/configs/lesion-detector.toml \
        --model build/lesion-detector/model.onnx --held-out build/held-out --out figures.json

Detectors go through the node's own preprocessing, from the pixels as rendered; the others are
measured on banked views, which that preprocessing made. All figures are those of
`mammo_node.evaluate`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mammo_node.analyse.flips import FLIPS
from mammo_node.analyse.manifest.boxes import Flip
from mammo_node.analyse.package import load_package
from training.config import Config
from training.measures.classify import measure_patches
from training.measures.detect import measure_detector, measure_package, spec_of_task
from training.measures.maps import measure_maps
from training.measures.views import measure_density, measure_landmarks
from training.raw import raw_views
from training.task import Task, make_task
from training.tasks.density import DensityTask
from training.tasks.detector import DetectorTask
from training.tasks.landmarks import LandmarkTask
from training.tasks.patches import PatchTask
from training.tasks.retina import RetinaTask


def measure(
    config: Config,
    model: Path,
    held_out: Sequence[Path],
    limit: int | None = None,
    flips: Sequence[Flip] | None = None,
) -> Any:
    """Figures of a model of our own, by the kind of its task; `flips` instead of a detector's own.

    Windows are drawn of any number of banks together; everything else is measured on one.
    """
    task = make_task(config.phases[-1])
    if isinstance(task, PatchTask):
        return measure_patches(task, model, held_out, limit)
    if isinstance(task, DetectorTask | RetinaTask):
        spec = spec_of_task(task.channels, task.parameters, task.mm_per_pixel, task.contract)
        found = task.labels, task.ignored
        views = islice(raw_views(_only(held_out)), limit)
        return measure_detector(model, spec, *found, views, task.flips if flips is None else flips)
    return _measure_views(config.name, task, model, _only(held_out))


def _only(held_out: Sequence[Path]) -> Path:
    if len(held_out) > 1:
        raise SystemExit("--held-out: only classifiers of windows are measured on several banks")
    return held_out[0]


def _measure_views(name: str, task: Task, model: Path, held_out: Path) -> Any:
    if isinstance(task, DensityTask):
        return measure_density(task, model, held_out)
    if isinstance(task, LandmarkTask):
        return measure_landmarks(task, model, held_out)
    raise SystemExit(f"{name}: nothing measures this kind of task")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, help="of the run that made the model")
    parser.add_argument("--model", type=Path, help="ONNX file of that run")
    parser.add_argument("--package", type=Path, help="instead: detector or sliding windows")
    parser.add_argument("--held-out", type=Path, required=True, nargs="+")
    parser.add_argument("--limit", type=int, help="only so many images, or patches")
    parser.add_argument("--flips", nargs="*", choices=FLIPS, help="average over these, or none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.package:
        views = islice(raw_views(_only(options.held_out)), options.limit)
        family = load_package(options.package).manifest.family
        if family == "sliding-patches":
            figures = measure_maps(options.package, views)
        elif family == "detector":
            figures = measure_package(options.package, views, options.flips)
        else:
            parser.error(f"--package: a package of the family {family} is measured by its run")
    elif options.config and options.model:
        config = Config.read(options.config)
        figures = measure(config, options.model, options.held_out, options.limit, options.flips)
    else:
        parser.error("either --package, or --config and --model")
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
