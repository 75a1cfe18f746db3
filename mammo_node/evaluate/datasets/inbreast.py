"""INbreast release 1.0 (Moreira et al., Academic Radiology 2012).

``AllDICOMs/FILE_PATIENT_MG_SIDE_VIEW_ANON.dcm``, ``AllXML/FILE.xml`` (OsiriX regions as a property
list, points in pixels) and ``INbreast.csv`` with a line per image. The patient is the hash in the
file name; the table has had its patients removed. Only a BI-RADS assessment of the image is there,
no pathology.
"""

from __future__ import annotations

import plistlib
import re
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate import labels
from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.datasets.words import DENSITIES, SIDES, VIEWS, present, suspicious
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.vocabulary import Box

TABLE = "INbreast.csv"

_NAMES = {
    "mass": labels.MASS,
    "cluster": labels.CLUSTER,
    "calcification": labels.CALCIFICATION,
    "calcifications": labels.CALCIFICATION,
    "distortion": labels.DISTORTION,
    "asymmetry": labels.ASYMMETRY,
    "assymetry": labels.ASYMMETRY,
    # Spicules around a mass or a scar; drawn beside the mass itself.
    "spiculated region": labels.OTHER,
    "espiculated region": labels.OTHER,
}
_ANNOTATED = frozenset({labels.MASS, labels.CLUSTER, labels.DISTORTION, labels.ASYMMETRY})
_POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)")


def read(root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read the data set at `root`.

    Raises
    ------
    GroundTruthError
        The table, an image or its regions are missing or not as they should be. An image without
        an XML file has no findings.
    """
    if not (root / TABLE).is_file() and (root / "INbreast.xls").is_file():
        raise GroundTruthError(f"{root}: there is no {TABLE}; save INbreast.xls under this name")
    rows = read_table(root / TABLE, ("laterality", "view", "file_name", "acr", "bi-rads"))
    # The release's table ends with a line of notes, which has no file.
    rows = [row for row in rows if row.text("file_name").isdigit()]
    images = {p.name.partition("_")[0]: p for p in sorted((root / "AllDICOMs").glob("*.dcm"))}
    return present([_record(row, root, images) for row in rows], skip_missing=skip_missing)


def _record(row: Row, root: Path, images: dict[str, Path]) -> ImageRecord:
    name = row.needed("file_name")
    path = images.get(name)
    patient = path.name.split("_")[1] if path is not None else name
    malignant = suspicious(row.text("bi-rads"))
    return ImageRecord(
        image_id=name,
        path=path,
        patient=patient,
        study=f"{patient} {row.text('acquisition_date')}".strip(),
        laterality=row.needed_one_of("laterality", SIDES),
        view=row.needed_one_of("view", VIEWS),
        findings=_regions(root / "AllXML" / f"{name}.xml"),
        annotated=_ANNOTATED,
        density=row.one_of("acr", DENSITIES),
        malignant=malignant,
    )


def _regions(path: Path) -> tuple[TrueFinding, ...]:
    if not path.is_file():
        return ()
    try:
        document = plistlib.loads(path.read_bytes())
        regions = [roi for image in document["Images"] for roi in image["ROIs"]]
        return tuple(_finding(roi) for roi in regions if roi.get("Point_px"))
    except (OSError, ValueError, KeyError, TypeError, ExpatError) as error:
        raise GroundTruthError(f"{path}: is not an OsiriX region file: {error!r}") from error


def _finding(region: dict[str, Any]) -> TrueFinding:
    name = str(region.get("Name", "")).strip()
    points = [_POINT.match(str(point)) for point in region["Point_px"]]
    x = [float(point[1]) for point in points if point]
    y = [float(point[2]) for point in points if point]
    if not x:
        raise ValueError(f"region {name!r} has no points")
    return TrueFinding(_NAMES.get(name.lower(), labels.OTHER), name, _box(x, y))


def _box(x: list[float], y: list[float]) -> Box:
    """Bound the points; a single one, as calcifications are marked, gets its pixel."""
    margin_x, margin_y = (0.5 if min(v) == max(v) else 0.0 for v in (x, y))
    return Box(min(x) - margin_x, min(y) - margin_y, max(x) + margin_x, max(y) + margin_y)
