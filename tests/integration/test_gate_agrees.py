"""The gate against dciodvfy: what that one calls an error, the gate does not let pass."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest

from mammo_node.encode import modules
from mammo_node.encode.study import EncodedObject, encode_study
from mammo_node.encode.validity import Context, complaints
from mammo_node.vocabulary import Outcome, OutputKind
from tests.golden import samples
from tests.pictures import pictures
from tests.studies import dciodvfy

RESULT = samples.study_result(Outcome.FINDINGS, samples.positive_views()[:1])
#: What only the outside world can decide: the side of a picture of both, and whether images
#: of other studies are referred to.
_NOT_DECIDED = {"ImageLaterality", "ReferencedSeriesSequence"}


def objects() -> dict[OutputKind, EncodedObject]:
    """Return one object of each kind."""
    made = encode_study(
        RESULT,
        samples.headers(RESULT),
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(RESULT, relevant=True),
    )
    return {one.kind: one for one in reversed(made)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", OutputKind)
def test_no_attribute_is_missed_by_dciodvfy_alone(kind: OutputKind, tmp_path: Path) -> None:
    """Take away any one attribute of an object: an error for dciodvfy is one for the gate."""
    made = objects()
    known = {uid: str(ds.SOPClassUID) for uid, ds in samples.headers(RESULT).items()}
    known |= {one.sop_instance_uid: one.sop_class_uid for one in made.values()}
    context = Context(RESULT.study_instance_uid, known, (*modules.REQUIRED, *modules.OPTIONAL))
    content, file = made[kind].to_bytes(), tmp_path / "broken.dcm"
    both = 0
    for keyword in pydicom.dcmread(io.BytesIO(content)).dir():
        ds = pydicom.dcmread(io.BytesIO(content))
        delattr(ds, keyword)
        ds.save_as(file, enforce_file_format=False)
        if any(line.startswith("Error") for line in dciodvfy(file)):
            found = complaints(file.read_bytes(), context)
            assert found or keyword in _NOT_DECIDED, keyword
            both += bool(found)
    assert both > 10
