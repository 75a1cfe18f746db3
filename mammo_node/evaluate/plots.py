"""The report's plots, from sections of the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mammo_node.evaluate import html
from mammo_node.evaluate.svg import UNIT, Axis, Line, legend, plot

_SENSITIVITY = Axis("sensitivity", 0, 1, UNIT)
_CRITERIA = {"iou": "IoU ≥ 0.2", "centre": "centre in box"}


def froc(label: str, own: Mapping[str, Any], bar: Mapping[str, Any] | None) -> str:
    """Return the free-response curves by both criteria, the blob bar's beside them."""
    lines = [_curve(_CRITERIA[name], found) for name, found in own.items()]
    if bar is not None:
        lines += [
            _curve(f"blob bar, {_CRITERIA[n]}", found, dashed=True) for n, found in bar.items()
        ]
    x = Axis("false positives per image", 0, 5, (0, 1, 2, 3, 4, 5))
    title = f"FROC of {label}"
    caption = "FROC; the points are the table's, with their intervals."
    return html.figure(plot(title, x, _SENSITIVITY, lines), caption, legend(lines))


def roc(label: str, section: Mapping[str, Any]) -> str:
    """Return the ROC curves by image and by breast."""
    lines = [
        Line(
            f"{label}, per {unit}: {html.number(found['auc'], 3)}",
            list(zip(found["curve"]["false"], found["curve"]["true"], strict=True)),
        )
        for unit in ("image", "breast")
        if (found := section[unit])
    ]
    x = Axis("1 - specificity", 0, 1, UNIT)
    svg = plot(f"ROC of {label}", x, _SENSITIVITY, lines)
    return html.figure(svg, f"ROC of {label}, with the area under it.", legend(lines))


def reliability(what: str, section: Mapping[str, Any]) -> str:
    """Return how often scores come true, against the diagonal of those that always do."""
    points = list(zip(section["score"], section["frequency"], strict=True))
    marks = [(score, share, share, share) for score, share in points]
    lines = [
        Line(f"{what}: ECE {html.number(section['ece'], 3)}", points, marks),
        Line("perfectly calibrated", [(0, 0), (1, 1)], dashed=True),
    ]
    x, y = Axis("score", 0, 1, UNIT), Axis("share that came true", 0, 1, UNIT)
    svg = plot(f"Calibration of {what}", x, y, lines)
    return html.figure(svg, "Calibration: what scores promise, and what is so.", legend(lines))


def errors(errors_mm: Sequence[float]) -> str:
    """Return which share of the images has at most an error."""
    end = max(10.0, *errors_mm)
    x = Axis("error, mm", 0, end, tuple(round(end * share, 1) for share in UNIT))
    count = len(errors_mm)
    steps = [(error, (n + 1) / count) for n, error in enumerate(errors_mm)]
    lines = [Line("images with at most this error", [(0.0, 0.0), *steps])]
    svg = plot("Nipple error", x, Axis("share of images", 0, 1, UNIT), lines)
    return html.figure(svg, "Distance from the true nipple.", legend(lines))


def _curve(name: str, found: Mapping[str, Any], *, dashed: bool = False) -> Line:
    points = list(zip(found["curve"]["rate"], found["curve"]["sensitivity"], strict=True))
    table = zip(found["rates"], found["sensitivity"], found["low"], found["high"], strict=True)
    marks = [(r, s, low, high) for r, s, low, high in table if None not in (s, low, high)]
    return Line(name, points, () if dashed else marks, dashed)
