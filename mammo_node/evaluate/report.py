"""The HTML report of one evaluation, from the same document that the JSON file holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mammo_node.evaluate import html, plots
from mammo_node.evaluate.box_report import LEAST_GROUPS, box_sections
from mammo_node.evaluate.html import number, spread

Document = Mapping[str, Any]

_GROUP_FIGURES = {
    "weighted_f1": "weighted F1",
    "quadratic_kappa": "density kappa",
    "nipple_median_mm": "nipple, median mm",
}
_HOW = (
    "Each interval is a 95 % bootstrap interval by patient. A detection is a hit when it overlaps a"
    " lesion by IoU 0.2 or more (or, where so said, when its centre lies in the lesion's box); each"
    " lesion counts once, and false positives are counted over all images. A detection on a finding"
    " of a kindred label (a mass on a focal asymmetry, say) is neither."
)


def report(document: Document) -> str:
    """Return the page."""
    about = document["about"]
    parts = [
        html.paragraph(document["statement"], notice=True),
        *_about(document),
        *(
            part
            for name, section in document["detection"].items()
            if section is not None
            for part in box_sections(document, name, section)
        ),
        *_discrimination(document),
        *_decisions(document),
        *_density(document),
        *_nipple(document),
        *_groups(document),
    ]
    return html.page(f"Evaluation of {about['what']} on {about['truth']}", parts)


def _about(document: Document) -> Iterator[str]:
    about, data = document["about"], document["data"]
    yield html.table(("", ""), [(key.replace("_", " "), str(about[key])) for key in about], 2)
    yield "<h2>Data</h2>"
    counts = ("images", "analysed", "patients", "breasts", "malignant_images")
    yield '<div class="tables">'
    yield html.table(("", ""), [(key.replace("_", " "), str(data[key])) for key in counts])
    for name in ("findings", "vendors", "densities"):
        rows = [(key, str(count)) for key, count in data[name].items()]
        yield html.table((name, "number"), rows)
    yield "</div>"
    if data["refused"]:
        lost = sum(data["findings_in_refused_images"].values())
        count = sum(data["refused"].values())
        yield html.paragraph(
            f"Not analysed, and in no figure below: {count} of {data['images']} images. They have"
            f" {lost} of the findings.",
            notice=True,
        )
        yield html.table(
            ("reason", "images"), [(key, str(count)) for key, count in data["refused"].items()]
        )
    yield html.paragraph(_HOW)


def _discrimination(document: Document) -> Iterator[str]:
    told = {
        name: section
        for name, section in document["discrimination"].items()
        if section["image"] or section["breast"]
    }
    if not told:
        return
    yield "<h2>Scores of images and breasts</h2>"
    yield html.paragraph(
        "A score is the model's own for the image, or else that of its best box; a breast has the"
        " highest score of its images."
    )
    rows = []
    for name, section in told.items():
        for unit in ("image", "breast"):
            if section[unit]:
                found = section[unit]
                span = spread(found["low"], found["high"], 3)
                counts = (str(found["positives"]), str(found["negatives"]))
                rows.append((name, unit, *counts, number(found["auc"], 3), span))
    yield html.table(("", "per", "with", "without", "ROC AUC", "interval"), rows, 2)
    yield '<div class="plots">'
    for name, section in told.items():
        yield plots.roc(name, section)
        if section["calibration"]:
            yield plots.reliability(f"{name}, images", section["calibration"])
    yield "</div>"


def _decisions(document: Document) -> Iterator[str]:
    section = document["decisions"]
    if section is None:
        return
    yield "<h2>Decisions: which findings an image has</h2>"
    rows = [
        (
            name,
            number(found["threshold"], 3),
            *(number(found[key], 3) for key in ("precision", "recall", "f1")),
            f"{found['support']:g}",
        )
        for name, found in section["labels"].items()
    ]
    yield html.table(("", "threshold", "precision", "recall", "F1", "images with it"), rows)
    yield html.paragraph(
        f"F1 weighted by how many images have the finding: {number(section['weighted_f1'], 3)}"
        f"{html.within(section, 3)}, over {section['images']} images."
    )


def _density(document: Document) -> Iterator[str]:
    section = document["density"]
    if section is None:
        return
    yield "<h2>Breast density</h2>"
    yield html.paragraph(
        f"{section['breasts']} breasts; quadratic kappa {number(section['quadratic_kappa'], 3)}"
        f"{html.within(section, 3)}, accuracy {number(section['accuracy'])}."
    )
    names = section["categories"]
    rows = [
        (f"truly {name}", *(f"{count:g}" for count in counts))
        for name, counts in zip(names, section["confusion"], strict=True)
    ]
    yield html.table(("", *(f"told {name}" for name in names)), rows)


def _nipple(document: Document) -> Iterator[str]:
    section = document["nipple"]
    if section is None:
        return
    yield "<h2>Nipple</h2>"
    yield html.paragraph(
        f"{section['images']} images; error {number(section['median_mm'], 1)} mm (median),"
        f" {number(section['ninetieth_percentile_mm'], 1)} mm (90th percentile)."
    )
    yield f'<div class="plots">{plots.errors(section["errors_mm"])}</div>'


def _groups(document: Document) -> Iterator[str]:
    for key in ("vendor", "density"):
        parts = document["by"][key]
        rows = {name: dict(_group(part)) for name, part in parts.items()}
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        if len(parts) < LEAST_GROUPS or not columns:
            continue
        yield f"<h2>Images and breasts by {key}</h2>"
        yield html.table(
            ("", "images", *columns),
            [
                (name, str(parts[name]["images"]), *(row.get(c, "-") for c in columns))
                for name, row in rows.items()
            ],
        )


def _group(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of each figure that a group has."""
    for name, value in part["auc"].items():
        if value is not None:
            yield f"AUC, {name}", number(value, 3)
    for key, name in _GROUP_FIGURES.items():
        if part[key] is not None:
            yield name, number(part[key])
