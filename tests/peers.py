"""Programs and data that some tests need: present, or a visible skip that says what to install."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_PACKAGES = {
    "storescu": "dcmtk",
    "storescp": "dcmtk",
    "dcmsend": "dcmtk",
    "echoscu": "dcmtk",
    "dsrdump": "dcmtk",
    "dsr2html": "dcmtk",
    "dcmpschk": "dcmtk",
    "dcmcjpeg": "dcmtk",
    "dcmcjpls": "dcmtk",
    "dcmdjpeg": "dcmtk",
    "dcmdrle": "dcmtk",
    "dcmcrle": "dcmtk",
    "dcmconv": "dcmtk",
    "dcmdump": "dcmtk",
    "dcm2pnm": "dcmtk",
    "dcm2pdf": "dcmtk",
    "dciodvfy": "dicom3tools",
    "dcentvfy": "dicom3tools",
    "Orthanc": "orthanc",
    "gdcmconv": "libgdcm-tools",
    "DicomSRValidator": "pixelmed-apps",
    "systemd-analyze": "systemd",
    "openssl": "openssl",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "npm": "npm",
    "pdftotext": "poppler-utils",
    "pdffonts": "poppler-utils",
    "qpdf": "qpdf",
}


#: Programs that come with the development requirements.
_IN_PYTHON_PACKAGES = {"tid1500reader": "dcmqi"}


def require(program: str) -> str:
    """Return the path of a program, or skip the test and say which package has it.

    With MAMMO_NODE_REQUIRE_PEERS=1 (as in CI) a missing peer fails instead.
    """
    found = (
        shutil.which(program)
        or shutil.which(program, path="/usr/sbin:/sbin")
        or shutil.which(program, path=str(Path(sys.executable).parent))
    )
    if found is not None:
        return found
    how = (
        f"pip install {_IN_PYTHON_PACKAGES[program]}"
        if program in _IN_PYTHON_PACKAGES
        else f"apt-get install {_PACKAGES[program]}"
    )
    message = f"{program} is not installed: {how}"
    if os.environ.get("MAMMO_NODE_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def require_file(path: Path, package: str) -> Path:
    """Return a file that a package installs, or skip the test; fail in CI, as :func:`require`."""
    if path.is_file():
        return path
    message = f"{path} is not installed: apt-get install {package}"
    if os.environ.get("MAMMO_NODE_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def real_data() -> Path:
    """Return the folder of real mammograms, or skip the test."""
    folder = Path(
        os.environ.get("MAMMO_NODE_REAL_DATA")
        or Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    if not (folder / "ge-senographe-essential-R-MLO.dcm").is_file():
        pytest.skip(f"no real mammograms in {folder}: set MAMMO_NODE_REAL_DATA")
    return folder
