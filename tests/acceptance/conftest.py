"""One phantom study for all acceptance tests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import mammo_node
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study


@pytest.fixture(scope="session")
def phantom_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four views of one phantom as DICOM files, at a coarse pitch to be quick."""
    study = generate_study(11, pixel_spacing_mm=0.2, masses=2, clusters=0, look="digital")
    return write_study(study, tmp_path_factory.mktemp("phantom"))


@pytest.fixture(scope="session")
def two_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages: the shipped detector, and `lesion-detector-next`, which finds more."""
    folder = tmp_path_factory.mktemp("models")
    name = "lesion-detector"
    for copy in (name, f"{name}-next"):
        shutil.copytree(Path(mammo_node.__file__).parent / "models" / name, folder / copy)
    manifest = folder / f"{name}-next" / "model.toml"
    text = manifest.read_text()
    for old, new in (
        (f'^name = "{name}"$', f'name = "{name}-next"'),
        (r"^threshold = [\d.]+$", "threshold = 0.05"),
    ):
        text, count = re.subn(old, new, text, count=1, flags=re.MULTILINE)
        assert count == 1, old
    manifest.write_text(text)
    return folder
