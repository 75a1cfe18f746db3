"""The section on boxes: FROC of each label, also by vendor, density and size of the lesion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mammo_node.evaluate.calibration import reliability
from mammo_node.evaluate.froc import (
    Events,
    Scored,
    curve,
    events,
    operating_point,
    read_off,
    sensitivities,
)
from mammo_node.evaluate.labels import kin
from mammo_node.evaluate.matching import Criterion, FloatArray
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.evaluate.roc import BoolArray
from mammo_node.evaluate.settings import Section, Settings
from mammo_node.vocabulary import Box

SIZES_MM: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "under 10 mm": (0.0, 10.0),
        "10 to 20 mm": (10.0, 20.0),
        "20 mm and over": (20.0, float("inf")),
    }
)
"""Classes of a lesion's longer side."""

CURVE_POINTS = 200
CURVE_END = 10.0
"""Curves are told up to so many false positives per image."""

Pair = tuple[ImageRecord, Prediction]


@dataclass(frozen=True, slots=True)
class Boxes:
    """One label's boxes in the images in which the label can be judged, and whose they are."""

    images: tuple[Scored, ...]
    patients: tuple[str, ...]


def judgeable(pairs: Iterable[Pair], label: str) -> list[Pair]:
    """Return the images that can tell about a label's boxes.

    That is: analysed, annotated for it, and every such finding has a box.
    """
    return [
        (record, prediction)
        for record, prediction in pairs
        if prediction.refusal is None
        and label in record.annotated
        and all(finding.box_px is not None for finding in record.of_label(label))
    ]


def boxes_of(
    pairs: Iterable[Pair],
    label: str,
    wanted: Callable[[TrueFinding, Prediction], bool] = lambda *_: True,
) -> Boxes:
    """Return a label's boxes; true ones that are not wanted count neither way."""
    images, patients = [], []
    alike = kin(label)
    for record, prediction in judgeable(pairs, label):
        mine = [box for box in prediction.boxes if box.label == label]
        lesions = record.of_label(label)
        targets = [finding for finding in lesions if wanted(finding, prediction)]
        others = [finding for finding in lesions if not wanted(finding, prediction)]
        others += [finding for finding in record.findings if finding.label in alike]
        images.append(
            Scored(
                boxes=edges(box.box_px for box in mine),
                scores=np.asarray([box.score for box in mine], dtype=np.float64),
                truth=edges(finding.box_px for finding in targets),
                ignored=edges(finding.box_px for finding in others),
            )
        )
        patients.append(record.patient)
    return Boxes(tuple(images), tuple(patients))


def detection(pairs: Sequence[Pair], label: str, settings: Settings) -> Section | None:
    """Everything about a label's boxes, or None where no image has a lesion to find."""
    boxes = boxes_of(pairs, label)
    by_overlap = events(boxes.images, Criterion.IOU)
    if not by_overlap.lesions.any():
        return None
    threshold = settings.threshold(label)
    sensitivity, rate = operating_point(by_overlap, threshold)
    return {
        "lesions": int(by_overlap.lesions.sum()),
        "images": len(boxes.images),
        "froc": {c.value: _froc(boxes, c, settings) for c in Criterion},
        "operating_point": {
            "threshold": threshold,
            "sensitivity": sensitivity,
            "false_positives_per_image": rate,
        },
        "calibration": _calibration(by_overlap),
        "by": _breakdowns(pairs, label, settings),
    }


def size_mm(finding: TrueFinding, spacing_mm: tuple[float, float] | None) -> float | None:
    """Return the longer side of a finding's box, None where pitch or box are not known."""
    if finding.box_px is None or spacing_mm is None:
        return None
    return max(finding.box_px.height * spacing_mm[0], finding.box_px.width * spacing_mm[1])


def edges(boxes: Iterable[Box | None]) -> FloatArray:
    """Return x_min, y_min, x_max, y_max of boxes, (N, 4)."""
    rows = [(b.x_min, b.y_min, b.x_max, b.y_max) for b in boxes if b is not None]
    return np.asarray(rows, dtype=np.float64).reshape(-1, 4)


def _froc(boxes: Boxes, criterion: Criterion, settings: Settings) -> Section:
    found = events(boxes.images, criterion)
    result = read_off(found, settings.rates)
    low, high = settings.interval(
        lambda weights: sensitivities(found, settings.rates, weights), boxes.patients
    )
    return {
        "rates": list(result.rates),
        "sensitivity": list(result.sensitivity),
        "low": low.tolist(),
        "high": high.tolist(),
        "thresholds": list(result.thresholds),
        "reached": result.reached,
        "curve": _curve(found),
    }


def _curve(found: Events) -> Section:
    rate, sensitivity = curve(found)
    shown = rate <= CURVE_END
    rate, sensitivity = rate[shown], sensitivity[shown]
    chosen = np.unique(np.linspace(0, len(rate) - 1, CURVE_POINTS).astype(int))
    return {"rate": rate[chosen].tolist(), "sensitivity": sensitivity[chosen].tolist()}


def _calibration(found: Events) -> Section:
    """How often a box of a score hits; scores above 1 are no probabilities, and are not judged."""
    scores = np.concatenate([found.hit_scores, found.false_scores])
    if not len(scores) or scores.max() > 1:
        return {}
    outcomes = np.arange(len(scores)) < len(found.hit_scores)
    return reliability_section(scores, outcomes)


def reliability_section(scores: FloatArray, outcomes: BoolArray) -> Section:
    """Return a reliability curve with its expected calibration error."""
    bins = reliability(scores, outcomes)
    return {
        "score": bins.score.tolist(),
        "frequency": bins.frequency.tolist(),
        "count": bins.count.tolist(),
        "ece": bins.ece,
    }


def _breakdowns(pairs: Sequence[Pair], label: str, settings: Settings) -> Section:
    by_vendor = grouped(pairs, lambda record: record.vendor)
    by_density = grouped(pairs, lambda record: record.density)
    return {
        "vendor": {name: _part(boxes_of(g, label), settings) for name, g in by_vendor.items()},
        "density": {name: _part(boxes_of(g, label), settings) for name, g in by_density.items()},
        "size": {
            name: _part(boxes_of(pairs, label, _sized(*ends)), settings)
            for name, ends in SIZES_MM.items()
        },
    }


def grouped(
    pairs: Sequence[Pair], key: Callable[[ImageRecord], str | None]
) -> dict[str, list[Pair]]:
    """Part images by a property of theirs, in order of its names."""
    groups: dict[str, list[Pair]] = {}
    for record, prediction in pairs:
        groups.setdefault(key(record) or "not known", []).append((record, prediction))
    return {name: groups[name] for name in sorted(groups)}


def _sized(least: float, limit: float) -> Callable[[TrueFinding, Prediction], bool]:
    def wanted(finding: TrueFinding, prediction: Prediction) -> bool:
        size = size_mm(finding, prediction.spacing_mm)
        return size is not None and least <= size < limit

    return wanted


def _part(boxes: Boxes, settings: Settings) -> Section:
    found = events(boxes.images, Criterion.IOU)
    rates = settings.rates
    section: Section = {"images": len(boxes.images), "lesions": int(found.lesions.sum())}
    if found.lesions.any():
        low, high = settings.interval(lambda w: sensitivities(found, rates, w), boxes.patients)
        section["sensitivity"] = sensitivities(found, rates).tolist()
        section["low"], section["high"] = low.tolist(), high.tolist()
    return section
