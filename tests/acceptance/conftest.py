"""One phantom study for all acceptance tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four views of one phantom as DICOM files, at a coarse pitch to be quick."""
    study = generate_study(11, pixel_spacing_mm=0.2, masses=2, clusters=0, look="digital")
    return write_study(study, tmp_path_factory.mktemp("phantom"))
