"""The relevance graph of the shipped detector against PyTorch's autograd on the same weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

torch = pytest.importorskip("torch", reason="needs the extra 'training' (torch)")

from mammo_node.analyse.package import bundled_folder, load_package  # noqa: E402
from mammo_node.analyse.relevance.derive import RELEVANCE, derive  # noqa: E402
from mammo_node.analyse.relevance.heads import THRESHOLDS  # noqa: E402
from mammo_node.analyse.session import open_session  # noqa: E402
from training.nets.lesion import Deployed, LesionNet  # noqa: E402


def _network(data: bytes) -> torch.nn.Module:
    """Return the network of a file; its batch normalisation stands in the convolutions there."""
    weights = {
        w.name: numpy_helper.to_array(w) for w in onnx.load_from_string(data).graph.initializer
    }
    net = LesionNet().eval()
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            stem = f"net.{name}.weight"
            module.weight.data = torch.from_numpy(weights[stem].copy())
            bias = weights.get(f"{stem}_bias", weights.get(f"net.{name}.bias"))
            if module.bias is not None:
                module.bias.data = torch.from_numpy(bias.copy())
            else:
                head, _, last = name.rpartition(".")
                norm = net.get_submodule(f"{head}.{int(last) + 1}")
                torch.nn.init.ones_(norm.weight)
                norm.bias.data = torch.from_numpy(bias.copy())
                norm.running_var.fill_(1.0 - norm.eps)
    return Deployed(net).eval()


@pytest.mark.parametrize("name", ["lesion-detector", "cluster-detector"])
def test_the_map_is_what_autograd_says(name: str):
    """Gradient x input of the log-odds of what is above the threshold, to single precision."""
    package = load_package(bundled_folder() / name)
    data = package.model_bytes()
    graph = derive(data, "image", package.manifest.output)
    assert isinstance(graph, bytes)
    rng = np.random.default_rng(4)
    image = rng.normal(0.4, 0.2, (1, 2, 192, 224)).astype(np.float32)
    image[:, :, 60:120, 80:140] += 0.5
    tensor = torch.from_numpy(image).requires_grad_()
    scores = _network(data)(tensor)[1]
    session = open_session(data, provider="cpu", threads=1, name=name)
    (same,) = session.run({"image": image}, ["scores"])
    assert scores.detach().numpy() == pytest.approx(same, abs=2e-5)
    limit = float(same[3] + same[4]) / 2  # the best four
    best = scores[scores >= limit]
    torch.log(best / (1 - best)).sum().backward()
    wanted = (tensor.grad * tensor).detach().numpy().sum(axis=1)[0]
    relevance = open_session(graph, provider="cpu", threads=1, name=name)
    inputs = {"image": image, THRESHOLDS: np.array([limit], np.float32)}
    (found,) = relevance.run(inputs, [RELEVANCE])
    assert np.abs(found[0, 0] - wanted).max() < 1e-4 * np.abs(wanted).max()
