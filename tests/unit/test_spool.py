"""The spool: whole files or none, whatever happens."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mammo_node.errors import JournalError, OutOfResources
from mammo_node.journal.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "storage")


def _all_files(spool: Spool) -> list[Path]:
    return [path for path in spool.root.rglob("*") if path.is_file()]


def test_a_committed_file_is_whole_and_alone(spool: Spool) -> None:
    """After commit there is one file with every byte, and no temporary one."""
    with spool.open_incoming() as file:
        file.write(b"abc")
        file.write(memoryview(b"def"))
        os.write(file.fileno(), b"ghi")
        path = file.commit()
    assert path.read_bytes() == b"abcdefghi"
    assert path.parent == spool.studies
    assert _all_files(spool) == [path]


def test_an_exception_leaves_neither_file_nor_descriptor(spool: Spool) -> None:
    """An aborted reception releases its descriptor and its temporary file."""
    file = spool.open_incoming()
    descriptor = file.fileno()
    with pytest.raises(RuntimeError, match="abort"), file:
        raise RuntimeError("abort")
    assert _all_files(spool) == []
    assert file.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_never_committed_is_discarded(spool: Spool) -> None:
    """Leaving the block without commit keeps nothing."""
    with spool.open_incoming() as file:
        file.write(b"half")
    assert _all_files(spool) == []


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "1.2.840.10008", "", ".hidden", "a\n"])
def test_names_from_outside_are_refused(spool: Spool, name: str) -> None:
    """A UID or a path can never become a file name."""
    with spool.open_incoming() as file, pytest.raises(ValueError, match="own making"):
        file.commit(name)
    assert _all_files(spool) == []


def test_a_full_disk_is_out_of_resources(spool: Spool) -> None:
    """When the file cannot grow the error asks the sender to come back, and nothing stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OutOfResources) as caught, spool.open_incoming() as file:
            file.write(bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.dimse_status == 0xA700
    assert _all_files(spool) == []


def test_a_failed_fsync_keeps_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that did not reach the disk is never under its final name."""

    def fails(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with spool.open_incoming() as file, pytest.raises(OutOfResources, match="Input/output"):
        file.commit()
    assert _all_files(spool) == []


def test_a_failed_folder_fsync_keeps_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename that may not survive a power cut is undone: the sender is told to resend."""
    real, calls = os.fsync, []

    def fails_second(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fails_second)
    with pytest.raises(OutOfResources), spool.open_incoming() as file:
        file.commit()
    assert _all_files(spool) == []


def test_a_result_written_again_replaces_itself(spool: Spool) -> None:
    """Doing a job twice gives one file."""
    first = spool.write_result("job7-sr.dcm", b"one")
    second = spool.write_result("job7-sr.dcm", b"two")
    assert first == second == spool.results / "job7-sr.dcm"
    assert _all_files(spool) == [second]
    assert second.read_bytes() == b"two"


def test_only_files_of_the_spool_are_deleted(spool: Spool, tmp_path: Path) -> None:
    """A wrong path in the journal cannot make the node delete anything else."""
    outside = tmp_path / "precious"
    outside.touch()
    for path in (outside, spool.studies / ".." / ".." / "precious"):
        with pytest.raises(JournalError):
            spool.remove(path)
    assert outside.exists()
    mine = spool.write_result("a.dcm", b"")
    assert spool.remove(mine)
    assert not spool.remove(mine)


def test_orphans_are_kept_aside(spool: Spool) -> None:
    """A file without a row is moved, not deleted."""
    stray = spool.studies / "stray.dcm"
    stray.write_bytes(b"x")
    moved = spool.move_to_orphans(stray)
    assert moved.read_bytes() == b"x"
    assert _all_files(spool) == [moved]


def test_old_orphans_are_swept(spool: Spool) -> None:
    """Images that nobody was told of do not stay for good; younger ones wait for a person."""
    for name, age_s in (("old.dcm", 3600), ("young.dcm", 0)):
        (spool.studies / name).write_bytes(b"x")
        moved = spool.move_to_orphans(spool.studies / name)
        written = time.time() - age_s
        os.utime(moved, (written, written))
    before = datetime.now(UTC) - timedelta(minutes=30)
    assert spool.sweep_orphans(before) == 1
    assert _all_files(spool) == [spool.orphans / "young.dcm"]


def test_free_bytes_is_what_the_file_system_says(spool: Spool) -> None:
    """The watermark compares with the space an unprivileged process has."""
    stat = os.statvfs(spool.root)
    assert abs(spool.free_bytes() - stat.f_bavail * stat.f_frsize) < 1 << 30


def test_an_unusable_folder_is_out_of_resources(tmp_path: Path) -> None:
    """A storage folder that cannot be made is told as such."""
    (tmp_path / "file").touch()
    with pytest.raises(OutOfResources, match="cannot prepare"):
        Spool(tmp_path / "file" / "storage")


def _try_lock(root: Path, answers: multiprocessing.Queue[str]) -> None:
    try:
        with Spool(root).lock():
            answers.put("locked")
    except JournalError as error:
        answers.put(str(error))


def test_one_node_per_folder(spool: Spool) -> None:
    """A second process is refused while the first holds the folder, and let in afterwards."""
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()

    def ask() -> str:
        process = context.Process(target=_try_lock, args=(spool.root, answers))
        process.start()
        answer = answers.get(timeout=20)
        process.join(20)
        return answer

    with spool.lock():
        assert "another node already uses" in ask()
    assert ask() == "locked"
