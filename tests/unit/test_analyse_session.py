"""ONNX Runtime sessions: they run where they were told to, or say clearly why not."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session, require_provider, runtime_version
from mammo_node.errors import InferenceError, ModelPackageError, ProviderUnavailable
from tests.unit.analyse_graphs import detector_model, write_package

_OUTPUTS = ("boxes", "scores", "labels")


def _image(rows: int = 32, columns: int = 64) -> np.ndarray:
    image = np.zeros((1, 2, rows, columns), dtype=np.float32)
    image[0, 0, 8:16, 16:24] = 0.9
    return image


def test_a_model_runs_on_the_cpu() -> None:
    """The named outputs come back in the order asked for."""
    session = open_session(
        detector_model().SerializeToString(), provider="cpu", threads=1, name="blobs"
    )
    assert session.provider == "CPUExecutionProvider"
    labels, scores = session.run({"image": _image()}, ("labels", "scores"))
    assert labels.dtype == np.int64
    assert scores.shape == (32,)
    assert scores.max() == pytest.approx(0.9, abs=1e-5)


def test_the_same_input_gives_the_same_bytes() -> None:
    """Results do not depend on the run or on the number of threads."""
    random = np.random.default_rng(5).random((1, 2, 256, 192), dtype=np.float32)
    model = detector_model().SerializeToString()
    results = []
    for threads in (1, 2, 2):
        session = open_session(model, provider="cpu", threads=threads, name="blobs")
        results += [session.run({"image": random}, _OUTPUTS) for _ in range(2)]
    for result in results[1:]:
        for ours, first in zip(result, results[0], strict=True):
            assert ours.tobytes() == first.tobytes()


@pytest.mark.parametrize(
    "inputs",
    [
        {"image": np.zeros((1, 3, 32, 32), dtype=np.float32)},
        {"image": np.zeros((2, 32, 32), dtype=np.float32)},
        {"image": np.zeros((1, 2, 32, 32), dtype=np.float64)},
        {"picture": np.zeros((1, 2, 32, 32), dtype=np.float32)},
    ],
    ids=["channels", "rank", "type", "name"],
)
def test_an_input_that_the_runtime_refuses_is_an_inference_error(inputs) -> None:
    """No exception of ONNX Runtime passes this edge."""
    model = detector_model().SerializeToString()
    session = open_session(model, provider="cpu", threads=1, name="blobs")
    with pytest.raises(InferenceError, match="ONNX Runtime: "):
        session.run(inputs, _OUTPUTS)


def test_a_name_that_the_graph_lacks_is_an_inference_error() -> None:
    """Also an output name is checked by the runtime and translated here."""
    model = detector_model().SerializeToString()
    session = open_session(model, provider="cpu", threads=1, name="blobs")
    with pytest.raises(InferenceError, match="nonsense"):
        session.run({"image": _image()}, ("nonsense",))


def _unknown_operator() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Divine", ["image"], ["boxes"], domain="nowhere")],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1])],
    )
    imports = [helper.make_opsetid("", 20), helper.make_opsetid("nowhere", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10).SerializeToString()


def _future_opset() -> bytes:
    model = detector_model()
    model.opset_import[0].version = 999
    return model.SerializeToString()


@pytest.mark.parametrize(
    "model",
    [b"", b"nonsense", _unknown_operator(), _future_opset()],
    ids=["empty", "garbage", "operator", "opset"],
)
def test_a_model_that_the_runtime_refuses_is_a_package_error(model: bytes) -> None:
    """The message names the model."""
    with pytest.raises(ModelPackageError, match=r"the-model: ONNX Runtime refuses it: ."):
        open_session(model, provider="cpu", threads=1, name="the-model")


def test_two_distributions_of_the_runtime_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They overwrite each other's files, so nobody knows which one runs."""
    folder = tmp_path / "onnxruntime_gpu-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime_gpu\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProviderUnavailable, match="onnxruntime and onnxruntime-gpu are both"):
        runtime_version()


def test_a_missing_runtime_is_answered_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The extras that bring it are named."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ProviderUnavailable, match=re.escape("pip install 'mammo-node[cpu]'")):
        runtime_version()


def test_cuda_on_a_runtime_without_it_is_refused() -> None:
    """No silent fall-back to the CPU."""
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime is built with CUDA")
    with pytest.raises(ProviderUnavailable, match="built without CUDA"):
        open_session(detector_model().SerializeToString(), provider="cuda", threads=0, name="m")


def test_a_session_that_fell_back_is_refused() -> None:
    """The first provider of the session decides, whatever was asked for."""
    require_provider("cuda", "CUDAExecutionProvider")
    require_provider("cpu", "CPUExecutionProvider")
    with pytest.raises(ProviderUnavailable, match="would run on CPUExecutionProvider"):
        require_provider("cuda", "CPUExecutionProvider")


def test_cuda_finds_what_the_cpu_finds(tmp_path: Path) -> None:
    """On a GPU the same boxes come out, with scores within 1e-3."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("needs an NVIDIA GPU and pip install 'mammo-node[gpu]'")
    package = load_package(write_package(tmp_path))
    cpu, cuda = (
        Detector(
            package, open_session(package.model_bytes(), provider=provider, threads=0, name="blobs")
        ).run(_image())
        for provider in ("cpu", "cuda")
    )
    assert np.array_equal(cpu.labels, cuda.labels)
    np.testing.assert_allclose(cpu.boxes, cuda.boxes, atol=0.1)
    np.testing.assert_allclose(cpu.scores, cuda.scores, atol=1e-3)
