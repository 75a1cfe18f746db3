"""Make a model package from an exported detector: manifest, self-test and model card.

    python -m training.card --model model.onnx --figures figures.json --run run.json \
        --package mammo_node/models/lesion-detector --version 0.1.0

Every number in the card and the manifest is read from the files that the commands above it wrote.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from mammo_node.analyse.suppression import suppress
from mammo_node.phantom import CLUSTER, MASS
from training.bank import INPUT, LABELS
from training.evaluate import NMS_IOU

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


def write_package(
    model: Path, figures: dict[str, Any], run: dict[str, Any], folder: Path, version: str
) -> None:
    """Write `model.onnx`, `model.toml` and `README.md` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "model.onnx"
    if model.resolve() != target.resolve():
        shutil.copyfile(model, target)
    graph = onnx.load(str(target))
    channels = graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    opset = next(o.version for o in graph.opset_import if o.domain in {"", "ai.onnx"})
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    labels = [name for name in LABELS if name in figures["labels"]]
    manifest = _manifest(version, digest, opset, list(INPUT.channels[:channels]), labels, figures)
    manifest += _self_test(target, labels, figures)
    (folder / "model.toml").write_text(manifest, encoding="utf-8")
    size = target.stat().st_size
    (folder / "README.md").write_text(_card(version, figures, run, labels, size), encoding="utf-8")


def _manifest(
    version: str,
    digest: str,
    opset: int,
    channels: list[str],
    labels: list[str],
    figures: dict[str, Any],
) -> str:
    what = " and ".join(_plural(name) for name in labels)
    lines = [
        "format = 1",
        'name = "lesion-detector"',
        f'version = "{version}"',
        'family = "detector"',
        'licence = "Apache-2.0"',
        f'description = "Compact detector of {what}; trained on phantoms only"',
        f'sha256 = "{digest}"',
        f"opset = {opset}",
        "",
        "[intended]",
        "# Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film)",
        'sop_classes = ["1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7"]',
        'views = ["CC", "MLO"]',
        "vendors = []",
        f'statement = "{STATEMENT}"',
        "",
        "[input]",
        f'name = "{INPUT.name}"',
        f"channels = {json.dumps(channels)}",
        f"mm_per_pixel = {INPUT.mm_per_pixel}",
        f'crop = "{INPUT.crop}"',
        f'mirror = "{INPUT.mirror}"',
        f"pad_multiple = {INPUT.pad_multiple}",
        f'interpolation = "{INPUT.interpolation}"',
        'voi = "none"',
    ]
    for channel in channels:
        lines += ["", f"[input.{channel}]"]
        lines += [f"{key} = {value}" for key, value in INPUT.parameters[channel].items()]
    lines += [
        "",
        "[output]",
        'contract = "boxes+scores+labels"',
        'boxes = "boxes"',
        'scores = "scores"',
        'labels = "labels"',
        f"nms_iou = {NMS_IOU}",
    ]
    for name in labels:
        value, scheme, meaning = CONCEPTS[name]
        lines += [
            "",
            "[[label]]",
            f"index = {LABELS.index(name)}",
            f'name = "{name}"',
            f'concept = {{ value = "{value}", scheme = "{scheme}", meaning = "{meaning}" }}',
        ]
    for name in labels:
        for point, rate in POINTS:
            i = list(figures["rates"]).index(rate)
            lines += [
                "",
                "[[operating_point]]",
                f'name = "{point}"',
                f'label = "{name}"',
                f"threshold = {figures[name]['thresholds'][i]}",
                f"sensitivity = {figures[name]['iou'][i]}",
                f"false_positives_per_image = {rate}",
                f'data = "{_data(figures)}"',
            ]
    return "\n".join(lines) + "\n"


def _data(figures: dict[str, Any]) -> str:
    return (
        f"{figures['images']} held-out phantom images of {figures['patients']} phantoms, IoU >= 0.2"
    )


def _self_test(model: Path, labels: list[str], figures: dict[str, Any]) -> str:
    """Detect on a blob, as the node's self-test makes it; the first blob with a sure answer."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    for size, scale, offset in BLOBS:
        boxes, scores, indices = _on_blob(session, size, scale, offset)
        lines = ["", "[self_test]", 'generated = "blob"', f"size = [{size}, {size}]"]
        lines += [f"scale = {scale}", f"offset = {offset}"]
        lines += ["box_tolerance_px = 1.0", "score_tolerance = 0.02"]
        found, sure = 0, True
        for name in labels:
            limit = figures[name]["thresholds"][0]
            mine = indices == LABELS.index(name)
            sure &= not (np.abs(scores[mine] - limit) < SURE).any()
            above = np.flatnonzero(mine & (scores >= limit))
            for i in above[suppress(boxes[above], scores[above], NMS_IOU, len(above))]:
                corners = ", ".join(f"{float(edge):.2f}" for edge in boxes[i])
                lines += ["", "[[self_test.expect]]", f'label = "{name}"', f"box = [{corners}]"]
                lines += [f"score = {float(scores[i]):.4f}"]
                found += 1
        if found and sure:
            return "\n".join(lines) + "\n"
    raise SystemExit("no blob gives a sure detection: the self-test needs another input")


def _on_blob(
    session: onnxruntime.InferenceSession, size: int, scale: float, offset: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels = session.get_inputs()[0].shape[1]
    y, x = np.mgrid[:size, :size] + 0.5
    squared = (x - size / 2) ** 2 + (y - size / 2) ** 2
    blob = np.exp(-squared / (2 * (size / 16) ** 2)).astype(np.float32)
    blob = blob * np.float32(scale) + np.float32(offset)
    image = np.broadcast_to(blob, (1, channels, size, size)).astype(np.float32)
    boxes, scores, indices = session.run(["boxes", "scores", "labels"], {"image": image})
    return np.clip(boxes, 0, size), scores, indices


def _plural(name: str) -> str:
    return {MASS: "masses", CLUSTER: "calcification clusters"}[name]


def _card(
    version: str, figures: dict[str, Any], run: dict[str, Any], labels: list[str], size: int
) -> str:
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    return template.format(
        version=version,
        labels=", ".join(f"`{name}`" for name in labels),
        table=_table(figures, labels),
        megabytes=f"{size / 1e6:.1f}",
        images=figures["images"],
        patients=figures["patients"],
        mm=INPUT.mm_per_pixel,
        parameters=run["parameters"],
        steps=run["steps_done"],
        minutes=round(run["seconds"] / 60),
        views=run["views"],
        notes=figures.get("notes", ""),
        history=figures.get("history", ""),
        clusters=_clusters(figures, labels),
    )


def _table(figures: dict[str, Any], labels: list[str]) -> str:
    head = " | ".join(f"{rate:g}" for rate in figures["rates"])
    lines = [
        f"| false positives per image | {head} |",
        "| --- |" + " --- |" * len(figures["rates"]),
    ]
    rows = [(f"{_plural(n)}, IoU >= 0.2", figures[n]["iou"]) for n in labels]
    rows += [(f"{_plural(n)}, centre in box", figures[n]["centre"]) for n in labels]
    for name in labels:
        span = [f"{a:.2f}-{b:.2f}" for a, b in figures[name]["interval_iou"]]
        lines_name = f"{_plural(name)}, 95 % interval by patient (IoU)"
        rows.append((lines_name, span))
        rows += [
            (f"{_plural(name)}, {key[4:]} look (IoU)", value)
            for key, value in figures[name].items()
            if key.startswith("iou_")
        ]
    rows.append(("blob bar on masses, IoU >= 0.2", figures["blobs"]["iou"]))
    rows.append(("blob bar on masses, centre in box", figures["blobs"]["centre"]))
    for name, values in rows:
        cells = " | ".join(v if isinstance(v, str) else f"{v:.2f}" for v in values)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def _clusters(figures: dict[str, Any], labels: list[str]) -> str:
    if CLUSTER in labels:
        return (
            "Clusters are found through the `specks` channel, which keeps the brightest fine detail"
            " under each 0.3 mm pixel; the pixels themselves are too coarse. On images with a pixel"
            " pitch above 0.12 mm that channel is weak, and clusters will be missed."
        )
    cells = ", ".join(f"{value:.2f}" for value in figures[CLUSTER]["iou"])
    return (
        "**Calcification clusters are not detected.** The network was also trained on them, through"
        f" the `specks` channel, and reached {cells} at the same rates: too little to be useful, so"
        " the exported file does not have this label. They need finer pixels."
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--labels", nargs="+", default=list(LABELS), choices=LABELS)
    parser.add_argument("--notes", type=Path, help="text on real images, for the card")
    parser.add_argument("--history", type=Path, help="what was special about this run")
    options = parser.parse_args()
    figures = json.loads(options.figures.read_text(encoding="utf-8"))
    figures["labels"] = options.labels
    if options.notes:
        figures["notes"] = options.notes.read_text(encoding="utf-8").strip()
    if options.history:
        figures["history"] = options.history.read_text(encoding="utf-8").strip() + "\n"
    run = json.loads(options.run.read_text(encoding="utf-8"))
    write_package(options.model, figures, run, options.package, options.version)


if __name__ == "__main__":
    main()
