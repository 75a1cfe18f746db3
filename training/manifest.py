"""The manifest of a detector's package: operating points and self-test are measured."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from mammo_node.analyse.suppression import suppress
from mammo_node.phantom import CLUSTER, MASS
from training.measures.detect import MOST, NMS_IOU
from training.measures.session import open_model
from training.tables import plural
from training.tasks.detector import DetectorTask
from training.tasks.retina import RetinaTask

#: Both answer with boxes, scores and labels.
BoxTask = DetectorTask | RetinaTask
CONCEPTS = {
    MASS: ("129788004", "SCT", "Mammographic breast mass"),
    CLUSTER: ("129769006", "SCT", "Calcification Cluster"),
}
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
STATEMENT = (
    "Research software, not a medical device: trained on synthetic phantoms only and not validated"
    " clinically."
)
#: Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film).
SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7")


def write_manifest(
    name: str, task: BoxTask, model: Path, figures: dict[str, Any], version: str
) -> None:
    """Write model.toml beside `model`."""
    opsets = {entry.domain: entry.version for entry in onnx.load(str(model)).opset_import}
    opset = opsets.get("", opsets.get("ai.onnx"))
    what = " and ".join(plural(label) for label in task.labels)
    lines = [
        "format = 1",
        f'name = "{name}"',
        f'version = "{version}"',
        'family = "detector"',
        'licence = "Apache-2.0"',
        f'description = "Compact detector of {what}; trained on phantoms only"',
        f'sha256 = "{hashlib.sha256(model.read_bytes()).hexdigest()}"',
        f"opset = {opset}",
        "",
        "[intended]",
        "# Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film)",
        f"sop_classes = {json.dumps(SOP_CLASSES)}",
        'views = ["CC", "MLO"]',
        "vendors = []",
        f'statement = "{STATEMENT}"',
        *_input(task),
        *_output(task),
        *_points(task, figures),
        *_self_test(model, task, figures),
    ]
    (model.parent / "model.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _input(task: BoxTask) -> list[str]:
    lines = [
        "",
        "[input]",
        'name = "image"',
        f"channels = {json.dumps(task.channels)}",
        f"mm_per_pixel = {task.mm_per_pixel}",
        'crop = "breast"',
        'mirror = "left"',
        f"pad_multiple = {task.contract.multiple}",
        'interpolation = "area"',
        'voi = "none"',
    ]
    for channel in task.channels:
        values = task.parameters.get(channel, {})
        lines += ["", f"[input.{channel}]", *(f"{key} = {value}" for key, value in values.items())]
    return lines


def _output(task: BoxTask) -> list[str]:
    lines = [
        "",
        "[output]",
        'contract = "boxes+scores+labels"',
        'boxes = "boxes"',
        'scores = "scores"',
        'labels = "labels"',
        *(['heatmap = "heatmap"'] if "heatmap" in task.contract.outputs else []),
        f"nms_iou = {NMS_IOU}",
    ]
    for index, label in enumerate(task.labels):
        value, scheme, meaning = CONCEPTS[label]
        concept = f'{{ value = "{value}", scheme = "{scheme}", meaning = "{meaning}" }}'
        lines += ["", "[[label]]", f"index = {index}", f'name = "{label}"', f"concept = {concept}"]
    return lines


def _points(task: BoxTask, figures: dict[str, Any]) -> list[str]:
    data = (
        f"{figures['images']} held-out phantom images of {figures['patients']} phantoms, IoU >= 0.2"
    )
    lines = []
    for label in task.labels:
        for point, rate in POINTS:
            i = list(figures["rates"]).index(rate)
            lines += [
                "",
                "[[operating_point]]",
                f'name = "{point}"',
                f'label = "{label}"',
                f"threshold = {figures[label]['thresholds'][i]}",
                f"sensitivity = {figures[label]['iou'][i]}",
                f"false_positives_per_image = {rate}",
                f'data = "{data}"',
            ]
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
        boxes, scores, labels = _on_blob(session, size, scale, offset)
        expected: list[str] = []
        sure = True
        for index, (label, limit) in enumerate(zip(task.labels, limits, strict=True)):
            mine = labels == index
            sure &= not (np.abs(scores[mine] - limit) < SURE).any()
            above = np.flatnonzero(mine & (scores >= limit))
            for i in above[suppress(boxes[above], scores[above], NMS_IOU, MOST)]:
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
    session: onnxruntime.InferenceSession, size: int, scale: float, offset: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels = session.get_inputs()[0].shape[1]
    y, x = np.mgrid[:size, :size] + 0.5
    squared = (x - size / 2) ** 2 + (y - size / 2) ** 2
    blob = np.exp(-squared / (2 * (size / 16) ** 2)).astype(np.float32)
    blob = blob * np.float32(scale) + np.float32(offset)
    image = np.broadcast_to(blob, (1, channels, size, size)).astype(np.float32)
    boxes, scores, labels = session.run(["boxes", "scores", "labels"], {"image": image})
    return np.clip(boxes, 0, size), scores, labels
