"""Measure an exported detector, and the blob bar, on held-out phantoms.

python -m training.bank --out build/held-out --first-seed 900000 --studies 50 \
        --pitch 0.1 --counts 2 1
python -m training.evaluate --model model.onnx --held-out build/held-out --out figures.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mammo_node.analyse.suppression import suppress
from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.blobs import find_blobs
from mammo_node.evaluate.froc import RATES, Froc, Scored, events, froc, sensitivities
from mammo_node.evaluate.matching import Criterion
from training.bank import INPUT, LABELS, BankedView, load, restore

NMS_IOU = 0.2


def detect(
    session: onnxruntime.InferenceSession, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, scores and labels of one (3, rows, columns) float32 image, overlaps suppressed."""
    # A model without the later recipes takes the first channels only.
    channels = session.get_inputs()[0].shape[1]
    inputs = {"image": image[None, :channels]}
    boxes, scores, labels = session.run(["boxes", "scores", "labels"], inputs)
    kept = []
    for label in range(len(LABELS)):
        index = np.flatnonzero((labels == label) & (scores > 0.005))
        kept.extend(index[suppress(boxes[index], scores[index], NMS_IOU, len(index))])
    order = np.asarray(sorted(kept, key=lambda i: -scores[i]), dtype=np.int64)
    return boxes[order], scores[order], labels[order]


def padded(image: np.ndarray, multiple: int = 32) -> np.ndarray:
    """Zero padding at the right and below, as preprocessing does."""
    rows, columns = (-(-n // multiple) * multiple for n in image.shape[1:])
    out = np.zeros((image.shape[0], rows, columns), dtype=np.float32)
    out[:, : image.shape[1], : image.shape[2]] = image
    return out


def score_views(
    session: onnxruntime.InferenceSession, views: Sequence[BankedView]
) -> dict[str, list[Scored]]:
    """Detect on every view, by label; the blob detector goes under "blobs"."""
    found: dict[str, list[Scored]] = {name: [] for name in (*LABELS, "blobs")}
    for view in views:
        image = restore(view.image)
        boxes, scores, labels = detect(session, padded(image))
        for i, name in enumerate(LABELS):
            mine = labels == i
            truth = view.boxes[view.labels == i]
            found[name].append(Scored(boxes[mine], scores[mine], truth))
        blobs, strength = find_blobs(image[0], view.mask, float(INPUT.mm_per_pixel or 0.3))
        keep = suppress(blobs, strength, NMS_IOU, len(blobs))
        found["blobs"].append(Scored(blobs[keep], strength[keep], view.boxes[view.labels == 0]))
    return found


def interval(
    images: Sequence[Scored], patients: Sequence[str], rates: Sequence[float] = RATES
) -> list[tuple[float, float]]:
    """95 % bootstrap intervals of the sensitivities (IoU criterion), resampling patients."""
    found = events(images, Criterion.IOU)
    low, high = bootstrap.interval(lambda w: sensitivities(found, rates, w), patients)
    return [(round(float(a), 3), round(float(b), 3)) for a, b in zip(low, high, strict=True)]


def measure(model: Path, folder: Path) -> dict[str, Any]:
    """All figures that the card shows."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    paths = [p for p in sorted(folder.glob("*.npz")) if ".part" not in p.name]
    views = [load(path) for path in paths]
    begun = time.perf_counter()
    found = score_views(session, views)
    seconds = time.perf_counter() - begun
    patients = [path.name.split("-")[0] for path in paths]
    looks = [path.stem.split("-")[-1] for path in paths]
    figures: dict[str, Any] = {
        "images": len(views),
        "patients": len(set(patients)),
        "seconds_per_image": round(seconds / max(len(views), 1), 3),
        "rates": RATES,
    }
    for name, images in found.items():
        figures[name] = _table(froc(images), froc(images, criterion=Criterion.CENTRE))
        figures[name]["interval_iou"] = interval(images, patients)
        for look in sorted(set(looks)):
            part = [x for x, y in zip(images, looks, strict=True) if y == look]
            figures[name][f"iou_{look}"] = _rounded(froc(part).sensitivity)
    return figures


def _table(by_iou: Froc, by_centre: Froc) -> dict[str, Any]:
    return {
        "lesions": by_iou.lesions,
        "iou": _rounded(by_iou.sensitivity),
        "centre": _rounded(by_centre.sensitivity),
        "thresholds": [round(t, 4) for t in by_iou.thresholds],
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(v), 3) for v in values]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = json.dumps(measure(options.model, options.held_out), indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
