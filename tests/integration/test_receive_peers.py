"""DCMTK as sender: what hospitals' toolkits send arrives bit for bit, in every syntax."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests import peers
from tests.receiving import CALLED, CALLING, MG, Reception, mammogram, reception

UID = "2.25.77"
SIDE = 64


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Reception]:
    """A server that takes from ROOM_1."""
    with reception(tmp_path / "receiver") as running:
        yield running


def run(*command: object) -> subprocess.CompletedProcess[str]:
    # Debian's DCMTK leaves Nagle on: 44 ms a message without this.
    environment = {**os.environ, "TCP_NODELAY": "1"}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )


def call(program: str, receiver: Reception, *arguments: object, calling: str = CALLING) -> int:
    path = peers.require(program)
    options = ["-aet", calling, "-aec", CALLED]
    return run(path, *options, "127.0.0.1", receiver.port, *arguments).returncode


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A 12-bit mammogram of noise, Explicit VR Little Endian."""
    ds = mammogram(UID, Rows=SIDE, Columns=SIDE)
    pixels = np.random.default_rng(1).integers(0, 4096, (SIDE, SIDE), dtype=np.uint16)
    ds.PixelData = pixels.tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = MG, UID
    path = tmp_path / "original.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path


def test_echoscu(receiver: Reception) -> None:
    """The administrator's first test."""
    assert call("echoscu", receiver) == 0


def test_echoscu_under_a_wrong_title(receiver: Reception) -> None:
    """DCMTK sees the rejection as a failure."""
    assert call("echoscu", receiver, calling="STRANGER") != 0


def test_storescu_and_dcmsend(receiver: Reception, original: Path) -> None:
    """Both of DCMTK's senders succeed; the second time it is an identical duplicate."""
    assert call("storescu", receiver, original) == 0
    assert call("dcmsend", receiver, original) == 0
    (instance,) = receiver.journal.instances
    assert pydicom.dcmread(instance.path).PixelData == pydicom.dcmread(original).PixelData
    receiver.quiet()
    assert [aborted for _, _, aborted in receiver.journal.releases] == [False, False]


def test_storescu_sees_the_refusal(receiver: Reception, original: Path, tmp_path: Path) -> None:
    """A conflicting instance makes storescu report the status and our comment."""
    assert call("storescu", receiver, original) == 0
    changed = pydicom.dcmread(original)
    changed.ViewPosition = "MLO"
    changed.save_as(tmp_path / "changed.dcm")
    path = peers.require("storescu")
    sent = run(
        *(path, "-d", "-aet", CALLING, "-aec", CALLED, "127.0.0.1", receiver.port),
        tmp_path / "changed.dcm",
    )
    assert "0x0111" in sent.stdout + sent.stderr
    assert "this SOP Instance UID came before" in sent.stdout + sent.stderr


def test_storescu_that_aborts(receiver: Reception, original: Path) -> None:
    """An association that ends with A-ABORT keeps what was acknowledged."""
    assert call("storescu", receiver, "--abort", original) == 0
    receiver.quiet()
    assert len(receiver.journal.instances) == 1
    assert [aborted for _, _, aborted in receiver.journal.releases] == [True]


TRANSCODERS = {
    ImplicitVRLittleEndian: ("dcmconv", "+ti"),
    ExplicitVRLittleEndian: ("dcmconv", "+te"),
    DeflatedExplicitVRLittleEndian: ("dcmconv", "+td"),
    JPEGLosslessSV1: ("dcmcjpeg", "+e1"),
    JPEGLossless: ("dcmcjpeg", "+el", "+sv", "4"),
    JPEGExtended12Bit: ("dcmcjpeg", "+ee", "+un"),
    JPEGLSLossless: ("dcmcjpls", "+el"),
    JPEGLSNearLossless: ("dcmcjpls", "+en"),
    RLELossless: ("dcmcrle",),
    JPEG2000Lossless: ("gdcmconv", "--j2k"),
    JPEG2000: ("gdcmconv", "--j2k", "--lossy", "-q", "70"),
}


@pytest.mark.parametrize("syntax", TRANSCODERS, ids=lambda uid: uid.keyword)
def test_every_transfer_syntax_arrives_as_it_was_sent(
    receiver: Reception, original: Path, tmp_path: Path, syntax: pydicom.uid.UID
) -> None:
    """Transcoded by DCMTK or GDCM, sent by DCMTK, in the spool unchanged."""
    program, *options = TRANSCODERS[syntax]
    transcoded = tmp_path / "transcoded.dcm"
    done = run(peers.require(program), *options, original, transcoded)
    assert transcoded.is_file(), done.stderr
    sent = pydicom.dcmread(transcoded)
    assert sent.file_meta.TransferSyntaxUID == syntax
    if syntax == ImplicitVRLittleEndian:  # dcmsend would rather convert it to explicit
        assert call("storescu", receiver, "-xi", transcoded) == 0
    else:
        assert call("dcmsend", receiver, "--decompress-never", transcoded) == 0
    (instance,) = receiver.journal.instances
    assert instance.transfer_syntax_uid == syntax
    received = pydicom.dcmread(instance.path)
    assert received.file_meta.TransferSyntaxUID == syntax
    assert received.PixelData == sent.PixelData


@pytest.mark.parametrize(
    "name",
    [
        "ge-senographe-essential-R-MLO.dcm",
        "film-digitised-L-MLO-j2k-lossy.dcm",
        "hologic-tomosynthesis-noise-4-frames.dcm",
    ],
)
def test_real_objects(receiver: Reception, name: str) -> None:
    """A GE mammogram, digitised film and a Hologic tomosynthesis object arrive whole."""
    path = peers.real_data() / name
    sent = pydicom.dcmread(path)
    assert call("dcmsend", receiver, "--decompress-never", path) == 0
    (instance,) = receiver.journal.instances
    received = pydicom.dcmread(instance.path)
    assert received.PixelData == sent.PixelData
    assert instance.ref.sop_instance_uid == sent.SOPInstanceUID
