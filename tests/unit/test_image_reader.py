"""Reading: right pixels out of every way to store them, a refusal for every broken one."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from mammo_node.header import part10
from mammo_node.image import cells, reader
from mammo_node.image.presentation import render
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import (
    MammoImage,
    OrientationOrigin,
    Refusal,
    RefusalReason,
    VoiKind,
)
from tests.synthetic import REF, breast, mammogram, save

PIXELS = breast()


def read(ds: Dataset, folder: Path, syntax: UID | None = None) -> MammoImage | Refusal:
    path = save(ds, folder / "image.dcm", *([syntax] if syntax else []))
    return reader.read_mammogram(path, REF, Policy())


def accepted(ds: Dataset, folder: Path, syntax: UID | None = None) -> MammoImage:
    found = read(ds, folder, syntax)
    assert isinstance(found, MammoImage), found
    return found


def refused(ds: Dataset, folder: Path, syntax: UID | None = None) -> str:
    found = read(ds, folder, syntax)
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.PIXEL_DATA
    return found.detail


def compressed(stream: bytes, fragments: int = 1, **more: Any) -> Dataset:
    ds = mammogram(**more)
    ds.PixelData = encapsulate([stream], fragments_per_frame=fragments)
    return ds


def jpeg_lossless(pixels: np.ndarray = PIXELS) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=12))


def jpeg_extended(pixels: np.ndarray = PIXELS) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=98, bitspersample=12))


def jpeg_ls(pixels: np.ndarray = PIXELS) -> bytes:
    return bytes(imagecodecs.jpegls_encode(pixels))


def jpeg_2000(pixels: np.ndarray = PIXELS) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=12))


def rle(pixels: np.ndarray = PIXELS) -> bytes:
    rows, columns = pixels.shape
    return bytes(
        RLELosslessEncoder.encode(
            pixels,
            encoding_plugin="pydicom",
            rows=rows,
            columns=columns,
            samples_per_pixel=1,
            bits_allocated=8 * pixels.itemsize,
            bits_stored=8 * pixels.itemsize,
            pixel_representation=int(pixels.dtype.kind == "i"),
            number_of_frames=1,
            photometric_interpretation="MONOCHROME2",
        )
    )


STREAMS = {
    JPEGLosslessSV1: jpeg_lossless,
    JPEGLossless: jpeg_lossless,
    JPEGExtended12Bit: jpeg_extended,
    JPEGLSLossless: jpeg_ls,
    JPEGLSNearLossless: jpeg_ls,
    JPEG2000Lossless: jpeg_2000,
    JPEG2000: jpeg_2000,
    RLELossless: rle,
}
by_syntax = pytest.mark.parametrize("syntax", list(STREAMS), ids=lambda uid: uid.keyword)


def test_an_image_carries_what_its_header_says(tmp_path: Path) -> None:
    """Pixels, side, view, spacing, orientation and manufacturer reach the image."""
    image = accepted(mammogram(), tmp_path)
    np.testing.assert_array_equal(image.stored, PIXELS)
    assert (image.laterality, image.view, image.shape) == ("R", "CC", (200, 160))
    assert image.orientation.chest_wall_right
    assert image.orientation.origin is OrientationOrigin.HEADER
    assert (image.spacing.row_mm, image.manufacturer) == (0.1, "ACME")
    assert image.padding is None
    assert image.ref is REF


@by_syntax
@pytest.mark.parametrize("fragments", [1, 3])
def test_compressed_streams_decode(syntax: UID, fragments: int, tmp_path: Path) -> None:
    """Every compressed syntax gives the pixels back, in one fragment or in several."""
    image = accepted(compressed(STREAMS[syntax](), fragments), tmp_path, syntax)
    tolerance = 20 if syntax == JPEGExtended12Bit else 0
    assert np.abs(image.stored.astype(int) - PIXELS).max() <= tolerance


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_native_syntaxes(syntax: UID, tmp_path: Path) -> None:
    """Implicit VR and deflated datasets hold the same pixels."""
    np.testing.assert_array_equal(accepted(mammogram(), tmp_path, syntax).stored, PIXELS)


def test_odd_length_of_eight_bit_pixels(tmp_path: Path) -> None:
    """An odd number of bytes is padded to an even one, and the padding is no pixel."""
    pixels = (breast(201, 161) >> 4).astype(np.uint8)
    image = accepted(mammogram(pixels), tmp_path)
    np.testing.assert_array_equal(image.stored, pixels)


@pytest.mark.parametrize(
    "syntax", [JPEGBaseline8Bit, JPEGLosslessSV1, RLELossless, JPEG2000Lossless]
)
def test_eight_bit_streams(syntax: UID, tmp_path: Path) -> None:
    """8-bit images decode in each family."""
    pixels = (PIXELS >> 4).astype(np.uint8)
    stream = {
        JPEGBaseline8Bit: lambda: imagecodecs.jpeg8_encode(pixels, level=98),
        JPEGLosslessSV1: lambda: imagecodecs.jpeg8_encode(pixels, lossless=True),
        RLELossless: lambda: rle(pixels),
        JPEG2000Lossless: lambda: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"),
    }[syntax]()
    ds = mammogram(pixels)
    ds.PixelData = encapsulate([bytes(stream)])
    image = accepted(ds, tmp_path, syntax)
    tolerance = 12 if syntax == JPEGBaseline8Bit else 0
    assert np.abs(image.stored.astype(int) - pixels).max() <= tolerance


@pytest.mark.parametrize("extended", [False, True])
def test_offset_tables_are_not_needed(extended: bool, tmp_path: Path) -> None:
    """An empty offset table or an extended one leads to the same pixels."""
    stream = jpeg_ls()
    ds = compressed(stream)
    ds.PixelData = encapsulate([stream], has_bot=False)
    if extended:
        ds.ExtendedOffsetTable = struct.pack("<Q", 0)
        ds.ExtendedOffsetTableLengths = struct.pack("<Q", len(stream))
    np.testing.assert_array_equal(accepted(ds, tmp_path, JPEGLSLossless).stored, PIXELS)


def test_signed_pixels(tmp_path: Path) -> None:
    """Two's complement in Bits Stored comes out signed, whatever the unused bits hold."""
    signed = PIXELS.astype(np.int16) - 2048
    for words in (signed, signed & 0x0FFF):
        image = accepted(mammogram(words.astype(np.int16)), tmp_path)
        np.testing.assert_array_equal(image.stored, signed)
        assert image.stored.dtype == np.int16
    greys = render(image, VoiKind.NONE)
    np.testing.assert_allclose(greys, PIXELS / 4095, atol=1e-6)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, RLELossless])
def test_signed_pixels_compressed(syntax: UID, tmp_path: Path) -> None:
    """Signed pixels survive each family's own idea of signedness."""
    signed = PIXELS.astype(np.int16) - 2048
    stream = {
        JPEGLosslessSV1: lambda: jpeg_lossless((signed & 0x0FFF).astype(np.uint16)),
        JPEG2000Lossless: lambda: bytes(
            imagecodecs.jpeg2k_encode(signed, codecformat="j2k", bitspersample=12)
        ),
        RLELossless: lambda: rle(signed),
    }[syntax]()
    image = accepted(compressed(stream, PixelRepresentation=1), tmp_path, syntax)
    np.testing.assert_array_equal(image.stored, signed)


def test_high_bit_above_bits_stored(tmp_path: Path) -> None:
    """Values that sit high in the cell are shifted down."""
    ds = mammogram((PIXELS << 4).astype(np.uint16), HighBit=15)
    np.testing.assert_array_equal(accepted(ds, tmp_path).stored, PIXELS)


def test_embedded_overlay_bits_are_masked(tmp_path: Path) -> None:
    """A retired overlay plane in an unused bit is no part of the pixel value."""
    ds = mammogram((PIXELS | 0x8000).astype(np.uint16))
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    np.testing.assert_array_equal(accepted(ds, tmp_path).stored, PIXELS)


def test_a_garbled_overlay_position_masks_nothing() -> None:
    """An overlay whose bit position cannot be read accounts for no bits."""
    ds = mammogram()
    ds._dict[Tag(0x60000102)] = RawDataElement(Tag(0x60000102), "US", 1, b"\x0f", 0, False, True)
    assert cells.overlay_bits(ds) == 0


def test_unsigned_cells_of_signed_values_are_not_clipped() -> None:
    """Lossy cells that hold two's complement as unsigned words have no ends to clip at."""
    described = cells.pixel_format(mammogram(PixelRepresentation=1), 10**6)
    words = np.full((200, 160), 0xFFFF, np.uint16)
    assert cells.without_overshoot(words, described) is words
    overshot = np.full((200, 160), 2060, np.int16)
    assert cells.without_overshoot(overshot, described).max() == 2047


def test_a_decoder_that_returns_another_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a decoder makes of a stream, only Rows x Columns pixels are taken."""
    monkeypatch.setattr(imagecodecs, "jpegls_decode", lambda _stream: PIXELS.T)
    assert "another size" in refused(compressed(jpeg_ls()), tmp_path, JPEGLSLossless)


def test_values_beyond_bits_stored_are_refused(tmp_path: Path) -> None:
    """Bits Stored that is too small would wrap bright tissue around to dark: refused."""
    assert "Bits Stored" in refused(mammogram((PIXELS << 2).astype(np.uint16)), tmp_path)
    signed = mammogram((PIXELS << 3).astype(np.int16), PixelRepresentation=1)
    assert "Bits Stored" in refused(signed, tmp_path)


@pytest.mark.parametrize(("greatest", "fits"), [(4095 + 300, True), (4095 + 900, False)])
def test_lossy_overshoot_is_clipped(greatest: int, fits: bool, tmp_path: Path) -> None:
    """Lossy compression may exceed Bits Stored a little; far beyond, Bits Stored is wrong."""
    pixels = PIXELS.copy()
    pixels[100, 150] = greatest
    stream = bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"))
    if not fits:
        assert "Bits Stored" in refused(compressed(stream), tmp_path, JPEG2000)
        return
    image = accepted(compressed(stream), tmp_path, JPEG2000)
    assert image.stored[100, 150] == 4095
    np.testing.assert_array_equal(image.stored, np.minimum(pixels, 4095))


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [
        (0, None, lambda p: p == 0),
        (0, 2100, lambda p: p <= 2100),
        (2100, 0, lambda p: p <= 2100),
        (5, None, None),
    ],
)
def test_padding(value: int, limit: int | None, expected: Any, tmp_path: Path) -> None:
    """Padding is the value or the inclusive range, in either order; None when there is none."""
    ds = mammogram()
    ds.add_new(0x00280120, "US", value)
    if limit is not None:
        ds.add_new(0x00280121, "US", limit)
    image = accepted(ds, tmp_path)
    if expected is None:
        assert image.padding is None
    else:
        np.testing.assert_array_equal(image.padding, expected(PIXELS))
        assert (render(image, VoiKind.NONE)[image.padding] == 0).all()


def test_signed_padding_with_an_unsigned_representation(tmp_path: Path) -> None:
    """Padding Value -2048 written as US 63488 still finds the padding."""
    ds = mammogram(PIXELS.astype(np.int16) - 2048)
    ds.add_new(0x00280120, "US", 65536 - 2048)
    np.testing.assert_array_equal(accepted(ds, tmp_path).padding, PIXELS == 0)


@pytest.mark.parametrize(
    ("photometric", "shape", "negative"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", False),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", False),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_air_comes_out_dark(photometric: str, shape: str, negative: bool, tmp_path: Path) -> None:
    """Where photometric interpretation and shape contradict, the air beside the breast decides."""
    ds = mammogram(4095 - PIXELS if negative else PIXELS)
    ds.PhotometricInterpretation, ds.PresentationLUTShape = photometric, shape
    greys = render(accepted(ds, tmp_path), VoiKind.NONE)
    assert greys[:, :10].mean() < 0.1
    assert greys[90:110, -10:].mean() > 0.4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Rows": 201}, "64320"),
        ({"Columns": 80}, "32000"),
        ({"Rows": None}, "Rows"),
        ({"Columns": 0}, "Columns"),
        ({"BitsAllocated": 32}, "Bits Allocated is 32"),
        ({"BitsAllocated": 12}, "Bits Allocated is 12"),
        ({"BitsStored": 17, "HighBit": 16}, "do not fit"),
        ({"BitsStored": 12, "HighBit": 5}, "do not fit"),
        ({"BitsStored": None}, "BitsStored"),
        ({"Rows": 65535, "Columns": 65535}, "more than any mammogram"),
    ],
)
def test_lying_descriptions_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    """A header that does not fit its pixels is refused, naming what does not fit."""
    ds = mammogram()
    for keyword, content in changes.items():
        if content is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, content)
    assert words in refused(ds, tmp_path)


def test_missing_pixel_data_is_refused(tmp_path: Path) -> None:
    """An image object without pixel data is refused."""
    ds = mammogram()
    del ds.PixelData
    assert "no pixel data" in refused(ds, tmp_path)


def test_unsupported_syntax_is_refused_by_name(tmp_path: Path) -> None:
    """A transfer syntax without a decoder is named in the refusal."""
    path = save(mammogram(), tmp_path / "image.dcm")
    raw = path.read_bytes()
    assert raw.count(b"1.2.840.10008.1.2.1\0") == 1
    path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"))
    found = reader.read_mammogram(path, REF, Policy())
    assert isinstance(found, Refusal)
    assert ExplicitVRBigEndian.name in found.detail or found.reason is not RefusalReason.PIXEL_DATA


@by_syntax
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.95])
def test_truncated_streams_are_refused(syntax: UID, part: float, tmp_path: Path) -> None:
    """A stream that stops anywhere is refused: half an image is not an image."""
    stream = STREAMS[syntax]()
    refused(compressed(stream[: int(len(stream) * part)] or b"\0\0"), tmp_path, syntax)


@pytest.mark.parametrize("make", [jpeg_lossless, jpeg_extended])
@pytest.mark.parametrize("gap", [(0.5, 1.0), (0.3, 0.5)])
def test_jpeg_with_a_gap_is_refused(make: Any, gap: tuple[float, float], tmp_path: Path) -> None:
    """A JPEG stream that lacks a part but has its end is refused, though libjpeg takes it."""
    stream = make()
    body = stream[: int(len(stream) * gap[0])] + stream[int(len(stream) * gap[1]) :]
    body = body if body.endswith(b"\xff\xd9") else body + b"\xff\xd9"
    assert imagecodecs.jpeg8_decode(body).shape == PIXELS.shape
    assert "JPEG stream" in refused(compressed(body), tmp_path, JPEGLossless)


def test_jpeg_with_something_behind_the_image_is_refused(tmp_path: Path) -> None:
    """Compressed data that the image does not need means that the decoder lost step."""
    stream = jpeg_lossless()
    body = stream[:-2] + bytes(range(1, 60)) + b"\xff\xd9"
    assert "goes on" in refused(compressed(body), tmp_path, JPEGLossless)


@by_syntax
def test_stream_of_another_size_is_refused(syntax: UID, tmp_path: Path) -> None:
    """Rows and Columns that differ from the stream's own are refused before decoding."""
    stream = STREAMS[syntax](breast(200, 158))
    refused(compressed(stream), tmp_path, syntax)


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLSLossless, JPEG2000])
def test_declared_giant_streams_are_refused(syntax: UID, tmp_path: Path) -> None:
    """A stream that claims 65535 x 65535 pixels never reaches the decoder's allocation."""
    stream = STREAMS[syntax]()
    size = struct.pack(">LL", 160, 200) if syntax == JPEG2000 else struct.pack(">HH", 200, 160)
    giant = struct.pack(">LL", 2**30, 2**30) if len(size) == 8 else b"\xff" * 4
    assert size in stream
    detail = refused(compressed(stream.replace(size, giant, 1)), tmp_path, syntax)
    assert "65535 x 65535" in detail or "1073741824" in detail


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
def test_stream_of_more_bits_than_allocated_is_refused(syntax: UID, tmp_path: Path) -> None:
    """A 12-bit stream under an 8-bit header is refused."""
    ds = mammogram((PIXELS >> 4).astype(np.uint8))
    ds.PixelData = encapsulate([STREAMS[syntax]()])
    assert "12 bits a sample" in refused(ds, tmp_path, syntax)


def test_high_bit_that_the_stream_cannot_have_is_refused(tmp_path: Path) -> None:
    """High Bit 15 with a stream of 12-bit samples leaves open where the value is."""
    ds = compressed(jpeg_lossless(), HighBit=15)
    assert "High Bit 15" in refused(ds, tmp_path, JPEGLosslessSV1)


def test_high_bit_of_a_compressed_cell(tmp_path: Path) -> None:
    """Where the whole 16-bit cell was compressed, its values are shifted down."""
    stream = bytes(imagecodecs.jpegls_encode((PIXELS << 4).astype(np.uint16)))
    image = accepted(compressed(stream, HighBit=15), tmp_path, JPEGLSLossless)
    np.testing.assert_array_equal(image.stored, PIXELS)


def test_signed_stream_under_an_unsigned_header_is_refused(tmp_path: Path) -> None:
    """A JPEG 2000 stream with a sign that Pixel Representation denies is refused."""
    signed = PIXELS.astype(np.int16) - 2048
    stream = bytes(imagecodecs.jpeg2k_encode(signed, codecformat="j2k", bitspersample=12))
    assert "signed samples" in refused(compressed(stream), tmp_path, JPEG2000Lossless)


def test_subsampled_stream_is_refused(tmp_path: Path) -> None:
    """A JPEG 2000 component on a coarser grid than the image is not stretched to fit."""
    stream = bytearray(jpeg_2000())
    assert stream[43:45] == b"\x01\x01"  # XRsiz, YRsiz (T.800 A.5.1)
    stream[43:45] = b"\x02\x02"
    refused(compressed(bytes(stream)), tmp_path, JPEG2000Lossless)


def test_a_blank_jpeg_image_decodes(tmp_path: Path) -> None:
    """An image of one grey cannot be probed for its end, and is read all the same."""
    blank = np.full((200, 160), 7, np.uint16)
    image = accepted(compressed(jpeg_lossless(blank)), tmp_path, JPEGLosslessSV1)
    assert (image.stored == 7).all()


def test_colour_streams_are_refused(tmp_path: Path) -> None:
    """A stream with three components under a grey-scale header is refused."""
    colour = np.repeat((PIXELS >> 4).astype(np.uint8)[..., None], 3, axis=2)
    stream = bytes(imagecodecs.jpeg8_encode(colour))
    detail = refused(compressed(stream), tmp_path, JPEGBaseline8Bit)
    assert "components" in detail


@pytest.mark.parametrize(
    ("encapsulated", "words"),
    [
        (b"", "no pixel data"),
        (b"\xfe\xff\x00\xe0\0\0\0\0", "no fragments"),
        (b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\0\0\0\0", "no fragments"),
        (b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\xff\0\0\0abcd", "cut off"),
        (b"abcdefgh", "not a sequence"),
        (b"\xfe\xff\x00\xe0\x08\0\0\0" + b"\0" * 8 + b"\xfe\xff\x00\xe0\x02\0\0\0ab", "several"),
        (b"\xfe\xff\x00\xe0\0\0\0\0" + b"garb", "not a sequence"),
    ],
)
def test_broken_encapsulation_is_refused(encapsulated: bytes, words: str, tmp_path: Path) -> None:
    """Missing, cut off or foreign items instead of fragments are refused."""
    ds = mammogram()
    ds.PixelData = encapsulated
    path = tmp_path / "image.dcm"
    item = b"\xfe\xff\x00\xe0"
    if encapsulated.startswith(item):
        save(ds, path, JPEGLSLossless)
    else:  # the library refuses to write such a thing
        ds.PixelData = item + b"\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
        save(ds, path, JPEGLSLossless)
        path.write_bytes(path.read_bytes().replace(item + b"\0\0\0\0", encapsulated, 1))
    assert words in refused_file(path)


def refused_file(path: Path) -> str:
    found = reader.read_mammogram(path, REF, Policy())
    assert isinstance(found, Refusal)
    return found.detail


@pytest.mark.parametrize("content", [b"", b"not DICOM", b"\0" * 128 + b"DICM", b"\0" * 4096])
def test_files_that_are_not_dicom_are_refused(content: bytes, tmp_path: Path) -> None:
    """Anything that is no DICOM file is refused as unreadable."""
    path = tmp_path / "image.dcm"
    path.write_bytes(content)
    found = reader.read_mammogram(path, REF, Policy())
    assert isinstance(found, Refusal)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is gone is a refusal for this image, not the end of the study."""
    found = reader.read_mammogram(tmp_path / "gone.dcm", REF, Policy())
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.HEADER


def test_deflated_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deflated dataset that would become larger than any mammogram is not inflated."""
    monkeypatch.setattr(part10, "MAX_DATASET_BYTES", 2**20)
    path = save(mammogram(), tmp_path / "image.dcm", DeflatedExplicitVRLittleEndian)
    raw = path.read_bytes()
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"\0" * 2**22) + packer.flush()
    start = 144 + int(part10.read_header(path).file_meta.FileMetaInformationGroupLength)
    path.write_bytes(raw[:start] + bomb)
    assert "more than any mammogram" in refused_file(path)
    path.write_bytes(raw[:-40])
    assert "cut off" in refused_file(path)


@pytest.mark.filterwarnings("ignore:End of file reached")
def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    """A file that lost its end at any place is refused."""
    for syntax, ds in ((None, mammogram()), (JPEGLSLossless, compressed(jpeg_ls()))):
        path = save(ds, tmp_path / "image.dcm", *([syntax] if syntax else []))
        whole = path.read_bytes()
        for part in (0.02, 0.3, 0.99):
            path.write_bytes(whole[: int(len(whole) * part)])
            assert isinstance(reader.read_mammogram(path, REF, Policy()), Refusal)


def test_orientation_is_refused_when_nothing_shows_it(tmp_path: Path) -> None:
    """No Patient Orientation and no breast at either edge: refused, not guessed."""
    ds = mammogram(np.full((200, 160), 7, np.uint16))
    del ds.PatientOrientation
    found = read(ds, tmp_path)
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.ORIENTATION


@by_syntax
def test_damaged_streams_give_an_image_or_a_refusal(syntax: UID, tmp_path: Path) -> None:
    """Flipped, cut, removed and repeated bytes anywhere in a stream never raise."""
    dice = random.Random(20)
    stream = STREAMS[syntax]()
    outcomes = {damaged(stream, dice, tmp_path, syntax) for _ in range(60)}
    assert Refusal in outcomes
    assert outcomes <= {Refusal, MammoImage}


def damaged(stream: bytes, dice: random.Random, folder: Path, syntax: UID) -> type:
    harmed = bytearray(stream)
    for _ in range(dice.choice([1, 1, 3, 20])):
        at = dice.randrange(dice.choice([80, len(harmed)]))
        kind = dice.randrange(4)
        if kind == 0:
            harmed[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            harmed[at] = dice.choice([0, 0xFF, dice.randrange(256)])
        elif kind == 2:
            del harmed[at : at + dice.choice([1, 2, 50])]
        else:
            harmed[at:at] = harmed[: dice.choice([1, 4, 90])]
    return type(read(compressed(bytes(harmed)), folder, syntax))


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_give_an_image_or_a_refusal(tmp_path: Path) -> None:
    """Damage anywhere in a file, header included, never raises."""
    dice = random.Random(7)
    whole = save(compressed(jpeg_ls()), tmp_path / "image.dcm", JPEGLSLossless).read_bytes()
    path = tmp_path / "harmed.dcm"
    outcomes = set()
    for _ in range(250):
        harmed = bytearray(whole)
        for _ in range(dice.choice([1, 2, 5])):
            harmed[dice.randrange(128, 1000)] = dice.randrange(256)
        path.write_bytes(harmed)
        outcomes.add(type(reader.read_mammogram(path, REF, Policy())))
    assert outcomes == {Refusal, MammoImage}
