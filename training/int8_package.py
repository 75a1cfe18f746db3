"""An int8 package of a model package, calibrated on images as the node prepares them.

    python -m training.int8_package --package DIR --images PATH... --out FOLDER [--count 16]

For networks from elsewhere, whose training data is not at hand: every second image calibrates, the
others tell what the int8 network finds of what the given one finds. Needs no torch.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mammo_node.adopt.package_folder import write_package
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.manifest import DetectorManifest
from mammo_node.analyse.overlap import iou
from mammo_node.analyse.package import MANIFEST_NAME, MODEL_NAME, ModelPackage, load_package
from mammo_node.analyse.session import open_session
from mammo_node.errors import ImageError
from mammo_node.examination import Subject
from mammo_node.image.preprocess import Prepared
from mammo_node.image.reader import read_mammogram
from mammo_node.image.recipes import RECIPES
from mammo_node.image.suitability import Policy
from mammo_node.offline import gather
from mammo_node.vocabulary import Detections, InputSpec, Refusal
from training.qdq import Inputs, quantise_file, told_windows, windows

#: A box of one network is that of the other from this overlap on.
SAME_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the int8 network finds of what the given one finds, at the package's thresholds."""

    images: int
    boxes: int
    found: int
    extra: int
    overlaps: tuple[float, ...]
    score_changes: tuple[float, ...]

    @property
    def words(self) -> str:
        """One sentence."""
        if not self.boxes:
            return f"On {self.images} other images the given network finds nothing to compare."
        overlap = float(np.median(self.overlaps)) if self.overlaps else 0.0
        change = max(self.score_changes, default=0.0)
        return (
            f"On {self.images} other images the int8 network finds {self.found} of the"
            f" {self.boxes} boxes of the given one and {self.extra} others; where both find one,"
            f" the overlap is {overlap:.2f} (median) and scores differ by at most {change:.3f}."
        )


def prepared(package: ModelPackage, paths: Sequence[Path], count: int) -> Iterator[Prepared]:
    """Prepare up to `count` images under the paths; what the node would refuse is left out."""
    studies = gather(paths).studies.values()
    for instance in [one for study in studies for one in study][:count]:
        image = read_mammogram(instance.path, instance.ref, Policy())
        if isinstance(image, Refusal):
            continue
        try:
            yield Subject(image).prepared(package.input_spec)
        except ImageError:
            continue


def quantised(package: ModelPackage, samples: Sequence[Prepared]) -> bytes:
    """Return the int8 variant of a package's network."""
    parts = (part for one in samples for part in _parts(package.input_spec, one))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "int8.onnx"
        quantise_file(package.folder / MODEL_NAME, out, parts)
        return out.read_bytes()


def _parts(spec: InputSpec, sample: Prepared) -> Iterator[Inputs]:
    """Yield what one image calibrates with."""
    name, trimmed = spec.name, spec.trimmed_inputs
    if spec.size is not None:
        yield {name: sample.tensor}
    elif trimmed is None:
        yield from ({name: part} for part in windows(sample.tensor))
    else:
        yield from told_windows({name: sample.tensor, **sample.trimmed}, name, trimmed)


def agreement(package: ModelPackage, model: bytes, samples: Sequence[Prepared]) -> Agreement:
    """Run both networks on images that calibrated nothing."""
    given, int8 = (
        Detector(package, open_session(graph, provider="cpu", threads=0, name=package.name))
        for graph in (package.model_bytes(), model)
    )
    boxes = found = extra = 0
    overlaps: list[float] = []
    changes: list[float] = []
    for x in samples:
        expected, made = (network.run(x.tensor, x.trimmed) for network in (given, int8))
        pairs = matched(expected, made)
        boxes += len(expected.scores)
        found += len(pairs)
        extra += len(made.scores) - len(pairs)
        overlaps += [overlap for _, _, overlap in pairs]
        changes += [abs(float(expected.scores[i] - made.scores[j])) for i, j, _ in pairs]
    return Agreement(len(samples), boxes, found, extra, tuple(overlaps), tuple(changes))


def matched(one: Detections, other: Detections) -> list[tuple[int, int, float]]:
    """Pair boxes of one label, best score first: (index, index, intersection over union)."""
    pairs: list[tuple[int, int, float]] = []
    free = set(range(len(other.scores)))
    shared = iou(one.boxes, other.boxes)
    for i, label in enumerate(one.labels):
        rivals = [(float(shared[i, j]), j) for j in free if other.labels[j] == label]
        overlap, best = max(rivals, default=(0.0, -1))
        if overlap >= SAME_IOU:
            free.remove(best)
            pairs.append((i, best, overlap))
    return pairs


def write(package: ModelPackage, model: bytes, agreed: Agreement, folder: Path) -> ModelPackage:
    """Write `<name>-int8` beside or instead of the given package."""
    manifest = (package.folder / MANIFEST_NAME).read_text(encoding="utf-8")
    name = f"{package.name}-int8"
    for key, value in (("name", name), ("sha256", hashlib.sha256(model).hexdigest())):
        manifest = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{value}"', manifest, count=1)
    card = (package.folder / "README.md").read_text(encoding="utf-8")
    card += (
        "\n## 8 bits\n\nConvolutions with 8 bit weights and activations, weights per channel,"
        f" calibrated on images. {agreed.words}\n"
    )
    return write_package(folder, name, model, manifest, card)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, required=True, metavar="DIR")
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=16, help="most images taken (16)")
    options = parser.parse_args()
    package = load_package(options.package, recipes=RECIPES)
    manifest = package.manifest
    if not isinstance(manifest, DetectorManifest) or manifest.self_test is not None:
        print("detectors without [self_test] only: its scores would be those of fp32")
        return 1
    samples = list(prepared(package, options.images, options.count))
    if len(samples) < 2:
        print("two images are needed at least: one calibrates, one compares")
        return 1
    model = quantised(package, samples[::2])
    agreed = agreement(package, model, samples[1::2])
    print(write(package, model, agreed, options.out).folder)
    print(agreed.words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
