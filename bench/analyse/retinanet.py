"""RetinaNet R50-FPN, longest side 2048: ONNX Runtime as the node runs it, against PyTorch.

    .venv/bin/python -m bench.analyse.retinanet [--torch PYTHON] [--rounds 5] [--threads 2]

Same random weights, same phantom mammogram, same threads, in turns in one run. PyTorch runs eager
twice over: as it comes, and with glibc's thresholds raised so that freed memory is kept (part of
eager's time is page faults otherwise). `--torch` names a Python with torch; without one, ONNX
Runtime's own default graph is the baseline. The int8 graph needs the extra `training` (onnx).

On a machine that others keep busy, `--threads 1 --clock process_time` counts processor time, which
they do not change; a smaller `--side` shortens it.

Trimmed, a graph is told what was cut away, as an imported package has it (`--trim`), and run on the
breast's part; all graphs but the plain one are built so, and told that nothing is missing where
they run on the whole image.

Boxes: the best 100 of each graph after suppression. With random weights they mean nothing, but a
graph that computes the same has the same; what 8 bits do to boxes that mean something is to be seen
with a trained network (training.int8_package).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.analyse.rounds import Contender, machine, measure, timed
from mammo_node.adopt.retinanet import build_model, rewritten
from mammo_node.adopt.retinanet_network import RetinaNetWeights
from mammo_node.adopt.retinanet_page import COLUMN, IMAGE, LARGEST_STRIDE, ROW
from mammo_node.adopt.trial import as_input, difference
from mammo_node.analyse.anchors import Anchors, best_boxes
from mammo_node.analyse.overlap import iou
from mammo_node.analyse.session import Session, open_session
from mammo_node.analyse.suppression import suppress
from mammo_node.phantom import generate_study
from mammo_node.vocabulary import InputSpec
from tests.unit.retinanet_weights import state_dict

SIDE = 2048
SPEC = InputSpec(
    name="image",
    channels=("zscore",) * 3,
    longest_side=SIDE,
    crop="none",
    mirror="none",
    interpolation="bilinear",
)
TRIMMED = replace(SPEC, trim="breast", trim_grid=LARGEST_STRIDE, trimmed_inputs=(COLUMN, ROW))
_VIEWS = (("L", "CC"), ("L", "MLO"))
_CLOCKS = ("perf_counter", "process_time")
_OUTPUTS = ("logits", "deltas")
_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_ANCHORS = Anchors((32.0, 64.0, 128.0, 256.0, 512.0), _SCALES, (0.5, 1.0, 2.0))
_MMAP, _TRIM = "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"
EAGER, TUNED = "PyTorch eager", "PyTorch eager, malloc tuned"
PLAIN, TOLD, CUT = "fp32", "fp32 told", ", trimmed"
Inputs = Mapping[str, np.ndarray]


def r50() -> dict[str, np.ndarray]:
    """Return random weights of a RetinaNet R50-FPN with GroupNorm(32) heads, one class."""
    return state_dict(depths=(3, 4, 6, 3), classes=1, stem=64, inner=64, pyramid=256)


@contextmanager
def eager(
    python: str, folder: Path, threads: int, clock: str, extra: Mapping[str, str]
) -> Iterator[Contender]:
    """Run a PyTorch process; each call of what is yielded is one forward pass in it."""
    environment = {**os.environ, **extra}
    command = [python, "-m", "bench.analyse.eager", str(folder), str(threads), clock]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        if child.stdout.readline().strip() != "ready":
            raise SystemExit(f"{python} cannot run bench.analyse.eager: has it torch and numpy?")

        def run() -> float:
            print("run", file=child.stdin, flush=True)
            return float(child.stdout.readline())

        try:
            yield run
        finally:
            child.stdin.close()


def graphs(folder: Path, trimmed: Inputs) -> dict[str, bytes]:
    """Return the graphs to compare, by name."""
    weights = RetinaNetWeights(r50())
    told = build_model(weights, trimmed=True)
    found = {PLAIN: build_model(weights), TOLD: told, "fp32 Winograd": rewritten(told)}
    try:
        from training.qdq import quantise_file, told_windows  # noqa: PLC0415
    except ModuleNotFoundError as error:
        print(f"int8 is left out: {error}")
        return found
    (folder / "told.onnx").write_bytes(told)
    parts = told_windows(trimmed, IMAGE, (COLUMN, ROW))
    quantise_file(folder / "told.onnx", folder / "int8.onnx", parts)
    return {**found, "int8": (folder / "int8.onnx").read_bytes()}


def runs(graph: str, whole: Inputs, trimmed: Inputs) -> dict[str, Inputs]:
    """Return on what a graph is run, by what is added to its name."""
    if graph == PLAIN:
        return {"": whole}
    image = whole[IMAGE]
    nothing = {COLUMN: np.zeros_like(image[..., :1]), ROW: np.zeros_like(image[..., :1, :])}
    cut = {CUT: trimmed}
    return cut if graph == TOLD else {"": {**whole, **nothing}, **cut}


def boxes(raw: list[np.ndarray], image: np.ndarray, offset: tuple[int, int]) -> np.ndarray:
    """Return the best 100 boxes in pixels of the whole image: x, y, x, y, score."""
    shape = (image.shape[2], image.shape[3])
    found, scores, _ = best_boxes(_ANCHORS, raw[0], raw[1], shape, top=1000)
    kept = suppress(found, scores, 0.3, 100)
    shifted = found[kept] + np.array([offset[1], offset[0]] * 2, dtype=np.float32)
    return np.concatenate([shifted, scores[kept][:, None]], axis=1)


def shared(one: np.ndarray, other: np.ndarray, least: float = 0.95) -> tuple[float, np.ndarray]:
    """Return the share of boxes of `one` that `other` has too, and how far their scores differ."""
    overlap = iou(one[:, :4], other[:, :4])
    best = overlap.argmax(axis=1)
    same = overlap.max(axis=1) >= least
    return float(same.mean()), np.abs(one[:, 4] - other[best, 4])[same]


def runner(session: Session, inputs: Inputs, clock: str) -> Contender:
    """Make a contender of one graph on one image."""
    return timed(lambda: session.run(inputs, _OUTPUTS), getattr(time, clock))


def main() -> int:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int, default=SIDE, help=f"longest side ({SIDE})")
    parser.add_argument("--clock", choices=_CLOCKS, default=_CLOCKS[0])
    options = parser.parse_args()
    whole, trimmed = typical(options.side)
    image, part = whole[IMAGE], trimmed[IMAGE]
    offset = place(image, part)
    print(f"{machine()}; image {image.shape}, trimmed {part.shape} at {offset}", flush=True)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        np.savez(folder / "weights.npz", **r50())
        np.save(folder / "image.npy", image)
        sessions = {
            graph: open_session(data, provider="cpu", threads=options.threads, name=graph)
            for graph, data in graphs(folder, trimmed).items()
        }
        report(sessions, whole, trimmed, offset)
        contenders: dict[str, Contender] = {}
        if has_torch(options.torch):
            tuned = {_MMAP: str(4 << 30), _TRIM: str(16 << 30)}
            for title, extra in ((EAGER, {}), (TUNED, tuned)):
                child = eager(options.torch, folder, options.threads, options.clock, extra)
                contenders[title] = stack.enter_context(child)
        for graph, session in sessions.items():
            for words, inputs in runs(graph, whole, trimmed).items():
                title = f"ONNX Runtime {graph.partition(' told')[0]}{words}"
                contenders[title] = runner(session, inputs, options.clock)
        times = measure(contenders, options.rounds)
        if EAGER in contenders:
            parity(sessions[PLAIN], whole, folder)
    baselines = (EAGER, TUNED) if EAGER in contenders else (f"ONNX Runtime {PLAIN}",)
    print(f"{times.table(baselines)}\n{machine()}")
    return 0


def has_torch(python: str) -> bool:
    """Tell whether a Python can import torch."""
    asked = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    return asked.returncode == 0


def typical(side: int) -> tuple[Inputs, Inputs]:
    """Return, whole and trimmed, the phantom view that trimming gains least on.

    Real breasts fill more of the image than most phantoms: the boxes around them have 0.73 of it
    on film and 0.5 on digital mammograms (medians).
    """
    found = []
    for look in ("film", "digital"):
        for seed in (7, 8):
            study = generate_study(seed, pixel_spacing_mm=0.2, look=look, views=_VIEWS)
            for view in study.views:
                pair = tuple(
                    as_input(view, replace(spec, longest_side=side)) for spec in (SPEC, TRIMMED)
                )
                found.append((pair[1][IMAGE].size / pair[0][IMAGE].size, pair))
    found.sort(key=lambda one: one[0])
    print("trimmed area:", " ".join(f"{100 * share:.0f} %" for share, _ in found))
    return found[-1][1]


def place(whole: np.ndarray, part: np.ndarray) -> tuple[int, int]:
    """Return the row and column of the whole image where the trimmed one lies."""
    for top in range(0, whole.shape[2] - part.shape[2] + 1, LARGEST_STRIDE):
        for left in range(0, whole.shape[3] - part.shape[3] + 1, LARGEST_STRIDE):
            cut = whole[:, :, top : top + part.shape[2], left : left + part.shape[3]]
            if np.array_equal(cut, part):
                return top, left
    raise SystemExit("the trimmed image is no part of the whole one")


def report(
    sessions: Mapping[str, Session], whole: Inputs, trimmed: Inputs, offset: tuple[int, int]
) -> None:
    """Print how far each graph is from the plain one on the whole image."""
    expected = sessions[PLAIN].run(whole, _OUTPUTS)
    wanted = boxes(expected, whole[IMAGE], (0, 0))
    for graph, session in sessions.items():
        for words, inputs in runs(graph, whole, trimmed).items():
            found = session.run(inputs, _OUTPUTS)
            at = offset if words == CUT else (0, 0)
            same, moved = shared(wanted, boxes(found, inputs[IMAGE], at))
            line = f"{graph}{words}: {100 * same:.0f} % of the best 100 boxes of {PLAIN}"
            if moved.size:
                line += f", scores differ by {np.median(moved):.4f}, at most {moved.max():.4f}"
            if words != CUT:
                pairs = list(zip(found, expected, strict=True))
                most = max(difference(one, other) for one, other in pairs)
                alike = np.corrcoef(found[0].ravel(), expected[0].ravel())[0, 1]
                line += f"; largest difference {most:.1e}, correlation of logits {alike:.5f}"
            print(line, flush=True)


def parity(session: Session, whole: Inputs, folder: Path) -> None:
    """Print how far ONNX Runtime is from PyTorch."""
    with np.load(folder / "eager.npz") as made:
        expected = [made[name] for name in _OUTPUTS]
    found = session.run(whole, _OUTPUTS)
    most = max(difference(one, other) for one, other in zip(found, expected, strict=True))
    print(f"PyTorch and ONNX Runtime differ by {most:.1e} of the largest value")


if __name__ == "__main__":
    sys.exit(main())
