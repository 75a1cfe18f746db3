"""CBIS-DDSM (Lee et al., Scientific Data 2017), as TCIA distributes it.

``mass_case_description_*_set.csv`` and ``calc_case_description_*_set.csv`` have a line per
abnormality; images and masks are DICOM files under one folder per "patient" of TCIA, such as
``Calc-Test_P_00038_LEFT_CC`` and, for the abnormality's mask, ``Calc-Test_P_00038_LEFT_CC_1``.
Known traps, and what is done about them:

* The paths in the tables are not those on disk: only their first part, the folder's name, holds.
  It is looked for anywhere below the root, so that either layout of the download will do.
* Mask and cropped image lie in one folder, and which is ``1-1.dcm`` and which ``1-2.dcm`` differs,
  as do the table's two columns. The mask is the file of the mammogram's size, or else the larger
  one with two values.
* A few masks are not of the mammogram's size: their boxes are scaled.
* A film with a mass and calcifications is there twice, as two images; each is annotated for its own
  kind only.
* Neither tables nor files say the pixel pitch. DDSM's digitisers had 0.042, 0.0435 and 0.05 mm, so
  that the value used is never more than a tenth wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from mammo_node.errors import GroundTruthError, ImageError
from mammo_node.evaluate import labels
from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.datasets.words import DENSITIES, SIDES, VIEWS, present
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.header import attributes
from mammo_node.header.part10 import read_header
from mammo_node.image.reader import read_stored
from mammo_node.vocabulary import Box

SPACING_MM = 0.046

_COLUMNS = (
    "patient_id",
    "left_or_right_breast",
    "image_view",
    "pathology",
    "image_file_path",
    "roi_mask_file_path",
)
_KINDS = {"mass": labels.MASS, "calc": labels.CLUSTER}
_PATHOLOGY = {"MALIGNANT": True, "BENIGN": False, "BENIGN_WITHOUT_CALLBACK": False}
#: What an abnormality looks like, in the one table or the other.
_DESCRIPTIONS = ("mass_shape", "mass_margins", "calc_type", "calc_distribution")
_Folders = Mapping[str, Sequence[Path]]
_Mask = npt.NDArray[np.bool_]


def read(root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read the data set at `root`, the folder of the tables, with the images anywhere below.

    Raises
    ------
    GroundTruthError
        A table, an image or a mask is missing or not as it should be.
    """
    tables = sorted(root.glob("*_case_description_*.csv"))
    if not tables:
        raise GroundTruthError(
            f"{root}: there is no mass_case_description_*.csv or calc_case_description_*.csv;"
            " TCIA lists them beside the images"
        )
    rows = [(path, row) for path in tables for row in read_table(path, _COLUMNS)]
    folders = _folders(root, {_folder(row, c) for _, row in rows for c in _COLUMNS[-2:]})
    by_image: dict[str, list[tuple[Path, Row]]] = defaultdict(list)
    for path, row in rows:
        by_image[_folder(row, "image_file_path")].append((path, row))
    records = [
        _record(name, mine, folders, skip_missing=skip_missing) for name, mine in by_image.items()
    ]
    return present(records, skip_missing=skip_missing)


def _folder(row: Row, column: str) -> str:
    return PurePosixPath(row.needed(column)).parts[0]


def _folders(root: Path, names: set[str]) -> _Folders:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*.dcm")):
        owner = next((part for part in path.parts if part in names), None)
        if owner is not None:
            found[owner].append(path)
    return found


def _record(
    name: str, rows: Sequence[tuple[Path, Row]], folders: _Folders, *, skip_missing: bool
) -> ImageRecord:
    table, row = rows[0]
    kind = _KINDS[table.name.partition("_")[0]]
    image = max(folders.get(name, ()), key=_pixels, default=None)
    masks = [folders.get(_folder(r, "roi_mask_file_path"), ()) for _, r in rows]
    if image is not None and not all(masks) and not skip_missing:
        raise GroundTruthError(f"{rows[0][1].where}: the folder of a mask of {name} is not there")
    known = image is not None and all(masks)
    findings = [
        _finding(r, kind, _mask_box(files, image)) if known and image is not None else None
        for (_, r), files in zip(rows, masks, strict=True)
    ]
    found = tuple(finding for finding in findings if finding is not None)
    patient = row.needed("patient_id")
    return ImageRecord(
        image_id=name,
        # Without its masks an image is of no use.
        path=image if known else None,
        patient=patient,
        study=patient,
        laterality=row.needed_one_of("left_or_right_breast", SIDES),
        view=row.needed_one_of("image_view", VIEWS),
        findings=found,
        annotated=frozenset({kind}),
        vendor="film",
        density=row.one_of("breast_density", DENSITIES),
        malignant=any(finding.malignant for finding in found),
        spacing_mm=SPACING_MM,
        split="test" if "test" in table.name.lower() else "training",
    )


def _finding(row: Row, label: str, box: Box) -> TrueFinding:
    looks = ", ".join(filter(None, (row.text(column) for column in _DESCRIPTIONS)))
    return TrueFinding(label, looks or label, box, row.one_of("pathology", _PATHOLOGY))


def _mask_box(files: Sequence[Path], image: Path) -> Box:
    size = _size(image)
    alike = [path for path in files if _size(path) == size]
    if len(alike) == 1:
        mask = _mask(alike[0])
    else:
        masks = [_mask(path) for path in files]
        mask = max((m for m in masks if m is not None), key=np.size, default=None)
    if mask is None:
        raise GroundTruthError(f"{files[0].parent}: there is no mask: a file with two values")
    return _bounds(mask, size)


def _mask(path: Path) -> _Mask | None:
    try:
        stored = read_stored(path)
    except (ImageError, OSError) as error:
        raise GroundTruthError(f"{path}: {error}") from error
    low, high = stored.min(), stored.max()
    two_valued = low < high and bool(((stored == low) | (stored == high)).all())
    return np.asarray(stored == high) if two_valued else None


def _bounds(mask: _Mask, size: tuple[int, int]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    down, across = size[0] / mask.shape[0], size[1] / mask.shape[1]
    return Box(
        float(columns[0] * across),
        float(rows[0] * down),
        float((columns[-1] + 1) * across),
        float((rows[-1] + 1) * down),
    )


def _pixels(path: Path) -> int:
    rows, columns = _size(path)
    return rows * columns


def _size(path: Path) -> tuple[int, int]:
    try:
        ds = read_header(path)
    except (ImageError, OSError) as error:
        raise GroundTruthError(f"{path}: {error}") from error
    return attributes.integer(ds, "Rows") or 0, attributes.integer(ds, "Columns") or 0
