"""The content hash that is computed beside the fsync."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mammo_node.errors import OutOfResources
from mammo_node.receive.content_hash import ContentHash


def test_the_hash_is_of_the_dataset_alone(tmp_path: Path):
    """What stands before the offset, our own preamble and meta information, does not count."""
    path = tmp_path / "file"
    path.write_bytes(b"meta" + b"dataset" * 100_000)
    with ContentHash(path, 4) as content_hash:
        path.rename(tmp_path / "renamed")
    assert content_hash.hexdigest() == hashlib.sha256(b"dataset" * 100_000).hexdigest()


def test_a_file_that_is_not_there(tmp_path: Path):
    """A file that cannot be opened is told at once, as a lack of resources."""
    with pytest.raises(OutOfResources, match="cannot be read"):
        ContentHash(tmp_path / "nothing", 0)


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A read error in the thread comes out where the hash is asked for, not before."""
    path = tmp_path / "file"
    path.write_bytes(b"x")

    def broken(*_args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", broken)
    with ContentHash(path, 0) as content_hash:
        pass
    with pytest.raises(OutOfResources, match="Input/output error"):
        content_hash.hexdigest()
