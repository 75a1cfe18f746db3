"""A full disk: refused, nothing half-written, and it goes on when there is space again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mammo_node.dimse.archive import LocalArchive
from tests.node_process import NodeProcess, wait_until
from tests.studies import new_study, storescu, study_uid

#: Room for the images and their results, and little more.
_SIZE_MB = 32


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs can only be mounted by root: run as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("min_free_mb", [0, 8], ids=["without-watermark", "with-watermark"])
def test_a_full_disk_refuses_and_recovers(
    small_disk: Path, phantom_files: list[Path], tmp_path: Path, min_free_mb: int
):
    """Senders get a failure while the disk is full, and the same images are taken afterwards."""
    ballast = small_disk / "ballast"
    with LocalArchive(tmp_path / "pacs") as pacs:
        table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}
        node = NodeProcess(
            tmp_path / "node",
            [table | {"outputs": ["sr", "gsps"]}],
            settings={
                "storage": {"folder": str(small_disk / "storage"), "min_free_mb": min_free_mb}
            },
        )
        with node:
            free = os.statvfs(small_disk)
            # Leaves room for about half an image.
            ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - (1 << 20)))
            files = new_study(phantom_files, tmp_path / "study")
            refused = storescu(node.port, files)
            assert refused.returncode != 0
            storage = small_disk / "storage"
            wait_until(lambda: not list((storage / "incoming").iterdir()), "no half file is left")
            assert not list((storage / "studies").iterdir())
            ballast.unlink()
            assert storescu(node.port, files).returncode == 0
            assert len(pacs.wait_for(lambda o: len(o) >= 5, 120)) == 5
            wait_until(lambda: node.studies()[0]["state"] == "answered", "it is answered")
            assert node.studies()[0]["study_instance_uid"] == study_uid(files[0])
