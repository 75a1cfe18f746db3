"""What the node adds to a study's analysis beside decoding pixels and running networks.

    .venv/bin/python -m bench.analyse.overhead [--retinanet] [--rounds 5] [--threads 2] [--profile]

One four-view phantom study (0.07 mm pixels, uncompressed) is answered by the pipeline as in a node:
read, prepare, run, decode boxes, fuse, encode. Timed inside are the pixel decoders and ONNX
Runtime; the rest is the node's. Outputs: those that a destination gets by default. Models: those
that are shipped, together, or with --retinanet a RetinaNet R50-FPN of random weights at 2048
pixels, as it is imported.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
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
from mammo_node.pipeline import Pipeline, StudyRequest
from tests.unit.retinanet_weights import torch_file

SHIPPED = ("lesion-detector", "cluster-detector")
_SPACING_MM = 0.07


@dataclass
class Spent:
    """Seconds of one study, by what they went into."""

    whole: float = 0.0
    decoding: float = 0.0
    networks: float = 0.0

    @property
    def share(self) -> float:
        """The node's own part of the whole."""
        return 1.0 - (self.decoding + self.networks) / self.whole


@contextmanager
def watched(spent: Spent) -> Iterator[None]:
    """Time the decoders and every run of a network."""

    def clocked(work: Callable[..., Any], key: str) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                setattr(spent, key, getattr(spent, key) + time.perf_counter() - begun)

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


def pipeline(folder: Path, names: Sequence[str], threads: int) -> Pipeline:
    """Start a pipeline with models by name, from a folder of packages or those shipped."""
    configuration = load_folder(None)
    settings = pipeline_settings(configuration, device_serial_number="bench")
    models = settings.models.model_copy(
        update={"use": tuple(names), **({"folder": folder} if folder.is_dir() else {})}
    )
    worker = settings.worker.model_copy(update={"threads": threads})
    return Pipeline.start(replace(settings, models=models, worker=worker))


def retinanet(folder: Path) -> None:
    """Import random weights of an R50-FPN as a package."""
    (folder / "weights.pth").write_bytes(torch_file(r50()))
    adoption = Adoption("r50", {"0": "mass"}, FINDINGS, 0.2, "Apache-2.0")
    adopt_retinanet(folder / "weights.pth", adoption, folder / "models", Quicker())


def study(pipe: Pipeline, wanted: StudyRequest) -> Spent:
    """Answer once."""
    spent = Spent()
    with watched(spent):
        begun = time.perf_counter()
        answer = pipe.answer(wanted)
        spent.whole = time.perf_counter() - begun
    assert not answer.not_leaving, answer.not_leaving
    return spent


def main() -> int:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--retinanet", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="where the time goes, once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(
            generate_study(11, look="digital", pixel_spacing_mm=_SPACING_MM), folder / "study"
        )
        if options.retinanet:
            retinanet(folder)
        names = ("r50",) if options.retinanet else SHIPPED
        pipe, wanted = (
            pipeline(folder / "models", names, options.threads),
            request(folder / "study"),
        )
        print(f"{machine()}; {', '.join(names)}; outputs: {', '.join(wanted.outputs)}", flush=True)
        study(pipe, wanted)
        if options.profile:
            with cProfile.Profile() as profile:
                study(pipe, wanted)
            pstats.Stats(profile).sort_stats("tottime").print_stats(35)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            pstats.Stats(profile).sort_stats("tottime").print_callers(12)
        rounds = [study(pipe, wanted) for _ in range(options.rounds)]
    for key in ("whole", "decoding", "networks"):
        print(f"{key}: {statistics.median(getattr(one, key) for one in rounds):.2f} s a study")
    shares = [one.share for one in rounds]
    print(
        f"the node's part: {100 * statistics.median(shares):.1f} %"
        f" ({100 * min(shares):.1f}-{100 * max(shares):.1f}); {machine()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
