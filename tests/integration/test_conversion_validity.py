"""Every kind of result, as destinations want it, is as valid and as complete as it was made."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pydicom
import pytest

from mammo_node.deliver.conversion import convert, syntaxes_for
from mammo_node.destination import TransferSyntax
from mammo_node.encode.study import EncodedObject, encode_study
from mammo_node.vocabulary import OutputKind
from tests.golden import samples
from tests.peers import require
from tests.pictures import pictures

_NAME = "Müller^Änne"
#: What conversion is about: compared by itself, or allowed to differ.
_NOT_COMPARED = {"SpecificCharacterSet", "PixelData", "PlanarConfiguration"}


@pytest.fixture(scope="module")
def made() -> tuple[EncodedObject, ...]:
    """One study's answer in every kind, of a patient with letters beyond ASCII."""
    result = samples.answers()["findings"]
    headers = samples.headers(result)
    for header in headers.values():
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 100", _NAME
    return encode_study(
        result,
        headers,
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, relevant=True),
    )


@pytest.mark.parametrize("wanted", TransferSyntax)
def test_every_kind_in_every_syntax_is_valid(
    wanted: TransferSyntax, made: tuple[EncodedObject, ...], tmp_path: Path
) -> None:
    """A validator has nothing to say, the name is the patient's, and no value was lost."""
    assert {one.kind for one in made} == set(OutputKind)
    first_of_each = {one.kind: one for one in reversed(made)}
    for kind, one in first_of_each.items():
        (syntax, *_) = syntaxes_for(one.sop_class_uid, (wanted, TransferSyntax.EXPLICIT))
        converted = convert(one.to_bytes(), syntax, "ISO_IR 192")
        assert converted.note is None
        path = tmp_path / f"{kind.value}.dcm"
        path.write_bytes(converted.content)
        assert _complaints(path) == [], kind
        read, before = pydicom.dcmread(path), pydicom.dcmread(io.BytesIO(one.to_bytes()))
        assert read.PatientName == _NAME
        assert read.file_meta.TransferSyntaxUID == syntax
        if "PixelData" in before and not read.file_meta.TransferSyntaxUID.is_encapsulated:
            assert read.PixelData == before.PixelData, kind
        for ds in (read, before):
            for keyword in _NOT_COMPARED & set(ds.dir()):
                delattr(ds, keyword)
        assert read == before, kind


def _complaints(path: Path) -> list[str]:
    plain = path.with_suffix(".plain")
    if pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_deflated:  # dciodvfy cannot read it
        subprocess.run([require("dcmconv"), "+te", path, plain], check=True, timeout=60)
        path = plain
    done = subprocess.run(
        [require("dciodvfy"), path], capture_output=True, text=True, timeout=60, check=False
    )
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Warning"))]
