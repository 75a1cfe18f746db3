"""One image in every transfer syntax that other software makes of it: the same pixels."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.uid import UID

from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import MammoImage
from tests.peers import real_data, require
from tests.synthetic import REF, breast, mammogram, save

#: How each syntax is made from an uncompressed file: program, options, transfer syntax UID,
#: and whether the pixels come back exactly.
ENCODINGS: dict[str, tuple[list[str], str, bool]] = {
    "implicit": (["dcmconv", "+ti"], "1.2.840.10008.1.2", True),
    "explicit": (["dcmconv", "+te"], "1.2.840.10008.1.2.1", True),
    "deflated": (["dcmconv", "+td"], "1.2.840.10008.1.2.1.99", True),
    "jpeg-lossless-sv1": (["dcmcjpeg", "+e1"], "1.2.840.10008.1.2.4.70", True),
    **{
        f"jpeg-lossless-sv{n}": (
            ["dcmcjpeg", "+el", "+sv", str(n)],
            "1.2.840.10008.1.2.4.57",
            True,
        )
        for n in range(1, 8)
    },
    "jpeg-lossless-fragments": (["dcmcjpeg", "+e1", "+fs", "4"], "1.2.840.10008.1.2.4.70", True),
    "jpeg-lossless-no-table": (["dcmcjpeg", "+e1", "-ot"], "1.2.840.10008.1.2.4.70", True),
    "jpeg-extended-12": (["dcmcjpeg", "+ee", "+bt", "+q", "100"], "1.2.840.10008.1.2.4.51", False),
    "jpeg-ls": (["dcmcjpls", "+el"], "1.2.840.10008.1.2.4.80", True),
    "jpeg-ls-near": (["dcmcjpls", "+en", "+md", "2"], "1.2.840.10008.1.2.4.81", False),
    "jpeg-2000": (["gdcmconv", "--j2k"], "1.2.840.10008.1.2.4.90", True),
    "jpeg-2000-lossy": (
        ["gdcmconv", "--j2k", "--lossy", "-q", "90"],
        "1.2.840.10008.1.2.4.91",
        False,
    ),
    "gdcm-jpeg-lossless": (["gdcmconv", "--jpeg"], "1.2.840.10008.1.2.4.70", True),
    "gdcm-jpeg-ls": (["gdcmconv", "--jpegls"], "1.2.840.10008.1.2.4.80", True),
    "gdcm-rle": (["gdcmconv", "--rle"], "1.2.840.10008.1.2.5", True),
    "rle": (["dcmcrle"], "1.2.840.10008.1.2.5", True),
}
#: Grey levels of 4096 that a lossy encoding may be off at most.
_LOSSY_TOLERANCE = 60

Transcode = Callable[[str, Path], Path]


@pytest.fixture
def transcode(tmp_path: Path) -> Transcode:
    """Make another syntax of a file with the program that the table names."""

    def run(name: str, source: Path) -> Path:
        (program, *options), uid, _ = ENCODINGS[name]
        target = tmp_path / f"{name}.dcm"
        command = [require(program), *options, str(source), str(target)]
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "TCP_NODELAY": "1"}
        )
        assert pydicom.dcmread(target, stop_before_pixels=True).file_meta.TransferSyntaxUID == UID(
            uid
        )
        return target

    return run


def pixels_of(path: Path) -> npt.NDArray[np.int64]:
    image = read_mammogram(path, REF, Policy())
    assert isinstance(image, MammoImage), image
    return image.stored.astype(np.int64)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 12-bit mammogram that uses the whole range, of odd size, uncompressed."""
    pixels = breast(331, 257)
    pixels[10, 10] = 4095
    return save(mammogram(pixels), tmp_path_factory.mktemp("synthetic") / "image.dcm")


@pytest.mark.parametrize("name", ENCODINGS)
def test_synthetic_image_in_every_syntax(name: str, synthetic: Path, transcode: Transcode) -> None:
    """A made-up 12-bit image comes back from each encoder: exactly, or within its loss."""
    difference = np.abs(pixels_of(transcode(name, synthetic)) - pixels_of(synthetic))
    assert difference.max() <= (0 if ENCODINGS[name][2] else _LOSSY_TOLERANCE)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real mammogram, decompressed by DCMTK, so that its decoder is the reference."""
    source = real_data() / "ge-senographe-essential-R-MLO.dcm"
    target = tmp_path_factory.mktemp("real") / "raw.dcm"
    subprocess.run([require("dcmdjpeg"), str(source), str(target)], check=True)
    return target


def test_real_image_agrees_with_dcmtk(real: Path) -> None:
    """The pixels of a real JPEG Lossless file are those that DCMTK decodes."""
    original = real_data() / "ge-senographe-essential-R-MLO.dcm"
    expected = pydicom.dcmread(real).pixel_array
    np.testing.assert_array_equal(pixels_of(original), expected)


@pytest.mark.parametrize(
    "name",
    ["deflated", "jpeg-lossless-sv6", "jpeg-ls", "jpeg-ls-near", "jpeg-2000", "rle"],
)
def test_real_image_in_every_family(name: str, real: Path, transcode: Transcode) -> None:
    """A real 12-bit mammogram comes back from each family of encoders."""
    difference = np.abs(pixels_of(transcode(name, real)) - pixels_of(real))
    assert difference.max() <= (0 if ENCODINGS[name][2] else _LOSSY_TOLERANCE)


def test_real_image_in_jpeg_extended(real: Path, transcode: Transcode, tmp_path: Path) -> None:
    """12-bit JPEG Extended decodes to what DCMTK decodes from the same stream.

    (Its encoder remaps grey levels first, so that the original is no reference.)
    """
    encoded = transcode("jpeg-extended-12", real)
    decoded = tmp_path / "decoded.dcm"
    subprocess.run([require("dcmdjpeg"), str(encoded), str(decoded)], check=True)
    difference = pixels_of(encoded) - pydicom.dcmread(decoded).pixel_array
    assert np.abs(difference).max() <= 1
