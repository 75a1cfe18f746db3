"""The self-test at start-up: it passes on the model that was measured, and on no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mammo_node.analyse.package import ModelPackage, load_package
from mammo_node.analyse.selftest import input_tensor, self_test
from mammo_node.analyse.session import Session, open_session
from mammo_node.errors import ModelPackageError
from tests.unit.analyse_graphs import detector_model, write_package

_TEST = """
[self_test]
input = "self_test.npy"
scale = 0.01
box_tolerance_px = 0.5

[[self_test.expect]]
label = "mass"
box = [16, 8, 24, 16]
score = 0.9

[[self_test.expect]]
label = "calcification-cluster"
box = [40, 24, 48, 32]
score = 0.7
"""
_NONE = '[self_test]\ngenerated = "blob"\nsize = [{size}, {size}]\n'


def _image() -> np.ndarray:
    image = np.zeros((2, 32, 64), dtype=np.uint8)
    image[0, 8:16, 16:24] = 90
    image[1, 24:32, 40:48] = 70
    return image


def _package(folder: Path, extra: str = _TEST, image: np.ndarray | None = None) -> ModelPackage:
    folder.mkdir(exist_ok=True)
    np.save(folder / "self_test.npy", _image() if image is None else image)
    return load_package(write_package(folder, extra=extra))


def _session() -> Session:
    model = detector_model().SerializeToString()
    return open_session(model, provider="cpu", threads=1, name="blobs")


def test_expected_detections_pass(tmp_path: Path) -> None:
    """The stored integers are scaled, run, and found as the manifest says."""
    package = _package(tmp_path)
    tensor = input_tensor(package, package.manifest)
    assert tensor.shape == (1, 2, 32, 64)
    assert tensor.dtype == np.float32
    assert tensor.max() == pytest.approx(0.9)
    self_test(package, _session())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("score = 0.9", "score = 0.87"),
        ("[16, 8, 24, 16]", "[16, 8, 24.6, 16]"),
        ('label = "mass"\nbox', 'label = "calcification-cluster"\nbox'),
    ],
    ids=["score", "box", "label"],
)
def test_a_detection_that_differs_fails(tmp_path: Path, old: str, new: str) -> None:
    """The message has what was expected and what was found."""
    assert old in _TEST
    package = _package(tmp_path, _TEST.replace(old, new, 1))
    with pytest.raises(ModelPackageError, match=r"model.toml: self-test failed") as raised:
        self_test(package, _session())
    assert "self_test.expect[0]" in str(raised.value)
    assert "mass 0.900 at (16.0, 8.0, 24.0, 16.0)" in str(raised.value)


def test_a_better_detection_than_expected_fails(tmp_path: Path) -> None:
    """More boxes above the expected ones mean another model."""
    image = _image()
    image[0, 0:8, 0:8] = 80
    with pytest.raises(ModelPackageError, match=r"unexpected: mass 0.800 at \(0.0, 0.0, 8.0, 8.0"):
        self_test(_package(tmp_path, image=image), _session())


def test_nothing_expected_means_nothing_found(tmp_path: Path) -> None:
    """A generated blob that covers no cell gives no detection; a wide one does."""
    self_test(_package(tmp_path, _NONE.format(size=32)), _session())
    with pytest.raises(ModelPackageError, match=r"unexpected: mass"):
        self_test(_package(tmp_path, _NONE.format(size=512)), _session())


def test_a_package_without_a_self_test_is_run_once(tmp_path: Path) -> None:
    """A model that cannot run at all is found at start, with or without a self-test."""

    class Broken:
        def run(self, inputs: object, outputs: object) -> list[np.ndarray]:
            return [np.zeros((1, 4)), np.ones(1), np.full(1, 9)]

    package = _package(tmp_path, "")
    assert input_tensor(package, package.manifest).shape == (1, 2, 128, 128)
    self_test(package, _session())
    with pytest.raises(ModelPackageError, match=r"self-test failed.*labels \[9\]"):
        self_test(package, Broken())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"\x93NUMPY nonsense", "cannot be read"),
        (np.zeros((3, 32, 32)), r"has shape \(3, 32, 32\)"),
        (np.zeros((32, 32)), r"has shape \(32, 32\)"),
        (np.array(["a"]), "is not a .npy file of numbers"),
        (np.array([{}]), "cannot be read"),
    ],
    ids=["empty", "garbage", "channels", "rank", "text", "objects"],
)
def test_an_input_file_that_does_not_fit_is_refused(tmp_path: Path, content, words: str) -> None:
    """A broken or foreign file is named."""
    package = _package(tmp_path)
    if isinstance(content, bytes):
        (tmp_path / "self_test.npy").write_bytes(content)
    else:
        np.save(tmp_path / "self_test.npy", content, allow_pickle=True)
    with pytest.raises(ModelPackageError, match=f"self_test.npy {words}"):
        self_test(package, _session())
