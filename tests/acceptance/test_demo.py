"""The demonstration and the wheel: what a newcomer runs first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mammo_node.analyse.manifest import FAMILIES
from mammo_node.analyse.package import discover
from mammo_node.reports.document import read_report
from mammo_node.reports.files import read_document
from mammo_node.reports.found import ReadReport
from mammo_node.vocabulary import Laterality
from tests.studies import dciodvfy

ROOT = Path(__file__).resolve().parents[2]
_SIDES = (Laterality.RIGHT, Laterality.LEFT)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_demo_from_the_wheel(wheel: Path, tmp_path: Path):
    """The wheel alone, unpacked far from the checkout, runs the demo to its end."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "mammo_node", "demo", "--out", str(out)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (out / "index.html").read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert pictures[0] == "overview.png"
    assert len(pictures) == 5
    assert all((out / picture).stat().st_size > 10_000 for picture in pictures)
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-")
    objects = sorted((out / "pacs").glob("*.dcm"))
    assert [path.name[:2] for path in objects] == ["DO", "OT", "OT"] + ["PR"] * 4 + ["SR"]
    assert {p.name: dciodvfy(p) for p in objects if dciodvfy(p)} == {}
    _holds_every_family(page, read_report(read_document(objects[-1])))
    images = sorted((out / "study").glob("*.dcm"))
    assert {p.name: r for p in images for r in dciodvfy(p) if r.startswith("Error")} == {}


def _holds_every_family(page: str, report: ReadReport) -> None:
    """Each bundled model has its row, and what only its family can say is in the report."""
    packages = discover(None)
    assert {package.manifest.family for package in packages} == set(FAMILIES)
    assert [p.name for p in packages if f"{p.name} {p.manifest.version}" not in page] == []
    assert {d.laterality for d in report.densities} == {*Laterality, None}
    assert all(score.category is not None for score in report.scores)
    assert {score.algorithm.name for score in report.scores} == {
        p.name for p in packages if p.manifest.family == "candidate-patches"
    }
    assert any(f.location and f.location.quadrant for f in report.findings)
    assert {f.algorithm.name for f in report.findings} >= {"lesion-detector"}
    assert [a.laterality for a in report.assessments] == [*_SIDES, None]


def test_wheel_carries_what_it_needs(wheel: Path):
    """Models, configuration templates, unit files, SQL and the licence are in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    needed = {
        "mammo_node/models/lesion-detector/model.onnx",
        "mammo_node/models/lesion-detector/model.toml",
        "mammo_node/conf/ae_titles.toml",
        "mammo_node/conf/mammo_node.toml",
        "mammo_node/systemd/mammo-node.service",
        "mammo_node/journal/schema.sql",
        "mammo_node/journal/queries.sql",
        "mammo_node/py.typed",
    }
    assert needed - names == set()
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "training/", "bench/"))]
