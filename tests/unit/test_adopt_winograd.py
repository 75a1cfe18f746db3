"""Winograd's convolutions: they compute what the convolutions did, at any size."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mammo_node.adopt.winograd import rewrite
from mammo_node.adopt.winograd_matrices import input_filters, output_matrix, transformed
from mammo_node.analyse.session import open_session


def graph(
    *,
    inputs: int = 8,
    outputs: int = 12,
    bias: bool = True,
    opset: int = 17,
    images: int = 1,
    **given,
) -> onnx.ModelProto:
    """Return one 3x3 convolution of random weights, rows and columns dynamic."""
    chance = np.random.default_rng(3)
    scale = (9 * inputs) ** -0.5
    arrays = {
        "w": chance.normal(0, scale, (outputs, inputs, 3, 3)),
        "b": chance.normal(0, 1, outputs),
    }
    names = ["x", "w", "b"] if bias else ["x", "w"]
    padding = {} if "auto_pad" in given else {"pads": [1] * 4}
    nodes = [helper.make_node("Conv", names, ["y"], **(padding | given))]
    sizes = [images, inputs, "rows", "columns"]
    made = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [images, outputs, None, None])],
        [numpy_helper.from_array(arrays[n].astype(np.float32), n) for n in names[1:]],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def run(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    """Return the output for an image."""
    data = model.SerializeToString()
    session = open_session(data, provider="cpu", threads=1, name="test")
    return session.run({"x": image}, ("y",))[0]


def test_one_tile_is_the_definition() -> None:
    """In numpy alone: coefficients of inputs times those of weights give the sums of products."""
    chance = np.random.default_rng(1)
    patch, weight = chance.normal(size=(6, 6)), chance.normal(size=(1, 1, 3, 3))
    coefficients = (input_filters()[:, 0] * patch).sum(axis=(1, 2))
    found = output_matrix() @ (transformed(weight)[:, 0, 0] * coefficients)
    expected = [[(patch[i : i + 3, j : j + 3] * weight).sum() for j in range(4)] for i in range(4)]
    assert np.allclose(found.reshape(4, 4), expected, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(8, 12), (5, 7), (1, 1), (4, 3), (34, 29)])
def test_the_same_numbers_come_out_at_any_size(size: tuple[int, int], bias: bool) -> None:
    """One rewritten file serves every size, whole tiles or not, to 2e-5 of the largest."""
    plain = graph(bias=bias)
    made, count = rewrite(plain, fewest_channels=1)
    image = np.random.default_rng(2).normal(size=(1, 8, *size)).astype(np.float32)
    expected, found = run(plain, image), run(made, image)
    assert count == 1
    assert found.shape == expected.shape == (1, 12, *size)
    assert np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize(
    "given",
    [{"strides": [2, 2]}, {"dilations": [2, 2]}, {"pads": [0] * 4}, {"auto_pad": "VALID"}],
)
def test_other_convolutions_stay(given: dict[str, object]) -> None:
    """Strided, dilated and unpadded convolutions are left as they are, bit by bit."""
    plain = graph(**given)
    made, count = rewrite(plain, fewest_channels=1)
    assert count == 0
    assert made == plain


def test_narrow_convolutions_stay() -> None:
    """By default, what has few channels is not rewritten: it would not be faster."""
    assert rewrite(graph(inputs=64, outputs=256))[1] == 0
    assert rewrite(graph(inputs=96, outputs=96))[1] == 1


def test_weights_that_nothing_uses_are_not_shipped() -> None:
    """The file holds the transformed weights only."""
    made, _ = rewrite(graph(), fewest_channels=1)
    names = {tensor.name for tensor in made.graph.initializer}
    assert "w" not in names
    assert {"b", "winograd/w/winograd"} <= names


@pytest.mark.parametrize(
    ("given", "words"), [({"opset": 13}, "opset 13"), ({"images": 4}, "several images")]
)
def test_what_cannot_be_rewritten_is_refused(given: dict[str, int], words: str) -> None:
    """Old opsets and batches are named."""
    with pytest.raises(ValueError, match=words):
        rewrite(graph(**given))
