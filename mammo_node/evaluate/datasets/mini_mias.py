"""mini-MIAS 1.21 (Suckling et al., 1994), as Cambridge's Apollo repository distributes it.

322 digitised films, 1024 x 1024 PGM at 0.2 mm, all MLO; even numbers are left breasts, odd ones
right, two films to a patient. ``Info.txt`` gives a circle for each abnormality, with its origin at
the bottom left. Tissue is told as fatty, fatty-glandular or dense, which are not the four
categories of density, so that records have none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate import labels
from mammo_node.evaluate.datasets.words import present
from mammo_node.evaluate.records import ImageRecord, TrueFinding
from mammo_node.vocabulary import Box, Laterality, View

INFO = "Info.txt"
SPACING_MM = 0.2
ROWS = 1024

_CLASSES = {
    "CALC": labels.CLUSTER,
    "CIRC": labels.MASS,
    "SPIC": labels.MASS,
    "MISC": labels.MASS,
    "ARCH": labels.DISTORTION,
    "ASYM": labels.ASYMMETRY,
}
_NORMAL = "NORM"
_SEVERITY = {"B": False, "M": True}
_LINE = re.compile(
    r"^(?P<name>mdb(?P<number>\d{3}))\s+(?P<tissue>[FGD])\s+(?P<kind>[A-Z]{4})"
    r"(?:\s+(?P<severity>[BM]))?(?:\s+(?P<x>\d+)\s+(?P<y>\d+)\s+(?P<radius>\d+))?"
)


def read(root: Path, *, skip_missing: bool = False) -> list[ImageRecord]:
    """Read the data set at `root`, the folder of ``Info.txt`` and the PGM files.

    Raises
    ------
    GroundTruthError
        ``Info.txt`` or an image is missing or not as it should be.
    """
    info = root / INFO
    try:
        lines = info.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise GroundTruthError(f"{info}: cannot be read: {error.strerror}") from error
    found: dict[str, list[TrueFinding]] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        match = _LINE.match(line.strip())
        # The file begins and ends with notes in prose.
        if match is not None:
            found[match["name"]] += _findings(match, f"{info}: line {number}")
    if not found:
        raise GroundTruthError(f"{info}: no line names a film (mdb001 and the like)")
    records = [_record(name, root, tuple(findings)) for name, findings in sorted(found.items())]
    return present(records, skip_missing=skip_missing)


def _record(name: str, root: Path, findings: tuple[TrueFinding, ...]) -> ImageRecord:
    number = int(name.removeprefix("mdb"))
    patient = f"mias{(number + 1) // 2:03d}"
    return ImageRecord(
        image_id=name,
        path=root / f"{name}.pgm",
        patient=patient,
        study=patient,
        laterality=Laterality.RIGHT if number % 2 else Laterality.LEFT,
        view=View.MLO,
        findings=findings,
        annotated=frozenset(_CLASSES.values()),
        vendor="film",
        malignant=any(finding.malignant for finding in findings),
        spacing_mm=SPACING_MM,
    )


def _findings(match: re.Match[str], where: str) -> list[TrueFinding]:
    kind = match["kind"]
    if kind == _NORMAL:
        return []
    if kind not in _CLASSES:
        raise GroundTruthError(f"{where}: class {kind!r} (known: {', '.join(_CLASSES)}, NORM)")
    # Where calcifications are all over the breast there is no circle.
    box = None if match["radius"] is None else _box(match)
    return [TrueFinding(_CLASSES[kind], kind, box, _SEVERITY.get(match["severity"] or ""))]


def _box(match: re.Match[str]) -> Box:
    x, y, radius = (float(match[key]) for key in ("x", "y", "radius"))
    top_down = ROWS - y
    return Box(x - radius, top_down - radius, x + radius, top_down + radius)
