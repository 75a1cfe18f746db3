"""Sliding patches: exact windows and dense evaluation against every window, one by one.

    .venv/bin/python -m bench.analyse.dense [PACKAGE] [--images 4] [--rounds 3] [--threads 2]

PACKAGE is the folder of a package of family sliding-patches; without one, a network of the bundled
classifier's shape with random weights. Phantom mammograms; times are of one oblique view, the
same tensor for all, in turns in one run:

- every window: all of the whole image's windows, not cropped to the breast, one run each;
- exact: windows that hold enough of the breast, in batches;
- dense: one run, every window read off the map.

Agreement is Spearman's rank correlation of the scores of both engines over the windows on the
breast of all images, by label; the least is what `window.dense_agreement` states.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.analyse.rounds import machine, measure, timed
from mammo_node.analyse.dense_agreement import dense_agreement
from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session
from mammo_node.analyse.sliding_frame import Frame
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.image.preprocess import Prepared, prepare
from mammo_node.image.recipes import RECIPES
from mammo_node.phantom import PhantomView, generate_study
from mammo_node.vocabulary import InputSpec, Orientation
from tests.unit.window_network import write_network

EVERY, EXACT, DENSE = "every window", "exact", "dense"
_SPACING_MM = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("package", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = arguments.package or write_network(Path(scratch) / "random-windows")
        run(folder, arguments.images, arguments.rounds, arguments.threads)


def run(folder: Path, images: int, rounds: int, threads: int) -> None:
    package = load_package(folder, recipes=RECIPES)
    name = str(folder / "model.onnx")
    session = open_session(package.model_bytes(), provider="cpu", threads=threads, name=name)
    classifier = WindowClassifier(package, session)
    views = list(phantoms(images))
    whole = prepared(views[0], replace(package.input_spec, crop="none"))
    cropped = [prepared(view, package.input_spec) for view in views]
    first = cropped[0]
    looked_at = classifier.run_exact(first.tensor, first.mask).looked_at
    print(f"{package.name} {package.manifest.version}, {machine()}, {threads} threads")
    print(
        f"image {whole.tensor.shape[2:]}, breast {first.tensor.shape[2:]},"
        f" {int(looked_at.sum())} windows on the breast"
    )
    times = measure(
        {
            EVERY: timed(lambda: every_window(classifier, whole.tensor)),
            EXACT: timed(lambda: classifier.run_exact(first.tensor, first.mask)),
            DENSE: timed(lambda: classifier.run_dense(first.tensor, first.mask)),
        },
        rounds,
    )
    print(times.table((EVERY, EXACT)))
    agreement = dense_agreement(classifier, [(one.tensor, one.mask) for one in cropped])
    for label, correlation in agreement.by_label.items():
        print(f"{label}: rank correlation {correlation:.4f}")
    print(
        f"least {agreement.least:.4f} over {agreement.windows} windows of {images} images;"
        f" largest difference of a score {agreement.largest_difference:.2g}"
    )


def every_window(classifier: WindowClassifier, tensor: np.ndarray) -> np.ndarray:
    """Run all windows of the frame one by one; (windows, labels)."""
    manifest = classifier.manifest
    shape = (tensor.shape[2], tensor.shape[3])
    window = manifest.window
    frame = Frame.over(shape, window.size_px, window.stride_px, window.margin)
    views = frame.windows_of(frame.filled(tensor[0], manifest.input.pad_value))
    outputs = (manifest.output.scores,)
    scores = [
        classifier.session.run(
            {manifest.input.name: np.ascontiguousarray(views[i, j][None])}, outputs
        )
        for i, j in np.ndindex(frame.grid)
    ]
    return np.concatenate([one[0] for one in scores])


def phantoms(count: int) -> Iterator[PhantomView]:
    for seed in range(count):
        views = (("L", "MLO" if seed % 2 == 0 else "CC"),)
        look = "film" if seed % 4 == 0 else "digital"
        yield from generate_study(seed, pixel_spacing_mm=_SPACING_MM, look=look, views=views).views


def prepared(view: PhantomView, spec: InputSpec) -> Prepared:
    pixels = view.pixels.astype(np.float32)
    upright = Orientation(chest_wall_right=False)
    return prepare(pixels, (view.pixel_spacing_mm,) * 2, upright, spec)


if __name__ == "__main__":
    main()
