"""The tables of the model cards."""

from __future__ import annotations

from typing import Any

from mammo_node.phantom import CLUSTER, MASS
from training.pair_source import CATEGORIES
from training.task import Task
from training.tasks.detector import DetectorTask
from training.tasks.patches import PatchTask
from training.tasks.retina import RetinaTask

#: Below this area under the ROC curve an answer is of no use, and the card says so.
USEFUL_AUC = 0.65
#: The int8 variant may be used when no sensitivity falls by more than this.
INT8_LOSS = 0.01
Figures = dict[str, Any]


def plural(name: str) -> str:
    """Name of a label in sentences."""
    return {MASS: "masses", CLUSTER: "calcification clusters"}.get(name, name)


def figures_of(task: Task, figures: Figures, small: Figures | None) -> str:
    """Figures of a model of any kind, fp32 and int8 side by side where there are both."""
    if isinstance(task, DetectorTask | RetinaTask):
        return _detector(figures, small)
    if isinstance(task, PatchTask):
        return _patches(figures, small)
    if "confusion" in figures:
        return _density(figures, small)
    return _landmarks(figures, small)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(name: str, values: list[float]) -> list[str]:
    return [name, *(f"{value:.2f}" for value in values)]


def _detector(figures: Figures, small: Figures | None) -> str:
    rows = []
    for label in figures["labels"]:
        mine, what = figures[label], plural(label)
        rows.append(_row(f"{what}, IoU >= 0.2", mine["iou"]))
        if small:
            rows.append(_row(f"{what}, IoU >= 0.2, int8", small[label]["iou"]))
        rows.append(_row(f"{what}, centre in box", mine["centre"]))
        if small:
            rows.append(_row(f"{what}, centre in box, int8", small[label]["centre"]))
        span = [f"{low:.2f}-{high:.2f}" for low, high in mine["interval_iou"]]
        rows.append([f"{what}, 95 % interval by patient (IoU)", *span])
        looks = [key for key in mine if key.startswith("iou_")]
        rows += [_row(f"{what}, {key[4:]} look (IoU)", mine[key]) for key in looks]
    if "blobs" in figures:
        rows.append(_row("blob bar on masses, IoU >= 0.2", figures["blobs"]["iou"]))
        rows.append(_row("blob bar on masses, centre in box", figures["blobs"]["centre"]))
    head = ["sensitivity at false positives per image", *(f"{r:g}" for r in figures["rates"])]
    speed = f"One image takes {figures['seconds_per_image']:.2f} s on one thread"
    speed += f" ({small['seconds_per_image']:.2f} s in int8)." if small else "."
    parts = [_table(head, rows), speed + " " + _suspicion(figures)]
    if small:
        holds = int8_holds(figures, small)
        parts.append(
            f"The int8 variant {'holds' if holds else 'does not hold'} every sensitivity to within"
            f" {INT8_LOSS:g}{'; the package has the full one' if holds else ', so it is not used'}."
        )
    if "blobs" in figures:
        parts.append(
            "The blob bar is a difference-of-Gaussians blob detector without any training\n"
            "(`mammo_node/evaluate/blobs.py`): it shows how hard the phantoms are."
        )
    parts.append(
        "The thresholds of the operating points in `model.toml` were read off the same images, so\n"
        "the sensitivities at them are slightly optimistic."
    )
    return "\n\n".join(parts)


def int8_holds(figures: Figures, small: Figures) -> bool:
    """Whether the int8 variant loses at most `INT8_LOSS` of every sensitivity."""
    return all(
        b >= a - INT8_LOSS - 1e-9
        for label in figures["labels"]
        for a, b in zip(figures[label]["iou"], small[label]["iou"], strict=True)
    )


def tells_looks(figures: Figures) -> bool:
    """Whether a detector's suspicion tells malignant-looking lesions well enough to be of use."""
    return bool(figures.get("suspicion_auc", 0.0) >= USEFUL_AUC)


def _suspicion(figures: Figures) -> str:
    if "suspicion_auc" not in figures:
        return ""
    area = figures["suspicion_auc"]
    text = (
        "Suspicion tells malignant-looking\nfrom benign-looking lesions with an ROC AUC of"
        f" {area:.2f} ({figures['suspicion_lesions']} lesions that have a box)"
    )
    return text + ("." if tells_looks(figures) else ": too little to be of use.")


def _patches(figures: Figures, small: Figures | None) -> str:
    head = ["label", "patches with it", "ROC AUC", "F1", "95 % interval by patient"]
    head += ["F1, int8"] if small else []
    rows = []
    for i, label in enumerate(figures["labels"]):
        area = figures["auc"][i]
        row = [label, str(figures["support"][i]), "-" if area is None else f"{area:.3f}"]
        row += [f"{figures['f1'][i]:.2f}", _span(figures["interval_f1"][i])]
        rows.append(row + ([f"{small['f1'][i]:.2f}"] if small else []))
    total = ["weighted", str(sum(figures["support"])), "", f"{figures['weighted_f1']:.2f}"]
    total.append(_span(figures["interval_weighted_f1"]))
    rows.append(total + ([f"{small['weighted_f1']:.2f}"] if small else []))
    text = _table(head, rows) + "\n\nThresholds were read off other patches of the same phantoms."
    return text + (_images(figures) if "image_auc" in figures else "")


def _images(figures: Figures) -> str:
    """Tell what is said of whole images, by the windows that the node's rule picks."""
    rows = [
        [str(limit[key]) for key in ("category", "threshold", "sensitivity", "specificity")]
        for limit in figures["suspicion"]
    ]
    return (
        f"\n\nImages, by the best of the windows that the node's rule picks: ROC AUC"
        f" {figures['image_auc']:.2f} (95 % interval by patient"
        f" {_span(figures['interval_image_auc'])}; {figures['images_with']} of"
        f" {figures['images_judged']} images have the finding). From these scores on an AI"
        " suspicion category is given; it is not a BI-RADS assessment:\n\n"
        + _table(["category", "score", "sensitivity", "specificity"], rows)
    )


def _span(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.2f}-{high:.2f}"


def _density(figures: Figures, small: Figures | None) -> str:
    rows = [
        [f"truth {name}", *(str(n) for n in counts)]
        for name, counts in zip(CATEGORIES, figures["confusion"], strict=True)
    ]
    text = f"Quadratic kappa {figures['quadratic_kappa']:.2f}"
    text += f" (95 % interval by patient {_span(figures['interval_kappa'])})"
    text += f" (int8 {small['quadratic_kappa']:.2f})" if small else ""
    text += f", {100 * figures['accuracy']:.0f} % exactly right.\n\n"
    return text + _table(["", *(f"answer {name}" for name in CATEGORIES)], rows)


def _landmarks(figures: Figures, small: Figures | None) -> str:
    rows = []
    for key in ("nipple_error_mm", "nipple_error_in_profile_mm", "nipple_error_out_of_profile_mm"):
        for name, table in (("", figures), (", int8", small)):
            if table and table[key]:
                what = key.removesuffix("_mm").replace("_", " ") + ", mm" + name
                rows.append([what, f"{table[key]['median']:.1f}", f"{table[key]['p90']:.1f}"])
    text = _table(["", "median", "90 %"], rows)
    text += (
        f"\n\n95 % interval of the median by patient: {_span(figures['interval_median_mm'])} mm."
    )
    dice = figures["pectoral_dice_median"]
    text += f"\n\nPectoral muscle: median Dice {dice:.2f}" if dice is not None else "\n\nNo muscle"
    return text + f". Nipple in profile or not: ROC AUC {figures['profile_auc']:.2f}."
