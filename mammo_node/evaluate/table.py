"""Ground truth of one's own: a CSV file with a line per finding, or per image without one.

=====================  ===========================================================================
column
=====================  ===========================================================================
image                  path of the image, from --data or from the CSV file's folder
sop_instance_uid       of the image; this or `image` is needed
patient                any name; intervals and splits go by it (needed)
study                  any name; by default the patient's
laterality             L or R (needed)
view                   CC, MLO, ... (needed)
label                  a finding, in the common vocabulary; empty: the image has none
x_min y_min x_max      box in stored pixels, (0, 0) the top-left corner of the image; left out
y_max                  together where only the image is known to have the finding
malignant              yes or no: of the finding; on a line without a label, of the image
density                A, B, C or D
nipple_x nipple_y      in stored pixels
vendor                 by default the file's Manufacturer
spacing_mm             pixel pitch, where the file says none
split                  any word; --split takes one
annotated              labels that were looked for, with | between; by default those in the file
=====================  ===========================================================================
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.datasets.words import DENSITIES, SIDES, VIEWS
from mammo_node.evaluate.labels import OTHER, canonical
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.vocabulary import Box

COLUMNS = (
    "image",
    "sop_instance_uid",
    "patient",
    "study",
    "laterality",
    "view",
    "label",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
    "malignant",
    "density",
    "nipple_x",
    "nipple_y",
    "vendor",
    "spacing_mm",
    "split",
    "annotated",
)
_NEEDED = ("patient", "laterality", "view")
_EDGES = ("x_min", "y_min", "x_max", "y_max")
_YES_NO = MappingProxyType(
    {
        **dict.fromkeys(("YES", "TRUE", "1", "M", "MALIGNANT"), True),
        **dict.fromkeys(("NO", "FALSE", "0", "B", "BENIGN"), False),
    }
)


def read(path: Path, root: Path | None = None) -> list[ImageRecord]:
    """Read a CSV file of ground truth.

    Parameters
    ----------
    path : Path
        The CSV file.
    root : Path, optional
        What the paths in it are relative to; by default its own folder.

    Raises
    ------
    GroundTruthError
        Saying file, line, and what would be right.
    """
    rows = read_table(path, _NEEDED)
    folder = path.parent if root is None else root
    images: dict[str, ImageRecord] = {}
    for row in rows:
        row.only(COLUMNS)
        line = _line(row, folder)
        known = images.get(line.image_id)
        images[line.image_id] = line if known is None else _merged(known, line, row)
    found = frozenset(f.label for r in images.values() for f in r.findings) - {OTHER}
    return [r if r.annotated else replace(r, annotated=found) for r in images.values()]


def write(records: Sequence[ImageRecord], path: Path) -> None:
    """Write records as such a file; images by their path where they have one."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerows(_cells(record, finding) for finding in record.findings)
            # A line of the image itself: it has no findings, or they do not say whether it is
            # malignant.
            if not record.findings or record.malignant is not _implied(record):
                writer.writerow(_cells(record, None))


def _line(row: Row, folder: Path) -> ImageRecord:
    image, uid = row.text("image"), row.text("sop_instance_uid")
    if not (image or uid):
        raise GroundTruthError(f"{row.where}: needs 'image' or 'sop_instance_uid'")
    finding = _finding(row)
    malignant = row.one_of("malignant", _YES_NO)
    x, y = row.number("nipple_x"), row.number("nipple_y")
    return ImageRecord(
        image_id=image or uid,
        path=folder / image if image else None,
        patient=row.needed("patient"),
        study=row.text("study") or row.needed("patient"),
        laterality=row.needed_one_of("laterality", SIDES),
        view=row.needed_one_of("view", VIEWS),
        findings=() if finding is None else (finding,),
        annotated=_labels(row),
        vendor=row.text("vendor") or None,
        density=row.one_of("density", DENSITIES),
        malignant=malignant,
        spacing_mm=row.number("spacing_mm"),
        nipple_px=None if x is None or y is None else (x, y),
        split=row.text("split") or None,
        sop_instance_uid=uid or None,
    )


def _labels(row: Row) -> frozenset[str]:
    words = row.text("annotated").split("|")
    return frozenset(canonical(word, row.where) for word in words if word.strip())


def _finding(row: Row) -> TrueFinding | None:
    word = row.text("label")
    edges = [row.number(edge) for edge in _EDGES]
    given = [edge for edge in edges if edge is not None]
    if not word:
        if given:
            raise GroundTruthError(f"{row.where}: a box without a label")
        return None
    if given and len(given) < len(_EDGES):
        raise GroundTruthError(f"{row.where}: a box needs all of {', '.join(_EDGES)}, or none")
    box = Box(*given) if given else None
    if box is not None and (box.width <= 0 or box.height <= 0):
        raise GroundTruthError(f"{row.where}: x_min < x_max and y_min < y_max are needed")
    malignant = row.one_of("malignant", _YES_NO)
    return TrueFinding(canonical(word, row.where), word, box, malignant)


def _merged(known: ImageRecord, line: ImageRecord, row: Row) -> ImageRecord:
    """Join a further line of an image; what it says of the image must be the same."""
    fixed = ("patient", "study", "laterality", "view", "density", "vendor", "spacing_mm", "split")
    for name in fixed:
        before, now = getattr(known, name), getattr(line, name)
        if now is not None and before is not None and now != before:
            raise GroundTruthError(
                f"{row.where}: {name} is {now}, and {before} on an earlier line of this image"
            )
    said = [flag for flag in (known.malignant, line.malignant) if flag is not None]
    filled = {n: getattr(line, n) for n in (*fixed, "nipple_px") if getattr(known, n) is None}
    return replace(
        known,
        **filled,
        findings=known.findings + line.findings,
        annotated=known.annotated | line.annotated,
        malignant=any(said) if said else None,
    )


def _implied(record: ImageRecord) -> bool | None:
    said = [f.malignant for f in record.findings if f.malignant is not None]
    return any(said) if said else None


def _cells(record: ImageRecord, finding: TrueFinding | None) -> dict[str, object]:
    box = None if finding is None else finding.box_px
    edges = (None,) * 4 if box is None else (box.x_min, box.y_min, box.x_max, box.y_max)
    malignant = record.malignant if finding is None else finding.malignant
    x, y = record.nipple_px or (None, None)
    cells = {
        "image": record.path,
        "sop_instance_uid": record.sop_instance_uid,
        "patient": record.patient,
        "study": record.study,
        "laterality": record.laterality,
        "view": record.view,
        "label": None if finding is None else finding.label,
        **dict(zip(_EDGES, edges, strict=True)),
        "malignant": None if malignant is None else ("yes" if malignant else "no"),
        "density": record.density,
        "nipple_x": x,
        "nipple_y": y,
        "vendor": record.vendor,
        "spacing_mm": record.spacing_mm,
        "split": record.split,
        "annotated": "|".join(sorted(record.annotated)),
    }
    return {key: "" if value is None else value for key, value in cells.items()}
