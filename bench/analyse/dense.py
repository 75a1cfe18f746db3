"""Sliding patches: exact windows and dense evaluation against every window, one by one.

    .venv/bin/python -m bench.analyse.dense [PACKAGE] [--images 4] [--timed 2] [--rounds 3]

PACKAGE is the folder of a package of family sliding-patches; without one, a network of the bundled
classifier's size with random weights. Phantom mammograms, MLO and CC in turns. Times are of
preparation's result to scores, of the first images together, in turns in one run:

- every window: all windows of the whole image, not cropped to the breast, one run each;
- exact: windows that hold enough of the breast, in batches;
- dense: one run, every window read off the map.

One thread and processor time, which others on the machine do not change; `--threads 2` measures
wall time instead. Agreement is Spearman's rank correlation of the scores of both engines over the
windows on the breast of all images, by label; the least is what `window.dense_agreement` states.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.analyse.rounds import Times, machine
from mammo_node.analyse.dense_agreement import dense_agreement
from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session
from mammo_node.analyse.sliding_frame import Frame
from mammo_node.analyse.sliding_patches import ScoredWindows, WindowClassifier
from mammo_node.image.preprocess import Prepared, prepare
from mammo_node.image.recipes import RECIPES
from mammo_node.phantom import PhantomView, generate_study
from mammo_node.vocabulary import InputSpec, Orientation
from tests.unit.window_network import write_network

EVERY, EXACT, DENSE = "every window", "exact", "dense"
#: Pixel pitch of the phantoms; finer for a classifier that wants finer pixels.
_SPACING_MM = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("package", nargs="?", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--timed", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = arguments.package or write_network(Path(scratch) / "random-windows")
        classifier = opened(folder, arguments.threads)
        pitch_mm = min(_SPACING_MM, classifier.package.input_spec.mm_per_pixel or _SPACING_MM)
        views = list(phantoms(max(arguments.images, arguments.timed), pitch_mm))
        clock = time.process_time if arguments.threads == 1 else time.perf_counter
        if arguments.rounds:
            compare_times(classifier, views[: arguments.timed], arguments.rounds, clock)
        compare_scores(classifier, views)


def opened(folder: Path, threads: int) -> WindowClassifier:
    package = load_package(folder, recipes=RECIPES)
    name = str(folder / "model.onnx")
    session = open_session(package.model_bytes(), provider="cpu", threads=threads, name=name)
    print(f"{package.name} {package.manifest.version}, {machine()}, threads: {threads}")
    return WindowClassifier(package, session)


def compare_times(
    classifier: WindowClassifier,
    views: Sequence[PhantomView],
    rounds: int,
    clock: Callable[[], float],
) -> None:
    spec = classifier.package.input_spec
    whole = [prepared(view, replace(spec, crop="none")).tensor for view in views]
    cropped = [prepared(view, spec) for view in views]
    ways: dict[str, Callable[[], list[int]]] = {
        EVERY: lambda: [every_window(classifier, one) for one in whole],
        EXACT: lambda: [counted(classifier.run_exact(one.tensor, one.mask)) for one in cropped],
        DENSE: lambda: [counted(classifier.run_dense(one.tensor, one.mask)) for one in cropped],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = clock()
            windows = way()
            seconds[name].append(clock() - begun)
            print(f"  {name}: {windows} windows, {seconds[name][-1]:.3g} s", flush=True)
    print(Times(seconds).table((EVERY, EXACT)))


def counted(scored: ScoredWindows) -> int:
    return int(scored.looked_at.sum())


def compare_scores(classifier: WindowClassifier, views: Sequence[PhantomView]) -> None:
    spec = classifier.package.input_spec
    pairs = ((one.tensor, one.mask) for one in (prepared(view, spec) for view in views))
    agreement = dense_agreement(classifier, pairs)
    for label, correlation in agreement.by_label.items():
        print(f"{label}: rank correlation {correlation:.4f}")
    print(
        f"least {agreement.least:.4f} over {agreement.windows} windows of {len(views)} images;"
        f" largest difference of a score {agreement.largest_difference:.2g}"
    )


def every_window(classifier: WindowClassifier, tensor: np.ndarray) -> int:
    """Run all windows of the frame one by one; return how many there are."""
    manifest = classifier.manifest
    shape = (tensor.shape[2], tensor.shape[3])
    window = manifest.window
    frame = Frame.over(shape, window.size_px, window.stride_px, window.margin)
    views = frame.windows_of(frame.filled(tensor[0], manifest.input.pad_value))
    for i, j in np.ndindex(frame.grid):
        cut = np.ascontiguousarray(views[i, j][None])
        classifier.session.run({manifest.input.name: cut}, (manifest.output.scores,))
    return frame.grid[0] * frame.grid[1]


def phantoms(count: int, pitch_mm: float) -> Iterator[PhantomView]:
    for seed in range(count):
        views = (("L", "MLO" if seed % 2 == 0 else "CC"),)
        look = "film" if seed % 4 == 0 else "digital"
        yield from generate_study(seed, pixel_spacing_mm=pitch_mm, look=look, views=views).views


def prepared(view: PhantomView, spec: InputSpec) -> Prepared:
    pixels = view.pixels.astype(np.float32)
    upright = Orientation(chest_wall_right=False)
    return prepare(pixels, (view.pixel_spacing_mm,) * 2, upright, spec)


if __name__ == "__main__":
    main()
