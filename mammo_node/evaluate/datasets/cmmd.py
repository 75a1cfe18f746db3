"""CMMD, the Chinese Mammography Database (Cui et al., TCIA 2021).

DICOM images under one folder per patient (``D1-0001``), wherever the download put them, and
``CMMD_clinicaldata_revision.xlsx`` (or a CSV saved from it) with a line per breast. Biopsy-proven,
but of a breast as a whole: there are no boxes, and nothing is said of a breast that has no line;
its images are left out.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from mammo_node.errors import GroundTruthError, ImageError
from mammo_node.evaluate import labels
from mammo_node.evaluate.datasets.tables import Row, read_table
from mammo_node.evaluate.datasets.words import SIDES
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.header import attributes, summarise
from mammo_node.header.part10 import read_header
from mammo_node.vocabulary import Laterality

TABLE = "CMMD_clinicaldata_revision"

_ABNORMALITIES = {
    "CALCIFICATION": (labels.CLUSTER,),
    "MASS": (labels.MASS,),
    "BOTH": (labels.MASS, labels.CLUSTER),
}
_CLASSIFICATION = {"BENIGN": False, "MALIGNANT": True}
_Breasts = dict[tuple[str, Laterality], tuple[TrueFinding, ...]]


def read(root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read the data set at `root`.

    Raises
    ------
    GroundTruthError
        The table is missing or not as it should be, or a patient in it has no images.
    """
    breasts = _breasts(_table(root))
    patients = {patient for patient, _ in breasts}
    files = _files(root, patients)
    missing = sorted(patients - set(files))
    if missing and (not skip_missing or not files):
        raise GroundTruthError(
            f"{root}: {len(missing)} of {len(patients)} patients have no images; the first is"
            f" {missing[0]}. Check the folder, or leave them out with --skip-missing"
        )
    return [
        record
        for patient in sorted(files)
        for path in files[patient]
        if (record := _record(patient, path, breasts)) is not None
    ]


def _table(root: Path) -> list[Row]:
    for suffix in (".csv", ".xlsx"):
        path = root / f"{TABLE}{suffix}"
        if path.is_file():
            return read_table(path, ("id1", "leftright", "abnormality", "classification"))
    raise GroundTruthError(
        f"{root}: there is no {TABLE}.xlsx or .csv; TCIA lists it beside the images"
    )


def _breasts(rows: list[Row]) -> _Breasts:
    found: dict[tuple[str, Laterality], list[TrueFinding]] = defaultdict(list)
    for row in rows:
        malignant = row.one_of("classification", _CLASSIFICATION)
        kinds = row.needed_one_of("abnormality", _ABNORMALITIES)
        side = row.needed_one_of("leftright", SIDES)
        word = row.text("abnormality")
        found[row.needed("id1"), side] += [TrueFinding(k, word, None, malignant) for k in kinds]
    return {breast: tuple(findings) for breast, findings in found.items()}


def _files(root: Path, patients: set[str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(root.rglob("*.dcm")):
        owner = next((part for part in path.parts if part in patients), None)
        if owner is not None:
            found[owner].append(path)
    return found


def _record(patient: str, path: Path, breasts: _Breasts) -> ImageRecord | None:
    try:
        ds = read_header(path)
    except (ImageError, OSError) as error:
        raise GroundTruthError(f"{path}: {error}") from error
    summary = summarise(ds)
    if summary.laterality is None or summary.view is None:
        raise GroundTruthError(f"{path}: its header says no laterality or view")
    findings = breasts.get((patient, summary.laterality))
    if findings is None:
        return None
    uid = attributes.uid(ds, "SOPInstanceUID")
    return ImageRecord(
        image_id=f"{patient} {summary.laterality} {summary.view} {path.stem}",
        path=path,
        patient=patient,
        study=str(attributes.uid(ds, "StudyInstanceUID") or patient),
        laterality=summary.laterality,
        view=summary.view,
        findings=findings,
        annotated=frozenset({labels.MASS, labels.CLUSTER}),
        malignant=any(finding.malignant for finding in findings),
        sop_instance_uid=None if uid is None else str(uid),
    )
