"""Studies to send: phantom views under fresh UIDs, and real peers to send them with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from tests.peers import require

#: Without it DCMTK waits for Nagle's timer at each message.
QUICK_NETWORK = {**os.environ, "TCP_NODELAY": "1"}


def new_study(files: Sequence[Path], folder: Path, **attributes: str) -> list[Path]:
    """Copy images into a new study with new UIDs; ``attributes`` are set on each."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series = generate_uid(), generate_uid()
    copies = []
    for number, file in enumerate(files):
        ds = pydicom.dcmread(file)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        copies.append(folder / f"{number:02d}.dcm")
        ds.save_as(copies[-1], enforce_file_format=True)
    return copies


def study_uid(file: Path) -> str:
    """Return the Study Instance UID of a file."""
    return str(pydicom.dcmread(file, specific_tags=["StudyInstanceUID"]).StudyInstanceUID)


def storescu(
    port: int, files: Sequence[Path], *options: str, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Send with DCMTK's storescu; its exit code is not checked."""
    command = [require("storescu"), "-aec", "MAMMO_AI", *options, "127.0.0.1", str(port)]
    return _run([*command, *map(str, files)], timeout_s)


def dcmsend(
    port: int, files: Sequence[Path], *options: str, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Send with DCMTK's dcmsend, which proposes each file's own transfer syntax."""
    command = [require("dcmsend"), "-aec", "MAMMO_AI", *options, "127.0.0.1", str(port)]
    return _run([*command, *map(str, files)], timeout_s)


def dciodvfy(path: Path) -> list[str]:
    """Return the errors and warnings that dciodvfy has about an object."""
    done = _run([require("dciodvfy"), str(path)], 60)
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Warning"))]


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=QUICK_NETWORK,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
