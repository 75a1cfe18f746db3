"""What comparing the views of a breast does to findings, and whether places are right.

    .venv/bin/python bench/analyse/two_views.py VIEWS --models FOLDER [--detector lesion-detector]

VIEWS is a folder of phantom views that no model has seen, made by `python -m training.bank`;
FOLDER has the packages of the detector and of a landmark model. Printed are sensitivities for
masses at some numbers of false positives per image, with and without the comparison; how
far the model's nipple is from the true one; and how many quadrants, halves and clock faces of true
masses and clusters agree with where the phantom has them, with the model's nipple and the true one.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mammo_node.analyse.comparison import compare
from mammo_node.analyse.location import clock_of
from mammo_node.config import Comparison, Models, Worker
from mammo_node.engine import Engine
from mammo_node.evaluate.froc import Scored, froc
from mammo_node.examination import Subject, examine
from mammo_node.image.preprocess import NoBreastFound
from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.kinds import (
    ASYMMETRY,
    DISTORTION,
    FOCAL_ASYMMETRY,
    MASS,
    SUSPICIOUS_NODE,
)
from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    Finding,
    InstanceRef,
    Laterality,
    MammoImage,
    ModelRef,
    Orientation,
    Presentation,
    Quadrant,
    Spacing,
    SpacingOrigin,
    View,
    ViewResult,
)
from training.view import FINE_MM, UNKNOWN, Truth, load

RATES = (0.125, 0.25, 0.5, 1.0, 2.0)
#: Of the operating point's neighbourhood: fainter boxes matter to no threshold in use.
FLOOR = 0.12
#: What counts neither for nor against the detector, as `ignored` of its configuration says.
ASIDE = (DISTORTION, FOCAL_ASYMMETRY, ASYMMETRY, SUSPICIOUS_NODE)
TRUE = ModelRef("truth", "1", "0" * 64)
CONCEPT = CodedConcept("129788004", "SCT", "Mammographic breast mass")


@dataclass(frozen=True)
class Seen:
    """One view: what is there, and what was found."""

    truth: Truth
    result: ViewResult


def main() -> None:
    """Look at every view once, then compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("views", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--detector", default="lesion-detector")
    parser.add_argument("--landmarks", default="landmarks")
    parser.add_argument("--most", type=int, default=1000, help="look at so many views at most")
    asked = parser.parse_args()
    use = (asked.detector, asked.landmarks)
    models = Models(folder=asked.models, use=use, thresholds={"mass": FLOOR}, explain="none")
    engine = Engine.start(models, Worker(threads=1))
    paths = sorted(asked.views.glob("*.npz"))[: asked.most]
    breasts: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    for seen in filter(None, (look(path, engine) for path in paths)):
        breasts[seen.truth.seed, seen.truth.laterality].append(seen)
    whole = [pair for pair in breasts.values() if len(pair) == 2]
    print_nipples([seen for pair in whole for seen in pair])
    print(f"{len(whole)} breasts; sensitivity at {RATES} false positives per image")
    print("without comparison ", sensitivities(whole, None))
    print("with comparison    ", sensitivities(whole, Comparison()))
    print(
        "with the true nipple",
        sensitivities([[true_nipple(s) for s in p] for p in whole], Comparison()),
    )
    print("places, model's nipple", places(whole))
    print("places, true nipple   ", places([[true_nipple(s) for s in p] for p in whole]))


def look(path: Path, engine: Engine) -> Seen | None:
    """Run both models on one view; None where there is no breast to be found."""
    view = load(path)
    truth = view.truth
    spacing = Spacing(FINE_MM, FINE_MM, SpacingOrigin.IMAGER)
    image = MammoImage(
        ref=InstanceRef("1.2", path.stem, "1.2.3", "1.2.4", "0"),
        stored=np.asarray(view.fine).astype(np.uint16),
        padding=None,
        laterality=Laterality(truth.laterality),
        view=View(truth.view),
        orientation=Orientation(chest_wall_right=False),
        spacing=spacing,
        presentation=Presentation(bits_stored=8),
        manufacturer="",
    )
    subject = Subject(image)
    try:
        examined = [examine(subject, model, explain=False) for model in engine.loaded]
    except NoBreastFound:
        return None
    result = ViewResult(
        ref=image.ref,
        laterality=image.laterality,
        view=image.view,
        rows=image.shape[0],
        columns=image.shape[1],
        spacing=spacing,
        findings=tuple(found for one in examined for found in one.findings),
        landmarks=next(one.landmarks for one in examined if one.landmarks is not None),
        by=engine.models,
    )
    return Seen(truth, result)


def true_nipple(seen: Seen) -> Seen:
    """Return the same view, with its nipple in the right place."""
    marks = seen.result.landmarks
    assert marks is not None
    column, row = (value / FINE_MM for value in seen.truth.nipple_mm)
    return replace(
        seen, result=replace(seen.result, landmarks=replace(marks, nipple_px=(column, row)))
    )


def print_nipples(views: Sequence[Seen]) -> None:
    """How far off the nipples are, and how many are not told."""
    errors = []
    views = [seen for seen in views if seen.truth.nipple_mm[0] != UNKNOWN]
    for seen in views:
        marks = seen.result.landmarks
        if marks is not None and marks.nipple_px is not None:
            found = np.multiply(marks.nipple_px, FINE_MM)
            errors.append(float(np.hypot(*(found - seen.truth.nipple_mm))))
    quarters = np.percentile(errors, (50, 75, 90)).round(1)
    print(f"nipple: error {quarters} mm (50, 75, 90 %), not told {len(views) - len(errors)}")


def sensitivities(breasts: Iterable[Sequence[Seen]], settings: Comparison | None) -> list[float]:
    """Sensitivity for masses at each rate of false positives."""
    images = []
    for pair in breasts:
        results = [seen.result for seen in pair]
        views = results if settings is None else compare(results, {}, settings)[0]
        images += [judged(seen.truth, view) for seen, view in zip(pair, views, strict=True)]
    return [round(value, 3) for value in froc(images, rates=RATES).sensitivity]


def judged(truth: Truth, view: ViewResult) -> Scored:
    """Return what was found and what is there, in mm."""
    masses, aside = (
        [found.box_mm for found in truth.findings if found.kind in kinds]
        for kinds in ((MASS,), ASIDE)
    )
    found = [in_mm(one.box_px) for one in view.findings]
    boxes, masses, aside = (np.reshape(one, (-1, 4)) for one in (found, masses, aside))
    return Scored(boxes, np.array([one.score for one in view.findings]), masses, aside)


def in_mm(box: Box) -> tuple[float, float, float, float]:
    """x_min, y_min, x_max, y_max of a box in mm."""
    return box.x_min * FINE_MM, box.y_min * FINE_MM, box.x_max * FINE_MM, box.y_max * FINE_MM


def places(breasts: Iterable[Sequence[Seen]]) -> dict[str, int]:
    """Count what is said of true lesions' places; of each kind those that a breast has one of."""
    counts: Counter[str] = Counter()
    for pair in breasts:
        if any(seen.truth.nipple_mm[0] == UNKNOWN for seen in pair):
            continue  # it lies outside of the image: nobody knows what would be right
        cc, mlo = sorted(pair, key=lambda seen: seen.truth.view)
        for kind in ("mass", "calcification-cluster"):
            boxes = [
                [f.box_mm for f in seen.truth.findings if f.kind == kind] for seen in (cc, mlo)
            ]
            if all(len(found) == 1 for found in boxes):
                count(counts, (cc, mlo), (boxes[0][0], boxes[1][0]))
    return dict(sorted(counts.items()))


def count(counts: Counter[str], pair: tuple[Seen, Seen], boxes: Sequence[Sequence[float]]) -> None:
    """Place one lesion by the node's rules and add what came of it."""
    views = []
    for seen, box in zip(pair, boxes, strict=True):
        edges = Box(*(value / FINE_MM for value in box))
        found = Finding("mass", CONCEPT, 0.9, edges, None, None, TRUE)
        views.append(replace(seen.result, findings=(found,)))
    located, _ = compare(views, {}, Comparison())
    place = located[0].findings[0].location
    height, lateral = true_offsets(pair, boxes)
    if place is None or place.quadrant is None:
        counts["nothing said"] += 1
        return
    wrong = {"upper": height < 0, "lower": height > 0, "outer": lateral < 0, "inner": lateral > 0}
    words = place.quadrant.value.split()
    what = "central" if place.quadrant is Quadrant.CENTRAL else words[-1]
    counts[f"{what} {'wrong' if any(wrong.get(w, False) for w in words) else 'right'}"] += 1
    if place.clock is not None:
        true = clock_of(height, lateral, Laterality(pair[0].truth.laterality))
        apart = min((place.clock - true) % 12, (true - place.clock) % 12)
        counts[f"clock {apart} h off"] += 1


def true_offsets(pair: tuple[Seen, Seen], boxes: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Height over and distance lateral of the nipple, mm, by the phantom's own oblique angle."""
    truth = pair[0].truth
    rng = np.random.default_rng([truth.seed, 0x3A33])
    rng.uniform(18.0, 22.0)  # the tube's energy is drawn first
    breast = dict(zip("LR", draw_pair(rng), strict=True))[truth.laterality]
    up = [
        seen.truth.nipple_mm[1] - (box[1] + box[3]) / 2
        for seen, box in zip(pair, boxes, strict=True)
    ]
    angle = math.radians(breast.oblique_deg)
    return (up[1] - up[0] * math.sin(angle)) / math.cos(angle), up[0]


if __name__ == "__main__":
    main()
