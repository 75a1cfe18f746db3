"""A result as a destination wants it: the same information, nothing lost silently."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from mammo_node.deliver.conversion import convert, syntaxes_for
from mammo_node.destination import TransferSyntax
from mammo_node.errors import DeliveryError
from tests.peers import require

_EXPLICIT = TransferSyntax.EXPLICIT.uid
_SR = "1.2.840.10008.5.1.4.1.1.88.34"
_NAME = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def _file(**attributes: object) -> bytes:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = _SR, "2.25.1"
    ds.PatientID = "P1"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _image(samples: int) -> tuple[bytes, np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 31, samples), dtype=np.uint8)
    content = _file(
        SOPClassUID=SecondaryCaptureImageStorage,
        Rows=40,
        Columns=31,
        SamplesPerPixel=samples,
        PhotometricInterpretation="RGB" if samples == 3 else "MONOCHROME2",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelData=pixels.tobytes(),
        **({"PlanarConfiguration": 0} if samples == 3 else {}),
    )
    return content, pixels.squeeze()


def _read(content: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(content))


def test_what_is_not_asked_to_change_stays_byte_by_byte() -> None:
    """Its own transfer syntax and no character set: the very file."""
    content = _file(PatientName=_NAME)
    assert convert(content, _EXPLICIT, None).content == content
    assert convert(content, _EXPLICIT, "ISO_IR 192").content == content


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated"])
def test_every_plain_syntax_holds_the_same_dataset(syntax: str) -> None:
    """Read back, all elements are those that went in, and the file says what it is."""
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "1", "naïve"
    content = _file(PatientName=_NAME, ConceptNameCodeSequence=[item])
    converted = convert(content, TransferSyntax(syntax).uid, None)
    assert _read(converted.content) == _read(content)
    assert _read(converted.content).file_meta.TransferSyntaxUID == TransferSyntax(syntax).uid
    assert converted.note is None


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("syntax", ["jpeg-lossless", "rle"])
def test_compression_loses_no_pixel(syntax: str, samples: int, tmp_path: Path) -> None:
    """The pixels come out as they went in, here and in DCMTK, under the same UID."""
    content, pixels = _image(samples)
    converted = convert(content, TransferSyntax(syntax).uid, None).content
    ds = _read(converted)
    assert ds.SOPInstanceUID == "2.25.1"
    if syntax == "rle":
        assert np.array_equal(ds.pixel_array, pixels)
    else:
        (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
        assert np.array_equal(imagecodecs.jpeg8_decode(frame), pixels)
    given, plain = tmp_path / "given.dcm", tmp_path / "plain.dcm"
    given.write_bytes(converted)
    program = {"jpeg-lossless": "dcmdjpeg", "rle": "dcmdrle"}[syntax]
    subprocess.run([require(program), given, plain], check=True, timeout=60)
    restored = pydicom.dcmread(plain)
    assert np.array_equal(restored.pixel_array, pixels)


def test_pixels_that_cannot_be_compressed_are_an_error() -> None:
    """Nothing is labelled as compressed that is not."""
    content, _ = _image(1)
    ds = _read(content)
    ds.BitsAllocated = 16
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    with pytest.raises(DeliveryError, match="JPEG Lossless"):
        convert(buffer.getvalue(), TransferSyntax.JPEG_LOSSLESS.uid, None)


def test_compressed_syntaxes_are_for_images() -> None:
    """A report goes out in the first plain syntax, or in the default one."""
    rle_first = (TransferSyntax.RLE, TransferSyntax.EXPLICIT)
    assert syntaxes_for(SecondaryCaptureImageStorage, rle_first)[0] == TransferSyntax.RLE.uid
    assert syntaxes_for(_SR, rle_first) == (_EXPLICIT,)
    assert syntaxes_for(_SR, (TransferSyntax.RLE,)) == (TransferSyntax.IMPLICIT.uid,)


@pytest.mark.parametrize(
    ("character_set", "name", "encoded"),
    [
        ("ISO_IR 100", "Müller^Änne", "Müller^Änne".encode("latin-1")),
        ("ISO_IR 144", "Иванова^Анна", "Иванова^Анна".encode("iso8859_5")),
        ("GB18030", "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东".encode("gb18030")),
        ("\\ISO 2022 IR 87", _NAME, b"Yamada^Tarou=\x1b$B;3ED"),
    ],
)
def test_texts_are_written_in_the_wanted_set(character_set: str, name: str, encoded: bytes) -> None:
    """A peer that reads the declared set sees the very name."""
    converted = convert(_file(PatientName=name), _EXPLICIT, character_set)
    assert converted.note is None
    assert encoded in converted.content
    assert str(_read(converted.content).PatientName) == name


def test_a_nested_set_is_written_anew_as_well() -> None:
    """An item that declared a set of its own is in the wanted one afterwards."""
    item = Dataset()
    item.SpecificCharacterSet, item.CodeMeaning = "ISO_IR 144", "железа"
    content = _file(ConceptNameCodeSequence=[item])
    (read,) = _read(convert(content, _EXPLICIT, "ISO_IR 192").content).ConceptNameCodeSequence
    assert read.CodeMeaning == "железа"
    converted = convert(content, _EXPLICIT, "ISO_IR 144")
    (read,) = _read(converted.content).ConceptNameCodeSequence
    assert (read.CodeMeaning, "SpecificCharacterSet" in read) == ("железа", False)


def test_the_default_repertoire_is_declared_by_saying_nothing() -> None:
    """ASCII has no defined term of its own (PS3.3 C.12.1.1.2); Latin letters do not fit in it."""
    content = _file(PatientName="DOE^JANE", StudyDescription="Prüfung")
    converted = convert(content, _EXPLICIT, "ISO_IR 6")
    read = _read(converted.content)
    assert "SpecificCharacterSet" not in read
    assert read.StudyDescription == "Pr?fung"
    assert str(converted.note).startswith("1 characters")
    assert convert(converted.content, _EXPLICIT, "ISO_IR 6").content == converted.content


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"PatientName": _NAME}, "PatientName"),
        ({"PatientID": "病-1"}, "PatientID"),
        ({"AccessionNumber": "№ 5"}, "AccessionNumber"),
        ({"ReferringPhysicianName": "Ω^"}, "ReferringPhysicianName"),
    ],
)
def test_a_name_or_id_is_never_changed(attributes: dict[str, str], what: str) -> None:
    """What the set cannot carry keeps the object as it came, and the note says which it is."""
    content = _file(**attributes)
    converted = convert(content, _EXPLICIT, "ISO_IR 100")
    assert converted.content == content
    assert converted.note == f"kept in ISO_IR 192: ISO_IR 100 cannot carry {what}"


def test_descriptions_lose_characters_audibly() -> None:
    """Characters without a place become '?', one by one, and are counted in the note."""
    converted = convert(_file(StudyDescription="Brust 乳 Ω Ä"), _EXPLICIT, "ISO_IR 100")
    assert _read(converted.content).StudyDescription == "Brust ? ? Ä"
    assert converted.note == "2 characters that ISO_IR 100 cannot carry became '?'"


def test_text_that_is_not_what_it_declares_is_left_alone() -> None:
    """Latin-1 bytes that are declared as UTF-8 or as ASCII stay the bytes they are."""
    latin = _file(PatientName="Muller^").replace(b"Muller^", b"M\xfcller^")
    ascii_declared = latin.replace(b"ISO_IR 192", b"ISO_IR 6\0\0")
    for content in (latin, ascii_declared):
        converted = convert(content, _EXPLICIT, "ISO_IR 144")
        assert converted.content == content
        assert "its texts are not what it declares" in str(converted.note)


@pytest.mark.parametrize("start", [132, 0])
def test_a_file_that_is_none_says_nothing_of_its_content(start: int) -> None:
    """The error for bytes that are no DICOM, with the prefix or without, names no value."""
    broken = _file()[:start] + b"DOE^JANE" * 40
    with pytest.raises(DeliveryError) as caught:
        convert(broken, _EXPLICIT, "ISO_IR 100")
    assert "DOE" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(
        st.characters(blacklist_categories=("C", "Z"), blacklist_characters="\\=^"), max_size=20
    ),
    text=st.text(
        st.characters(blacklist_categories=("C", "Z"), blacklist_characters="\\"), max_size=40
    ),
    wanted=st.sampled_from(
        ["ISO_IR 100", "ISO_IR 192", "GB18030", "\\ISO 2022 IR 87", "ISO_IR 13"]
    ),
)
def test_no_text_is_lost_silently(name: str, text: str, wanted: str) -> None:
    """Whatever the texts: they read the same in the end, or the note says that they do not."""
    content = _file(PatientName=name, StudyDescription=text)
    converted = convert(content, _EXPLICIT, wanted)
    before, after = _read(content), _read(converted.content)
    assert str(after.PatientName) == str(before.PatientName)
    assert converted == convert(content, _EXPLICIT, wanted)
    if converted.note is None:
        assert after.StudyDescription == before.StudyDescription
