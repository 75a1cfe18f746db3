"""Make a model package: model, manifest with self-test, card.

    python -m training.card --config training/configs/lesion-detector.toml \
        --run build/lesion-detector --package build/packages/lesion-detector --version 0.2.0

Every number in the card and the manifest is read from the files that the commands before it wrote.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from training.config import Config
from training.manifests import write_manifest
from training.measures.images import measure_agreement, measure_images
from training.measures.maps import measure_maps
from training.nets.findings import CORE
from training.raw import RawView, raw_views
from training.realism.real import as_raw, films
from training.tables import figures_of, plural
from training.task import Task, make_task
from training.tasks.density import DensityTask
from training.tasks.detector import DetectorTask
from training.tasks.landmarks import LandmarkTask
from training.tasks.patches import PatchTask
from training.tasks.retina import RetinaTask


def write_package(
    config: Config, run: Path, folder: Path, version: str, notes: str = "", history: str = ""
) -> None:
    """Write model, manifest and card into `folder`.

    `run` is the output folder of training with model.onnx and figures.json in it, and, where they
    were made, int8.onnx and figures-int8.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "model.onnx"
    shutil.copyfile(run / "model.onnx", target)
    task = make_task(config.phases[-1])
    figures = _read(run / "figures.json")
    small = _read(run / "figures-int8.json") if (run / "figures-int8.json").exists() else None
    write_manifest(config.name, task, target, figures, version)
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    record = _read(run / "run.json")
    card = template.format(
        name=config.name,
        config=config.name,
        held_out=_held_out(figures),
        bank=_bank(figures),
        version=version,
        images=" --images build/held-out" if isinstance(task, PatchTask) else "",
        begin=_begin(config),
        what=_what(task),
        network=_network(task),
        parameters=record["parameters"],
        megabytes=f"{target.stat().st_size / 1e6:.1f}",
        steps=record["steps_done"],
        minutes=round(record["seconds"] / 60),
        device="a GPU" if record["device"] == "cuda" else "processor cores shared with other work",
        views=record["samples"],
        averaged=_averaged(task),
        history=history and history.strip() + "\n",
        measured=_measured(figures) + _judged(task),
        figures=figures_of(task, figures, small),
        notes=notes.strip() or "Not looked at yet.",
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def add_images(
    config: Config,
    run: Path,
    package: Path,
    held_out: Path,
    version: str,
    limit: int | None = None,
    *texts: str,
    ordinary: Iterable[RawView] = (),
) -> None:
    """Measure what only a package of windows can tell of whole images, and write it anew.

    `held_out` has images as rendered, of which `limit` are taken; `texts` are `write_package`'s;
    `ordinary` are `measure_maps`'s.
    """
    task, path = make_task(config.phases[-1]), run / "figures.json"
    if not isinstance(task, PatchTask):
        return
    figures = _read(path)
    if task.inner:
        figures |= measure_agreement(package, held_out, limit)
        # Once its manifest has this, the package looks at an image all at once.
        _write(figures, path)
        write_package(config, run, package, version, *texts)
        kinds = [tuple(kinds.split("+")) for kinds in task.kinds]
        views = islice(raw_views(held_out), limit)
        figures |= measure_maps(package, views, kinds, ordinary)
    else:
        figures |= measure_images(package, task.kinds, held_out, limit)
    _write(figures, path)
    write_package(config, run, package, version, *texts)


def _write(figures: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _what(task: Task) -> str:
    if isinstance(task, DetectorTask | RetinaTask):
        what = " and ".join(plural(name) for name in task.labels)
        text = (
            f"What it does: proposes boxes for {what} in craniocaudal and mediolateral\n"
            "oblique mammograms, each with a score from 0 to 1. The score orders the proposals;\n"
            "it is not a probability of cancer."
        )
        if "suspicion" not in task.contract.outputs:
            return text
        return (
            text
            + " A second output, `suspicion`, is meant to\norder them by how malignant they look."
        )
    if isinstance(task, PatchTask):
        side = task.size_px * task.pool
        return (
            f"What it does: says of a {side} x {side} pixel window ({task.window_mm:g} mm) which\n"
            f"of these it shows: {', '.join(task.labels)}; one score from 0 to 1 each."
        )
    if isinstance(task, DensityTask):
        return "What it does: density category A to D of a breast from its CC and MLO views."
    if isinstance(task, LandmarkTask):
        return (
            "What it does: marks the nipple, says whether it is in profile, and outlines the\n"
            "pectoral muscle; the rest of the breast mask is breast."
        )
    return "What it does: proposes boxes."


def _network(task: Task) -> str:
    if isinstance(task, DetectorTask):
        return (
            f"Compact anchor-free convolutional network, {task.mm_per_pixel:g} mm a pixel,\n"
            "  answers at stride 8 (`training/nets/lesion.py`); peaks and box corners are in the\n"
            "  graph, non-maximum suppression is not"
        )
    if isinstance(task, PatchTask):
        if task.inner:
            return (
                "Fully convolutional network on the trunks of two detectors\n"
                "  (`training/nets/findings.py`), whose scores see hardly anything of the\n"
                "  window's border: a whole image may be judged at once. Each of its cells of\n"
                f"  {_cell_mm(task):g} mm was taught every label; weights are in half precision"
            )
        return "Compact fully convolutional network (`training/nets/patch.py`)"
    if isinstance(task, DensityTask):
        return "One encoder for both views, one score, three limits (`training/nets/density.py`)"
    if isinstance(task, RetinaTask):
        return "RetinaNet (`training/nets/retina.py`), four phases"
    return "Small U-Net (`training/nets/landmark.py`)"


def _begin(config: Config) -> str:
    """Return how the command for training names the weights that parts begin with."""
    given = "".join(f" {p}=build/{name}/weights.pt" for p, name in config.begin.items())
    return given and f" \\\n        --init{given}"


def _averaged(task: Task) -> str:
    """Return what an answer is the mean of, where it is one."""
    if not isinstance(task, DetectorTask | RetinaTask) or not task.flips:
        return ""
    turned = " and ".join(f"with its {flip} turned over" for flip in task.flips)
    return f"- The package runs an image as it is and {turned}, and averages the answers.\n"


def _held_out(figures: dict[str, Any]) -> str:
    """Return the banks that the model is measured on, as the commands name them."""
    return "held-out build/held-out-signs" if _rich(figures) else "held-out"


def _rich(figures: dict[str, Any]) -> bool:
    """Whether the model has labels that are rare but among signs."""
    return len(figures.get("labels", ())) > 1


def _bank(figures: dict[str, Any]) -> str:
    """Return how the held-out views are rendered."""
    plain = "--out build/held-out --first-seed 900000 --studies 100 --counts 2 1 --raw"
    signs = "--out build/held-out-signs --first-seed 910000 --studies 80 --signless 0"
    return f"{plain}\n    python -m training.bank {signs}" if _rich(figures) else plain


def _cell_mm(task: PatchTask) -> float:
    return task.cell_px * task.window_mm / task.size_px


def _judged(task: Task) -> str:
    """Return what a window has, for windows that slide."""
    if not isinstance(task, PatchTask) or not task.inner:
        return ""
    return (
        f"\nA window is judged by its core, the {CORE * task.window_mm:g} mm square in its middle,"
        " as the heatmap needs it, which\njudges each place by the windows centred on it: it has a"
        " finding when the core shows at least half of what\na core can show of its outline,"
        " has it not when the core shows none of it, and is not counted for it in between."
    )


def _measured(figures: dict[str, Any]) -> str:
    if "patients" in figures:
        return (
            f"{figures['images']} images of {figures['patients']} phantoms never trained on\n"
            "(seeds from 900000), up to two masses and one cluster in each phantom, 0.1 mm pixels."
        )
    count = next(f"{figures[k]} {k}" for k in ("patches", "breasts", "images") if k in figures)
    signs = ", and from 910000, every one with signs beside masses and clusters"
    seeds = "900000" + (signs if _rich(figures) else "")
    return f"{count} of {figures['phantoms']} phantoms never trained on (seeds from {seeds})."


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="output folder of the training")
    parser.add_argument("--package", type=Path, required=True, help="folder to write")
    parser.add_argument("--version", required=True)
    parser.add_argument("--notes", type=Path, help="text on real images, for the card")
    parser.add_argument("--history", type=Path, help="what was special about this run")
    parser.add_argument("--images", type=Path, help="held-out images, to judge whole ones by")
    parser.add_argument("--ordinary", type=Path, help="folder of real films without signs")
    options = parser.parse_args()
    real = [as_raw(film) for film in films(options.ordinary)] if options.ordinary else []
    if options.ordinary and not real:
        raise SystemExit(f"{options.ordinary}: there is no film; see training/realism/real.py")
    texts = [
        path.read_text(encoding="utf-8") if path else ""
        for path in (options.notes, options.history)
    ]
    config = Config.read(options.config)
    write_package(config, options.run, options.package, options.version, *texts)
    if options.images:
        where = (options.run, options.package, options.images)
        add_images(config, *where, options.version, None, *texts, ordinary=real)


if __name__ == "__main__":
    main()
