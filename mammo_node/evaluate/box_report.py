"""The report's part on boxes of one label: curves, sensitivities, and how groups differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mammo_node.evaluate import html, plots
from mammo_node.evaluate.html import number, spread

LEAST_GROUPS = 2
"""One group alone says nothing that is not above."""

_BREAKDOWNS = {"vendor": "By vendor", "density": "By breast density", "size": "By lesion size"}
#: Rates that the breakdowns show; the JSON file has all.
_SHOWN_RATES = (0.25, 1.0, 2.22)


def box_sections(
    document: Mapping[str, Any], label: str, section: Mapping[str, Any]
) -> Iterator[str]:
    """Return the parts of the page, in order."""
    bar = document["bar"] if label == "mass" else None
    point = section["operating_point"]
    yield f"<h2>Boxes: {label}</h2>"
    yield html.paragraph(
        f"{section['lesions']} lesions in {section['images']} images. At the threshold in force,"
        f" {point['threshold']:g}, it finds {number(point['sensitivity'])} of them with"
        f" {number(point['false_positives_per_image'])} false positives per image."
    )
    yield '<div class="plots">'
    yield plots.froc(label, section["froc"], None if bar is None else bar["froc"])
    if section["calibration"]:
        yield plots.reliability(f"{label}, boxes", section["calibration"])
    yield "</div>"
    yield _rates(section["froc"], None if bar is None else bar["froc"])
    reached = section["froc"]["iou"]["reached"]
    if reached < max(section["froc"]["iou"]["rates"]):
        yield html.paragraph(
            f"All detections together come to {number(reached)} false positives per image: at"
            " higher rates the sensitivity is that of all of them."
        )
    looks = document["suspicion"][label]
    if looks:
        yield html.paragraph(
            f"Suspicion, of the lesions that have a box: {looks['malignant']} malignant against"
            f" {looks['benign']} benign ones, ROC AUC {number(looks['auc'], 3)}"
            f"{html.within(looks, 3)}."
        )
    for key, heading in _BREAKDOWNS.items():
        if len(section["by"][key]) < LEAST_GROUPS:
            continue
        yield f"<h3>{heading}</h3>{_parts(section, key)}"


def _rates(own: Mapping[str, Any], bar: Mapping[str, Any] | None) -> str:
    columns = ("sensitivity at false positives per image", *map("{:g}".format, own["iou"]["rates"]))
    rows = []
    for what, froc in (("", own), ("blob bar, ", bar)):
        if froc is None:
            continue
        for criterion, words in (("iou", "IoU ≥ 0.2"), ("centre", "centre in box")):
            found = froc[criterion]
            rows.append((f"{what}{words}", *map(number, found["sensitivity"])))
            spans = map(spread, found["low"], found["high"])
            rows.append((f"{what}{words}, interval", *spans))
    return html.table(columns, rows)


def _parts(section: Mapping[str, Any], key: str) -> str:
    rates = section["froc"]["iou"]["rates"]
    shown = [i for i, rate in enumerate(rates) if rate in _SHOWN_RATES]
    rows = []
    for name, part in section["by"][key].items():
        found = [_with_interval(part, i) if "sensitivity" in part else "" for i in shown]
        rows.append((name, str(part["images"]), str(part["lesions"]), *found))
    return html.table(("", "images", "lesions", *(f"at {rates[i]:g}" for i in shown)), rows)


def _with_interval(part: Mapping[str, Any], i: int) -> str:
    within = spread(part["low"][i], part["high"][i])
    value = number(part["sensitivity"][i])
    return f"{value} ({within})" if within else value
