"""What a relevance map costs beside the model: `python bench/relevance.py [ROUNDS]`, one thread.

The model, its relevance graph and occlusion of one finding take turns on one phantom view, so that
whatever else the machine does falls on all of them; medians, and the ratio to the model.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.explanation import explainer_of
from mammo_node.analyse.occlusion import Occlusion
from mammo_node.analyse.package import bundled_folder, load_package
from mammo_node.analyse.session import Session, open_session
from mammo_node.examination import Subject
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.offline import gather
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.vocabulary import MammoImage


def opened(graph: bytes) -> Session:
    return open_session(graph, provider="cpu", threads=1, name="bench")


def phantom() -> MammoImage:
    """Make a view with one mass that the shipped detector finds."""
    study = generate_study(3, pixel_spacing_mm=0.1, masses=1, clusters=0, views=[("L", "MLO")])
    with TemporaryDirectory() as folder:
        files = write_study(study, Path(folder))
        ((instance,),) = gather(files).studies.values()
        image = read_mammogram(instance.path, instance.ref, Policy())
    assert isinstance(image, MammoImage)
    return image


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    package = load_package(bundled_folder() / "lesion-detector")
    detector = Detector(package, opened(package.model_bytes()))
    started = perf_counter()
    explainer = explainer_of("relevance", detector, opened)
    assert explainer is not None
    derived_s = perf_counter() - started
    tensor = Subject(phantom()).prepared(package.input_spec).tensor
    found = detector.run(tensor)
    occlusion = Occlusion(Detector(package, detector.session, {"mass": 0.01}).run, 32)
    ways = {
        "model": lambda: detector.run(tensor),
        "gradient x input": lambda: explainer.explain(tensor, found),
        "occlusion": lambda: occlusion.explain(tensor, found),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = perf_counter()
            way()
            times[name].append(perf_counter() - started)
    print(f"input {tensor.shape}, {len(found.scores)} findings; derived in {derived_s:.2f} s")
    for name, taken in times.items():
        pairs = zip(taken, times["model"], strict=True)
        ratios = sorted(one / model for one, model in pairs)
        median, ratio = statistics.median(taken), statistics.median(ratios)
        print(f"{name:18} {median:6.3f} s, {ratio:5.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
