"""The manual's way from a network to findings, followed word by word from the outside."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest

from mammo_node.cli import main
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from tests.unit.retinanet_weights import state_dict, torch_file
from tests.unit.test_adopt_yolo import _export

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "bring-your-own-model.md"


def _section(title: str) -> str:
    text = _PAGE.read_text(encoding="utf-8")
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def _blocks(kind: str, title: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", _section(title), flags=re.DOTALL)


def _here(text: str, folder: Path) -> str:
    """Put the manual's folders where a test may write."""
    return text.replace("/srv", str(folder))


def _indented_command(title: str, folder: Path) -> list[str]:
    found = re.search(r"^    (mammo-node (?:.*\\\n)*.*)$", _section(title), flags=re.MULTILINE)
    assert found is not None, title
    return shlex.split(_here(found[1].replace("\\\n", " "), folder))[1:]


@pytest.fixture
def mammograms(tmp_path: Path) -> Path:
    """A study of one breast, where the manual has its images."""
    views = (("L", "CC"), ("L", "MLO"))
    study = generate_study(5, pixel_spacing_mm=0.3, look="digital", masses=1, views=views)
    write_study(study, tmp_path / "mammograms")
    return tmp_path / "mammograms"


@pytest.mark.usefixtures("mammograms")
def test_a_first_package_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Network, manifest, configuration and commands as printed end in findings on images."""
    title = "A first package, step by step"
    package = tmp_path / "mammo-node" / "models" / "spots"
    package.mkdir(parents=True)
    monkeypatch.chdir(package)
    (package / "make_spots.py").write_text(_blocks("python", title)[0], encoding="utf-8")
    runpy.run_path("make_spots.py")
    manifest, settings = _blocks("toml", title)
    digest = hashlib.sha256((package / "model.onnx").read_bytes()).hexdigest()
    (package / "model.toml").write_text(manifest.replace("0" * 64, digest), encoding="utf-8")
    configuration = tmp_path / "mammo-node" / "conf"
    configuration.mkdir()
    (configuration / "mammo_node.toml").write_text(_here(settings, tmp_path), encoding="utf-8")
    (configuration / "ae_titles.toml").write_text("", encoding="utf-8")
    check, models, analyse = _here(_blocks("console", title)[0], tmp_path).splitlines()
    assert main(shlex.split(models)[1:]) == 0
    assert "self-test passed" in capsys.readouterr().out
    assert main(shlex.split(check)[1:]) == 0, capsys.readouterr().err
    # The other breast is missing, which the answer says and the exit code too.
    assert main(shlex.split(analyse)[1:]) == 1
    answer = tmp_path / "answers" / "study-001"
    views = json.loads((answer / "result.json").read_text(encoding="utf-8"))["views"]
    assert [bool(view["findings"]) for view in views] == [True, True]
    assert {"overview.png", "report.pdf", "sr-01.dcm"} <= {p.name for p in answer.iterdir()}


def test_without_its_hash_a_package_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who forgets the manual's second step is told the file and the key."""
    title = "A first package, step by step"
    package = tmp_path / "mammo-node" / "models" / "spots"
    package.mkdir(parents=True)
    (package / "model.onnx").write_bytes(b"something else")
    manifest, settings = _blocks("toml", title)
    (package / "model.toml").write_text(manifest, encoding="utf-8")
    (tmp_path / "mammo_node.toml").write_text(_here(settings, tmp_path), encoding="utf-8")
    (tmp_path / "ae_titles.toml").write_text("", encoding="utf-8")
    assert main(["models", "--config", str(tmp_path)]) != 0
    assert re.search(r"spots.*sha256", capsys.readouterr().err)


@pytest.mark.parametrize("network", ["yolo", "retinanet"])
def test_imports_are_as_printed(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manual's import commands make packages, whose self-test then passes."""
    monkeypatch.chdir(tmp_path)
    _export(tmp_path / "best.onnx")
    (tmp_path / "weights.pth").write_bytes(torch_file(state_dict()))
    title = {"yolo": "A YOLO network", "retinanet": "Weights of torchvision's RetinaNet"}[network]
    assert main(_indented_command(title, tmp_path)) == 0
    folder = tmp_path / "mammo-node" / "models"
    (package,) = folder.iterdir()
    settings = f'[models]\nfolder = "{folder}"\nuse = ["{package.name}"]\n'
    (tmp_path / "mammo_node.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "ae_titles.toml").write_text("", encoding="utf-8")
    assert main(["models", "--self-test", "--config", str(tmp_path)]) == 0
