"""The manifest of a detector's package: operating points and self-test are measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mammo_node.analyse.manifest.boxes import Flip
from training.manifests.parts import blob, head, input_table, intended, labels, point
from training.measures.detect import NMS_IOU, detect
from training.measures.session import open_model
from training.tables import plural, tells_looks
from training.tasks.detector import DetectorTask
from training.tasks.retina import RetinaTask

#: Both answer with boxes, scores and labels.
BoxTask = DetectorTask | RetinaTask
#: Name of an operating point and its false positives per image.
POINTS = (("default", 0.25), ("sensitive", 1.0))
#: Self-test inputs that are tried: size, scale and offset of a blob. A blob in all channels is no
#: breast, bright or dark: it shows that the arithmetic is right, not that the judgement is.
BLOBS = tuple(
    (size, scale, offset)
    for offset in (0.0, 0.2, 0.4)
    for scale in (0.8, 1.0, 0.6, 0.4, -0.4, -0.6)
    for size in (256, 320, 192, 128)
)
#: No candidate's score may lie this close to the threshold.
SURE = 0.03


def detector_manifest(
    name: str, task: BoxTask, model: Path, figures: dict[str, Any], version: str
) -> list[str]:
    """Return the lines of model.toml."""
    what = " and ".join(plural(label) for label in task.labels)
    return [
        *head(name, version, "detector", f"Compact detector of {what}", model),
        *intended(),
        *input_table(
            "image",
            task.channels,
            task.parameters,
            (f"mm_per_pixel = {task.mm_per_pixel}", f"pad_multiple = {task.contract.multiple}"),
        ),
        "",
        "[output]",
        'contract = "boxes+scores+labels"',
        'boxes = "boxes"',
        'scores = "scores"',
        'labels = "labels"',
        *(['heatmap = "heatmap"'] if "heatmap" in task.contract.outputs else []),
        # One that tells nothing is not read, though the graph has it.
        *(['suspicion = "suspicion"'] if tells_looks(figures) else []),
        f"nms_iou = {NMS_IOU}",
        *([f"flips = {json.dumps(task.flips)}"] if task.flips else []),
        *labels(task.labels),
        *_points(task, figures),
        *_self_test(model, task, figures),
    ]


def _points(task: BoxTask, figures: dict[str, Any]) -> list[str]:
    data = (
        f"{figures['images']} held-out phantom images of {figures['patients']} phantoms, IoU >= 0.2"
    )
    lines = []
    for label in task.labels:
        for name, rate in POINTS:
            i = list(figures["rates"]).index(rate)
            threshold, sensitivity = figures[label]["thresholds"][i], figures[label]["iou"][i]
            measured = {"sensitivity": sensitivity, "false_positives_per_image": rate}
            lines += point(name, label, threshold, data, measured)
    return lines


def _self_test(model: Path, task: BoxTask, figures: dict[str, Any]) -> list[str]:
    """Detect on a blob, as the node's self-test makes it: the first with a sure answer.

    A model that answers no blob expects nothing on one, which shows less; one that is sure of
    nothing at all gets no self-test.
    """
    session = open_model(model)
    limits = [figures[label]["thresholds"][0] for label in task.labels]
    nothing: list[str] = []
    for size, scale, offset in BLOBS:
        boxes, scores, labels = _on_blob(session, task.flips, size, scale, offset)
        expected: list[str] = []
        sure = True
        for index, (label, limit) in enumerate(zip(task.labels, limits, strict=True)):
            mine = labels == index
            sure &= not (np.abs(scores[mine] - limit) < SURE).any()
            above = np.flatnonzero(mine & (scores >= limit))
            for i in above:
                corners = ", ".join(f"{float(edge):.2f}" for edge in boxes[i])
                expected += ["", "[[self_test.expect]]", f'label = "{label}"', f"box = [{corners}]"]
                expected += [f"score = {float(scores[i]):.4f}"]
        lines = ["", "[self_test]", 'generated = "blob"', f"size = [{size}, {size}]"]
        lines += [f"scale = {scale}", f"offset = {offset}", "box_tolerance_px = 1.0"]
        lines += ["score_tolerance = 0.02", *expected]
        if sure and expected:
            return lines
        nothing = nothing or (lines if sure else [])
    return nothing


def _on_blob(
    session: onnxruntime.InferenceSession,
    flips: Sequence[Flip],
    size: int,
    scale: float,
    offset: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels = session.get_inputs()[0].shape[1]
    image = blob(channels, size, size) * np.float32(scale) + np.float32(offset)
    boxes, scores, labels, _ = detect(session, image, flips)
    return boxes, scores, labels
