"""Opening files: bounded, and every failure of one kind."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mammo_node.errors import ImageError
from mammo_node.header import part10
from tests.synthetic import mammogram, save


def test_large_private_elements_stay_on_disk(tmp_path: Path) -> None:
    """A volume in a private element is not loaded to read the header in front of it."""
    ds = mammogram()
    block = ds.private_block(0x7E01, "HOLOGIC, Inc.", create=True)
    block.add_new(0x10, "OB", b"\0" * 24 * 2**20)
    path = save(ds, tmp_path / "image.dcm")
    tracemalloc.start()
    header = part10.read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20
    assert header.Rows == 200
    assert "PixelData" not in header


def test_header_of_a_deflated_file(tmp_path: Path) -> None:
    """A deflated file's header reads like any other's, without its pixels."""
    path = save(mammogram(), tmp_path / "image.dcm", DeflatedExplicitVRLittleEndian)
    header = part10.read_header(path)
    assert (header.Rows, "PixelData" in header) == (200, False)
    assert len(part10.read_whole(path).PixelData) == 64000


def test_too_large_files_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than any mammogram is refused before its pixels are read."""
    monkeypatch.setattr(part10, "MAX_DATASET_BYTES", 50_000)
    path = save(mammogram(), tmp_path / "image.dcm")
    part10.read_header(path)
    with pytest.raises(ImageError, match="more than any mammogram"):
        part10.read_whole(path)


def test_failures_do_not_quote_the_file(tmp_path: Path) -> None:
    """The message names the kind of failure only: the file may hold a patient's name."""
    path = tmp_path / "image.dcm"
    path.write_bytes(b"DOE^JANE" * 100)
    with pytest.raises(ImageError) as caught:
        part10.read_header(path)
    assert "DOE" not in str(caught.value)
