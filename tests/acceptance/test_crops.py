"""Crops as a researcher makes them: from a PACS that is asked for its studies."""

from __future__ import annotations

import csv
from pathlib import Path

import pydicom
import pytest

from mammo_node.cli import main
from mammo_node.crops.pseudonym import pseudonym
from tests.node_process import toml
from tests.orthanc import Orthanc
from tests.pacs import destination
from tests.studies import new_study, study_uid


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    # So low that something is found in any phantom.
    (folder / "mammo_node.toml").write_text(
        "[worker]\nthreads = 1\n[models.thresholds]\nmass = 0.02\n"
    )
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_from_a_pacs(phantom_files: list[Path], conf: Path, tmp_path: Path, capsys):
    """Mammograms of a date, one compressed, come by C-GET and are cut; then it resumes."""
    first = new_study(phantom_files, tmp_path / "a", StudyDate="20260105")
    second = new_study(phantom_files[:1], tmp_path / "b", StudyDate="20260107")
    late = new_study(phantom_files[:1], tmp_path / "c", StudyDate="20260301")
    other = new_study(phantom_files[:1], tmp_path / "d", StudyDate="20260106", Modality="CR")
    ds = pydicom.dcmread(second[0])
    ds.compress(pydicom.uid.RLELossless)
    ds.save_as(second[0])
    with Orthanc(options={"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True}) as orthanc:
        (conf / "ae_titles.toml").write_text(toml({"destination": [destination(orthanc)]}))
        for file in (*first, *second, *late, *other):
            orthanc.post("/instances", file.read_bytes())
        out = tmp_path / "out"
        asked = ["crops", "--config", str(conf), "--pacs", "orthanc", "--out", str(out)]
        assert main([*asked, "--date", "20260105-20260131"]) == 0
        made = rows(out)
        studies = {row["study"] for row in made}
        wanted = {pseudonym(study_uid(first[0])), pseudonym(study_uid(second[0]))}
        assert studies
        assert studies <= wanted
        assert len(list((out / "records").iterdir())) == 2
        assert len(list((out / "images").iterdir())) == len(made)
        capsys.readouterr()
        assert main([*asked, "--date", "20260105-20260131"]) == 0
        assert "2 studies (2 done before)" in capsys.readouterr().out
        assert rows(out) == made
        one = tmp_path / "one"
        asked = ["crops", "--config", str(conf), "--pacs", "orthanc", "--out", str(one)]
        assert main([*asked, "--study", study_uid(late[0])]) == 0
        assert len(list((one / "records").iterdir())) == 1
        assert main([*asked, "--study", "1.2.3.4"]) == 1
        assert "no study with mammograms was found" in capsys.readouterr().err
    # The PACS is gone: said, and what was made stays.
    assert main([*asked, "--study", study_uid(late[0])]) == 1
    assert "mammo-node crops: " in capsys.readouterr().err
    assert len(list((one / "records").iterdir())) == 1
