"""Sensitivity of a detector at fixed false-positive rates, beside the blob bar."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mammo_node.analyse.flips import FAINT, mean_boxes, turned, turned_boxes
from mammo_node.analyse.manifest.boxes import Flip
from mammo_node.analyse.overlap import iou
from mammo_node.analyse.package import load_package
from mammo_node.analyse.suppression import suppress
from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.blobs import find_blobs
from mammo_node.evaluate.froc import RATES, Froc, Scored, events, froc, sensitivities
from mammo_node.evaluate.matching import Criterion
from mammo_node.evaluate.roc import auc
from mammo_node.image.preprocess import NoBreastFound, Prepared, prepare
from mammo_node.phantom import MASS
from mammo_node.vocabulary import Box, InputSpec, Orientation
from training.contract import Contract
from training.raw import RawView

NMS_IOU = 0.2
MOST = 100
#: The blob bar is found on the channel "global" at this pitch.
BAR_MM = 0.3


def spec_of_task(
    channels: tuple[str, ...], parameters: dict[str, Any], mm: float, contract: Contract
) -> InputSpec:
    """Input as the task's network wants it."""
    return InputSpec(
        name="image",
        channels=channels,
        mm_per_pixel=mm,
        pad_multiple=contract.multiple,
        parameters={name: parameters[name] for name in channels if name in parameters},
    )


def spec_of_package(folder: Path) -> InputSpec:
    """Input as the package's manifest wants it."""
    return load_package(folder).input_spec


def measure_detector(
    model: Path,
    spec: InputSpec,
    labels: tuple[str, ...],
    ignored: tuple[str, ...],
    views: Iterable[RawView],
    flips: Sequence[Flip] = (),
) -> dict[str, Any]:
    """FROC of every label by both criteria, by look, with intervals; of blobs too, for masses."""
    from training.measures.session import open_model  # noqa: PLC0415

    session = open_model(model)
    found: dict[str, list[Scored]] = {name: [] for name in labels}
    bar: list[Scored] = []
    suspicion: list[tuple[float, bool]] = []
    patients, looks, seconds = [], [], 0.0
    for view in views:
        patients.append(view.patient)
        looks.append(view.look)
        try:
            made = prepared(view, spec)
        except NoBreastFound:
            _miss(view, found, bar)
            continue
        begun = time.perf_counter()
        boxes, scores, kinds, doubt = detect(session, made.tensor, flips)
        seconds += time.perf_counter() - begun
        others = _to_model(view.boxes(ignored), made)
        for index, name in enumerate(labels):
            mine = kinds == index
            truth = _to_model(view.boxes((name,)), made)
            found[name].append(Scored(boxes[mine], scores[mine], truth, others))
        suspicion += _suspicions(view, labels, made, boxes, doubt)
        if MASS in labels:
            bar.append(_blobs(view, ignored))
    figures: dict[str, Any] = {
        "images": len(looks),
        "patients": len(set(patients)),
        "seconds_per_image": round(seconds / max(len(looks), 1), 3),
        "rates": RATES,
        "labels": list(labels),
    }
    tables = {**found, "blobs": bar} if bar else found
    for name, images in tables.items():
        figures[name] = _table(images, patients, looks)
    if suspicion:
        values, truth = np.asarray([v for v, _ in suspicion]), np.asarray([m for _, m in suspicion])
        figures["suspicion_auc"] = round(auc(values, truth), 3)
        figures["suspicion_lesions"] = len(values)
    return figures


def measure_package(
    folder: Path, views: Iterable[RawView], flips: Sequence[Flip] | None = None
) -> dict[str, Any]:
    """Figures of a packaged detector; with the flips that it has, unless others are given."""
    manifest = tomllib.loads((folder / "model.toml").read_text())
    labels = tuple(table["name"] for table in manifest["label"])
    wanted = manifest["output"].get("flips", ()) if flips is None else flips
    spec = spec_of_package(folder)
    return measure_detector(folder / "model.onnx", spec, labels, (), views, wanted)


def _miss(view: RawView, found: dict[str, list[Scored]], bar: list[Scored]) -> None:
    """All lesions of an image in which no breast was found are missed."""
    for name, images in found.items():
        images.append(Scored(np.zeros((0, 4)), np.zeros(0), view.boxes((name,))))
    if MASS in found:
        bar.append(Scored(np.zeros((0, 4)), np.zeros(0), view.boxes((MASS,))))


def prepared(view: RawView, spec: InputSpec) -> Prepared:
    """Prepare a held-out image as the node does."""
    spacing = (view.pitch_mm, view.pitch_mm)
    upright = Orientation(view.laterality == "R")
    return prepare(view.pixels.astype(np.float32), spacing, upright, spec)


def detect(
    session: onnxruntime.InferenceSession, tensor: np.ndarray, flips: Sequence[Flip] = ()
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, scores, labels and suspicion (nan without that output), overlaps suppressed.

    With `flips` scores, boxes and suspicion are the means over the image and the image turned over.
    """
    shape = (tensor.shape[2], tensor.shape[3])
    runs = [_run(session, tensor)]
    for flip in flips:
        boxes, *rest = _run(session, turned(tensor, flip))
        runs.append((turned_boxes(boxes, flip, shape), *rest))
    boxes, scores, labels, doubt = (np.concatenate(part) for part in zip(*runs, strict=True))
    if flips:
        for label in np.unique(labels):
            mine = [
                (np.column_stack([b, d])[kind == label], s[kind == label]) for b, s, kind, d in runs
            ]
            means, scores[labels == label] = mean_boxes(mine)
            boxes[labels == label], doubt[labels == label] = means[:, :4], means[:, 4]
    kept = _kept(boxes, scores, labels)
    return boxes[kept], scores[kept], labels[kept], doubt[kept]


def _run(
    session: onnxruntime.InferenceSession, tensor: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    boxes, scores, labels, *rest = session.run(names, {"image": tensor})
    doubt = rest[0] if rest else np.full(scores.shape, np.nan, dtype=np.float32)
    # As the node does: a box ends where the image does.
    rows, columns = tensor.shape[2:]
    boxes = np.clip(boxes, 0, np.array([columns, rows] * 2, dtype=np.float32))
    kept = _kept(boxes, scores, labels)
    return boxes[kept], scores[kept], labels[kept], doubt[kept]


def _kept(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices of what stays of each label, by falling score."""
    kept: list[int] = []
    for label in np.unique(labels):
        index = np.flatnonzero((labels == label) & (scores > FAINT))
        kept += list(index[suppress(boxes[index], scores[index], NMS_IOU, MOST)])
    return np.asarray(sorted(kept, key=lambda i: -scores[i]), dtype=np.int64)


def _to_model(boxes: np.ndarray, made: Prepared) -> np.ndarray:
    moved = [made.transform.box_to_model(Box(*box)) for box in boxes]
    return np.asarray([(b.x_min, b.y_min, b.x_max, b.y_max) for b in moved]).reshape(-1, 4)


def _suspicions(
    view: RawView, labels: tuple[str, ...], made: Prepared, boxes: np.ndarray, doubt: np.ndarray
) -> list[tuple[float, bool]]:
    """Suspicion of the best detection on each lesion that has one, and whether it is malignant."""
    if not len(boxes) or np.isnan(doubt).any():
        return []
    pairs = []
    for kind, malignant, box in view.findings:
        if kind in labels:
            on = np.flatnonzero(iou(boxes, _to_model(np.asarray([box]), made))[:, 0] >= NMS_IOU)
            pairs += [(float(doubt[on[0]]), malignant)] if len(on) else []
    return pairs


def _blobs(view: RawView, ignored: tuple[str, ...]) -> Scored:
    spec = InputSpec(name="image", channels=("global",), mm_per_pixel=BAR_MM)
    made = prepared(view, spec)
    boxes, scores = find_blobs(made.tensor[0, 0], made.mask, BAR_MM)
    keep = suppress(boxes, scores, NMS_IOU, MOST)
    truth, others = (_to_model(view.boxes(kinds), made) for kinds in ((MASS,), ignored))
    return Scored(boxes[keep], scores[keep], truth, others)


def _table(images: Sequence[Scored], patients: list[str], looks: list[str]) -> dict[str, Any]:
    by_iou, by_centre = (froc(images, criterion=c) for c in (Criterion.IOU, Criterion.CENTRE))
    found = events(images, Criterion.IOU)
    low, high = bootstrap.interval(lambda w: sensitivities(found, RATES, w), patients)
    table = {
        "lesions": by_iou.lesions,
        "iou": _rounded(by_iou),
        "centre": _rounded(by_centre),
        "thresholds": [round(t, 4) for t in by_iou.thresholds],
        "interval_iou": [
            (round(float(a), 3), round(float(b), 3)) for a, b in zip(low, high, strict=True)
        ],
    }
    for look in sorted(set(looks)):
        part = [image for image, other in zip(images, looks, strict=True) if other == look]
        table[f"iou_{look}"] = _rounded(froc(part))
    return table


def _rounded(figures: Froc) -> list[float]:
    return [round(float(value), 3) for value in figures.sensitivity]
