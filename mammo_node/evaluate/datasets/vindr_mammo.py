"""VinDr-Mammo 1.0.0 (Nguyen et al., Scientific Data 2023), as PhysioNet distributes it.

``breast-level_annotations.csv`` has a line per image, ``finding_annotations.csv`` one per box, and
the pixels are in ``images/STUDY/IMAGE.dicom``. One study is one patient. Official split: training
and test, in both files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.datasets.words import DENSITIES, SIDES, VIEWS, present, suspicious
from mammo_node.evaluate.labels import TEN_FINDINGS, canonical
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.vocabulary import Box

BREASTS = "breast-level_annotations.csv"
FINDINGS = "finding_annotations.csv"

_NO_FINDING = "no finding"
_EDGES = ("xmin", "ymin", "xmax", "ymax")
_BREAST_COLUMNS = ("study_id", "image_id", "laterality", "view_position", "breast_birads")
#: Categories stand in a list as Python prints it: ['Mass', 'Skin Thickening'].
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def read(root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read the data set at `root`.

    Raises
    ------
    GroundTruthError
        A table or an image is missing or not as it should be.
    """
    findings = _findings(root / FINDINGS)
    columns = (*_BREAST_COLUMNS, "breast_density", "split")
    rows = read_table(root / BREASTS, columns)
    return present([_record(row, root, findings) for row in rows], skip_missing=skip_missing)


def _record(row: Row, root: Path, findings: dict[str, list[TrueFinding]]) -> ImageRecord:
    study, image = row.needed("study_id"), row.needed("image_id")
    return ImageRecord(
        image_id=image,
        path=root / "images" / study / f"{image}.dicom",
        patient=study,
        study=study,
        laterality=row.needed_one_of("laterality", SIDES),
        view=row.needed_one_of("view_position", VIEWS),
        findings=tuple(findings.get(image, ())),
        annotated=frozenset(TEN_FINDINGS),
        density=row.one_of("breast_density", DENSITIES),
        malignant=suspicious(row.text("breast_birads")),
        split=row.text("split").lower() or None,
    )


def _findings(path: Path) -> dict[str, list[TrueFinding]]:
    by_image: dict[str, list[TrueFinding]] = defaultdict(list)
    for row in read_table(path, ("image_id", "finding_categories", "finding_birads", *_EDGES)):
        quoted = _QUOTED.findall(row.text("finding_categories"))
        names = [name for pair in quoted for name in pair if name.lower() not in {"", _NO_FINDING}]
        by_image[row.needed("image_id")] += [_finding(row, name) for name in names]
    return by_image


def _finding(row: Row, name: str) -> TrueFinding:
    edges = [row.number(edge) for edge in _EDGES]
    box = Box(*(float(edge or 0.0) for edge in edges)) if None not in edges else None
    malignant = suspicious(row.text("finding_birads"))
    return TrueFinding(canonical(name, row.where), name, box, malignant)
