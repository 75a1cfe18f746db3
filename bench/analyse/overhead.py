"""What the node adds to a study's analysis beside decoding pixels and running networks.

    .venv/bin/python -m bench.analyse.overhead [MODEL ...] [--retinanet [--quicker]]
        [--rounds 5] [--threads 2] [--clock process_time] [--profile]

One four-view phantom study (0.07 mm pixels, uncompressed) is answered by the pipeline as in a node:
read, prepare, run, decode boxes, fuse, encode. Timed inside are the pixel decoders and ONNX
Runtime; the rest is the node's. Outputs: those that a destination gets by default. Models: those
that are named, by default lesion-detector and cluster-detector together; with --retinanet a
RetinaNet R50-FPN of random weights at 2048 pixels, as it is imported, with --quicker as Winograd's
and trimmed to the breast. Its threshold is set so that it reports three findings an image, as the
published weights do about (0.93 of the masses and 2.22 others); --many leaves it at 0.2, where
random weights report a hundred.

On a machine that others keep busy, `--threads 1 --clock process_time` counts processor time.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.analyse.retinanet import r50
from bench.analyse.rounds import machine
from mammo_node.adopt.package_folder import Adoption
from mammo_node.adopt.retinanet import adopt_retinanet
from mammo_node.adopt.retinanet_page import Quicker
from mammo_node.analyse.child_main import COLLECT_AFTER
from mammo_node.analyse.session import Session
from mammo_node.composition import pipeline_settings
from mammo_node.config import load_folder
from mammo_node.destination import Destination
from mammo_node.encode.codes import FINDINGS
from mammo_node.image import reader
from mammo_node.offline import gather
from mammo_node.outputs import OutputKind
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.pipeline import Answer, Pipeline, StudyRequest
from tests.unit.retinanet_weights import torch_file

SHIPPED = ("lesion-detector", "cluster-detector")
R50 = "r50"
#: Of the published weights, see above.
FINDINGS_A_VIEW = 3
_SPACING_MM = 0.07

Clock = Callable[[], float]


@dataclass
class Spent:
    """Seconds of one study, by what they went into."""

    whole: float = 0.0
    decoding: float = 0.0
    networks: float = 0.0

    @property
    def own(self) -> float:
        """The node's own part of the whole."""
        return self.whole - self.decoding - self.networks


@contextmanager
def watched(spent: Spent, clock: Clock) -> Iterator[None]:
    """Time the decoders and every run of a network."""

    def clocked(work: Callable[..., Any], key: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            begun = clock()
            try:
                return work(*args, **kwargs)
            finally:
                setattr(spent, key, getattr(spent, key) + clock() - begun)

        return run

    with (
        patch.object(reader, "decode", clocked(reader.decode, "decoding")),
        patch.object(Session, "run", clocked(Session.run, "networks")),
    ):
        yield


def default_outputs() -> tuple[OutputKind, ...]:
    """Return what a destination gets that does not say what it wants."""
    return tuple(Destination.model_fields["outputs"].get_default(call_default_factory=True))


def request(folder: Path) -> StudyRequest:
    """Return the study in a folder as a request."""
    ((uid, instances),) = gather([folder]).studies.items()
    now = datetime.now(UTC).astimezone()
    return StudyRequest(uid, 1, instances, default_outputs(), now)


def pipeline(
    folder: Path, names: Sequence[str], threads: int, thresholds: Mapping[str, float] | None = None
) -> Pipeline:
    """Start a pipeline as the analysis process does: packages by name, of a folder or shipped."""
    gc.set_threshold(COLLECT_AFTER)
    configuration = load_folder(None)
    settings = pipeline_settings(configuration, device_serial_number="bench")
    chosen = {"folder": folder} if folder.is_dir() else {}
    models = settings.models.model_copy(
        update={"use": tuple(names), "thresholds": dict(thresholds or {}), **chosen}
    )
    worker = settings.worker.model_copy(update={"threads": threads})
    return Pipeline.start(replace(settings, models=models, worker=worker))


def retinanet(folder: Path, quicker: Quicker) -> None:
    """Import random weights of an R50-FPN as a package."""
    (folder / "weights.pth").write_bytes(torch_file(r50()))
    adoption = Adoption(R50, {"0": "mass"}, FINDINGS, 0.2, "Apache-2.0")
    adopt_retinanet(folder / "weights.pth", adoption, folder / "models", quicker)


def usual(answer: Answer) -> dict[str, float]:
    """Return the threshold that leaves as many findings as usual."""
    views = answer.result.views
    scores = sorted((f.score for view in views for f in view.findings), reverse=True)
    return {"mass": scores[min(len(scores), FINDINGS_A_VIEW * len(views)) - 1]}


def study(pipe: Pipeline, wanted: StudyRequest, clock: Clock) -> tuple[Spent, Answer]:
    """Answer once."""
    spent = Spent()
    with watched(spent, clock):
        begun = clock()
        answer = pipe.answer(wanted)
        spent.whole = clock() - begun
    assert not answer.not_leaving, answer.not_leaving
    return spent, answer


def profiled(pipe: Pipeline, wanted: StudyRequest, clock: Clock) -> None:
    """Print where the time of one study goes."""
    with cProfile.Profile(clock) as profile:
        study(pipe, wanted, clock)
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    pstats.Stats(profile).sort_stats("tottime").print_callers(12)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--retinanet", action="store_true")
    parser.add_argument("--quicker", action="store_true", help="Winograd, trimmed to the breast")
    parser.add_argument("--many", action="store_true", help="a hundred findings an image")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=("perf_counter", "process_time"), default="perf_counter")
    parser.add_argument("--profile", action="store_true", help="where the time goes, once")
    return parser.parse_args()


def main() -> int:
    """Measure and print."""
    options = arguments()
    clock: Clock = getattr(time, options.clock)
    names = (R50,) if options.retinanet else tuple(options.models) or SHIPPED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(
            generate_study(11, look="digital", pixel_spacing_mm=_SPACING_MM), folder / "study"
        )
        if options.retinanet:
            retinanet(folder, Quicker(options.quicker, options.quicker))
        wanted = request(folder / "study")
        pipe = pipeline(folder / "models", names, options.threads)
        _, answer = study(pipe, wanted, clock)
        if options.retinanet and not options.many:
            pipe = pipeline(folder / "models", names, options.threads, usual(answer))
            _, answer = study(pipe, wanted, clock)
        found = [len(view.findings) for view in answer.result.views]
        print(f"{machine()}; {', '.join(names)}; outputs: {', '.join(wanted.outputs)}", flush=True)
        print(f"findings of the views: {found}", flush=True)
        if options.profile:
            profiled(pipe, wanted, clock)
        rounds = [study(pipe, wanted, clock)[0] for _ in range(options.rounds)]
    for key in ("whole", "decoding", "networks", "own"):
        print(f"{key}: {statistics.median(getattr(one, key) for one in rounds):.2f} s a study")
    shares = [one.own / one.whole for one in rounds]
    print(
        f"the node's part: {100 * statistics.median(shares):.1f} %"
        f" ({100 * min(shares):.1f}-{100 * max(shares):.1f}); {machine()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
