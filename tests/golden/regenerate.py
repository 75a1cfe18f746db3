"""Golden DICOM JSON (PS3.18 Annex F) of every kind of object that encoding makes.

``python -m tests.golden.regenerate`` writes the files anew after a wanted change; read the
difference before committing it, as receivers will see the same one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import OutputKind
from tests.golden import samples
from tests.pictures import pictures

FOLDER = Path(__file__).parent
#: File name -> answer, kind and place among the objects of that kind.
CASES = {
    "sr-findings": ("findings", OutputKind.SR, 0),
    "sr-no-findings": ("no-findings", OutputKind.SR, 0),
    "sr-partial": ("partial", OutputKind.SR, 0),
    "sr-failed-unread": ("failed-unread", OutputKind.SR, 0),
    "gsps-findings": ("findings", OutputKind.GSPS, 0),
    "gsps-no-findings": ("findings", OutputKind.GSPS, 1),
    "gsps-refused": ("partial", OutputKind.GSPS, 3),
    "cad-sr-findings": ("findings", OutputKind.CAD_SR, 0),
    "cad-sr-no-findings": ("no-findings", OutputKind.CAD_SR, 0),
    "cad-sr-partial": ("partial", OutputKind.CAD_SR, 0),
    "cad-sr-failed": ("failed", OutputKind.CAD_SR, 0),
    "cad-sr-failed-unread": ("failed-unread", OutputKind.CAD_SR, 0),
    "cad-sr-not-attempted": ("not-attempted", OutputKind.CAD_SR, 0),
    "cad-sr-matched": ("matched", OutputKind.CAD_SR, 0),
    "sr-rich": ("rich", OutputKind.SR, 0),
    "cad-sr-rich": ("rich", OutputKind.CAD_SR, 0),
    "key-objects-findings": ("findings", OutputKind.KEY_OBJECTS, 0),
    "key-objects-partial": ("partial", OutputKind.KEY_OBJECTS, 0),
    "overview-findings": ("findings", OutputKind.OVERVIEW, 0),
    "overview-relevance": ("findings", OutputKind.OVERVIEW, 1),
    "overview-not-attempted": ("not-attempted", OutputKind.OVERVIEW, 0),
    "pdf-findings": ("findings", OutputKind.PDF, 0),
    "pdf-failed-unread": ("failed-unread", OutputKind.PDF, 0),
    "seg-breast": ("findings", OutputKind.SEG, 0),
    "seg-relevance": ("findings", OutputKind.SEG, 1),
}
#: Pixel Data and Encapsulated Document. Of bits and of letters the bytes are the same on every
#: machine; the last digit of a scaled image, and what zlib makes of a page, are not.
BULK = ("7FE00010", "00420011")
EXACT_BULK = ("overview-not-attempted", "seg-breast", "seg-relevance")
_DOCUMENT_LENGTH = "00420015"


def made(name: str) -> Dataset:
    """Encode the object of a case."""
    answer, kind, place = CASES[name]
    others = {"matched": samples.matched(), "rich": samples.rich()}
    result = (samples.answers() | others)[answer]
    objects = encode_study(
        result,
        samples.headers(result),
        [kind],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, relevant=True),
    )
    return objects[place].dataset


def golden_json(name: str) -> dict[str, Any]:
    """Return file meta information and dataset of a case as DICOM JSON, bulk data by its hash."""
    ds = made(name)
    values = ds.to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=_digest)
    for tag in BULK:
        if tag in values and name not in EXACT_BULK:
            values[tag] = {"vr": values[tag]["vr"]}
            values.pop(_DOCUMENT_LENGTH, None)
    return {"meta": ds.file_meta.to_json_dict(), "dataset": values}


def _digest(element: DataElement) -> str:
    return f"sha256:{hashlib.sha256(element.value).hexdigest()}"


def path(name: str) -> Path:
    """Return where the golden file of a case lies."""
    return FOLDER / f"{name}.json"


def main() -> int:
    """Write all golden files."""
    for name in CASES:
        text = json.dumps(golden_json(name), indent=1, ensure_ascii=False, sort_keys=True)
        path(name).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
