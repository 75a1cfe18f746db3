"""Results as a table: a CSV file with a line per box, or per image, of any model that there is.

=====================  ===========================================================================
column
=====================  ===========================================================================
image                  as the truth names the image
sop_instance_uid       of the image; this or `image` is needed
label, score           a finding and its score, 0 to 1; without a box it is the whole image's score,
                       and the label may be `malignant` too
x_min y_min x_max      its box, in pixels of the stored image
y_max
suspicion              of the box: malignant against benign, 0 to 1
density_a ...          probabilities of the density categories, all four or none
density_d
density_category       the category that is reported, A to D; empty: the most probable
nipple_x nipple_y      where the nipple is, in the same pixels
refusal                why the image was not analysed, in any words
=====================  ===========================================================================

A line of an image without a label says that nothing was found there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.discrimination import MALIGNANT
from mammo_node.evaluate.labels import canonical
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.results import Results
from mammo_node.evaluate.settings import DECIDE_AT
from mammo_node.vocabulary import Box, DensityCategory

EDGES = ("x_min", "y_min", "x_max", "y_max")
DENSITIES = ("density_a", "density_b", "density_c", "density_d")
NIPPLE = ("nipple_x", "nipple_y")
COLUMNS = (
    "image",
    "sop_instance_uid",
    "label",
    "score",
    *EDGES,
    "suspicion",
    *DENSITIES,
    "density_category",
    *NIPPLE,
    "refusal",
)


def read_answers(path: Path) -> Results:
    """Read a CSV file of results.

    Raises
    ------
    GroundTruthError
        Saying file, line, and what would be right.
    """
    rows = read_table(path, ())
    by_image: dict[str, Prediction] = {}
    for row in rows:
        row.only(COLUMNS)
        name = row.text("sop_instance_uid") or row.text("image")
        if not name:
            raise GroundTruthError(f"{row.where}: needs 'image' or 'sop_instance_uid'")
        by_image[name] = _with_line(by_image.get(name, Prediction(name)), row)
    every = by_image.values()
    labels = [box.label for said in every for box in said.boxes]
    labels += [name for said in every for name in said.image_scores if name != MALIGNANT]
    return Results(by_image, (path.name,), tuple(dict.fromkeys(labels)), 1, threshold=DECIDE_AT)


def write_answers(predictions: Iterable[Prediction], path: Path) -> None:
    """Write what was found as such a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for said in predictions:
            writer.writerow(_of_image(said))
            writer.writerows(
                {"image": said.image_id, "label": name, "score": score}
                for name, score in said.image_scores.items()
            )
            writer.writerows(_of_box(said, box) for box in said.boxes)


def _of_image(said: Prediction) -> dict[str, object]:
    cells: dict[str, object] = {"image": said.image_id, "refusal": said.refusal or ""}
    cells |= dict(zip(DENSITIES, said.density or (), strict=False))
    cells["density_category"] = said.density_category or ""
    return cells | dict(zip(NIPPLE, said.nipple_px or (), strict=False))


def _of_box(said: Prediction, box: ScoredBox) -> dict[str, object]:
    edges = (box.box_px.x_min, box.box_px.y_min, box.box_px.x_max, box.box_px.y_max)
    suspicion = "" if box.suspicion is None else box.suspicion
    cells: dict[str, object] = dict(zip(EDGES, edges, strict=True))
    return cells | {
        "image": said.image_id,
        "label": box.label,
        "score": box.score,
        "suspicion": suspicion,
    }


def _with_line(said: Prediction, row: Row) -> Prediction:
    if row.text("refusal"):
        said = replace(said, refusal=row.text("refusal"))
    density = _together(row, DENSITIES, 0.0, 1.0)
    nipple = _together(row, NIPPLE)
    category = _category(row)
    if category is not None and density is None:
        raise GroundTruthError(f"{row.where}: density_category needs {', '.join(DENSITIES)}, too")
    if density is not None:
        four = (density[0], density[1], density[2], density[3])
        said = replace(said, density=four, density_category=category)
    if nipple is not None:
        said = replace(said, nipple_px=(nipple[0], nipple[1]))
    word = row.text("label")
    edges = _together(row, EDGES)
    if not word:
        if edges is not None or row.text("score"):
            raise GroundTruthError(f"{row.where}: a box or score without a label")
        return said
    score = _share(row, "score")
    if score is None:
        raise GroundTruthError(f"{row.where}: a finding needs a score")
    if edges is None:
        label = MALIGNANT if word.lower() == MALIGNANT else canonical(word, row.where)
        return replace(said, image_scores={**said.image_scores, label: score})
    box = ScoredBox(canonical(word, row.where), score, Box(*edges), _share(row, "suspicion"))
    return replace(said, boxes=(*said.boxes, box))


def _category(row: Row) -> DensityCategory | None:
    word = row.text("density_category").upper()
    if word and word not in tuple(DensityCategory):
        raise GroundTruthError(f"{row.where}: density_category: A, B, C or D, not {word!r}")
    return DensityCategory(word) if word else None


def _share(row: Row, column: str) -> float | None:
    found = _together(row, (column,), 0.0, 1.0)
    return None if found is None else found[0]


def _together(
    row: Row, columns: Sequence[str], low: float = float("-inf"), high: float = float("inf")
) -> list[float] | None:
    """Return the numbers in several columns, None where all are empty."""
    found = [number for column in columns if (number := row.number(column)) is not None]
    if found and len(found) < len(columns):
        raise GroundTruthError(f"{row.where}: needs all of {', '.join(columns)}, or none")
    if not all(low <= number <= high for number in found):
        raise GroundTruthError(f"{row.where}: {', '.join(columns)}: from {low:g} to {high:g}")
    return found or None
