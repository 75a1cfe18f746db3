"""The relevance graph: each rule against differences, whole networks against themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mammo_node.analyse.manifest import BoxesScoresLabels, RetinaNet, Yolo
from mammo_node.analyse.package import bundled_folder, load_package
from mammo_node.analyse.relevance.derive import RELEVANCE, NotDerivable, derive
from mammo_node.analyse.relevance.heads import THRESHOLDS, threshold_input
from mammo_node.analyse.session import Session, open_session

OPSET = 18
LISTED = BoxesScoresLabels(contract="boxes+scores+labels", nms_iou=0.3)
RNG_SEED = 7

Nodes = list[onnx.NodeProto]
node = helper.make_node


def session(model: bytes) -> Session:
    return open_session(model, provider="cpu", threads=1, name="test")


def listed(nodes: Nodes, opset: int = OPSET, **weights: np.ndarray) -> bytes:
    """A detector of ``nodes`` from "image" (1, 2, 6, 6) to "y": any shape, weighed and summed.

    Its scores are sigmoids of y times weights of its own: so their log-odds are linear in y.
    """
    rng = np.random.default_rng(RNG_SEED)
    constants = {
        "mix": rng.normal(size=512).astype(np.float32) * 0.3,
        "flat": np.array([-1]),
        "nought": np.array([0]),
        "unit": np.array([1]),
        **weights,
    }
    tail = [
        node("Reshape", ["y", "flat"], ["y_flat"]),
        node("Shape", ["y_flat"], ["count"]),
        node("Slice", ["mix", "nought", "count"], ["some"]),
        node("Mul", ["y_flat", "some"], ["logits"]),
        node("Sigmoid", ["logits"], ["scores"]),
        node("ConstantOfShape", ["count"], ["zeros"]),
        node("Cast", ["zeros"], ["labels"], to=TensorProto.INT64),
        node("Unsqueeze", ["zeros", "unit"], ["column"]),
        node("Concat", ["column"] * 4, ["boxes"], axis=1),
    ]
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n"]),
    ]
    source = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, "h", "w"])
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph([*nodes, *tail], "test", [source], outputs, held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(made.SerializeToString())


def _weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(np.float32) * 0.4


def _ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def simple(kind: str, *more: str, **attributes: object) -> Nodes:
    """One node of that kind between image and y."""
    return [node(kind, ["image", *more], ["y"], **attributes)]


CASES: dict[str, Callable[[], tuple[Nodes, dict[str, np.ndarray]]]] = {
    "Conv": lambda: (
        simple("Conv", "w", "b", pads=[1] * 4, kernel_shape=[3, 3]),
        {"w": _weights(3, 2, 3, 3), "b": _weights(3)},
    ),
    "Conv, stride that leaves a row over": lambda: (
        simple("Conv", "w", pads=[0, 1, 0, 0], strides=[2, 3]),
        {"w": _weights(4, 2, 3, 3)},
    ),
    "Conv, grouped and dilated": lambda: (
        simple("Conv", "w", group=2, dilations=[2, 1], pads=[2, 0, 1, 0], strides=[2, 1]),
        {"w": _weights(4, 1, 2, 3)},
    ),
    "Relu": lambda: (
        [node("Sub", ["image", "half"], ["x"]), node("Relu", ["x"], ["y"])],
        {"half": np.float32(0.5)},
    ),
    "LeakyRelu": lambda: (
        [node("Sub", ["image", "half"], ["x"]), node("LeakyRelu", ["x"], ["y"], alpha=0.2)],
        {"half": np.float32(0.5)},
    ),
    "SiLU": lambda: (
        [node("Sigmoid", ["image"], ["s"]), node("Mul", ["image", "s"], ["y"])],
        {},
    ),
    "Tanh, Softplus, Exp": lambda: (
        [
            node("Tanh", ["image"], ["a"]),
            node("Softplus", ["a"], ["b"]),
            node("Exp", ["b"], ["y"]),
        ],
        {},
    ),
    "Log, Sqrt, Reciprocal, Erf": lambda: (
        [
            node("Add", ["image", "one"], ["a"]),
            node("Log", ["a"], ["b"]),
            node("Sqrt", ["b"], ["c"]),
            node("Add", ["c", "one"], ["d"]),
            node("Reciprocal", ["d"], ["e"]),
            node("Erf", ["e"], ["y"]),
        ],
        {"one": np.float32(1.1)},
    ),
    "Abs, Neg, Pow": lambda: (
        [
            node("Sub", ["image", "half"], ["a"]),
            node("Abs", ["a"], ["b"]),
            node("Neg", ["b"], ["c"]),
            node("Pow", ["c", "two"], ["y"]),
        ],
        {"half": np.float32(0.5), "two": np.float32(2.0)},
    ),
    "Clip": lambda: (
        simple("Clip", "low", "high"),
        {"low": np.float32(0.196), "high": np.float32(0.79)},
    ),
    "Add and Mul, broadcast": lambda: (
        [
            node("ReduceMean", ["image", "sides"], ["mean"]),
            node("Add", ["image", "mean"], ["a"]),
            node("ReduceMax", ["image", "sides"], ["most"], keepdims=0),
            node("Unsqueeze", ["most", "sides"], ["most_4d"]),
            node("Mul", ["a", "most_4d"], ["y"]),
        ],
        {"sides": _ints(2, 3)},
    ),
    "ReduceSumSquare": lambda: (
        [
            node("ReduceSumSquare", ["image", "sides"], ["squares"], keepdims=0),
            node("Unsqueeze", ["squares", "sides"], ["squares_4d"]),
            node("Mul", ["image", "squares_4d"], ["y"]),
        ],
        {"sides": _ints(2, 3)},
    ),
    "Sub and Div": lambda: (
        [
            node("Add", ["image", "one"], ["a"]),
            node("ReduceMean", ["a"], ["mean"]),
            node("Sub", ["mean", "image"], ["b"]),
            node("Div", ["b", "a"], ["y"]),
        ],
        {"one": np.float32(1.0)},
    ),
    "Max and Where": lambda: (
        [
            node("Split", ["image"], ["a", "b"], axis=1, num_outputs=2),
            node("Max", ["a", "b"], ["c"]),
            node("Greater", ["a", "half"], ["above"]),
            node("Where", ["above", "c", "half"], ["y"]),
        ],
        {"half": np.float32(0.5)},
    ),
    "MatMul of the image with itself": lambda: (
        [
            node("Transpose", ["image"], ["t"], perm=[0, 1, 3, 2]),
            node("MatMul", ["image", "t"], ["y"]),
        ],
        {},
    ),
    "Flatten and Gemm": lambda: (
        [
            node("Flatten", ["image"], ["f"]),
            node("Gemm", ["f", "w", "b"], ["y"], transB=1, alpha=0.5),
        ],
        {"w": _weights(5, 72), "b": _weights(5)},
    ),
    "Concat, Slice by steps, Expand": lambda: (
        [
            node("Slice", ["image", "from", "to", "axes", "steps"], ["s"]),
            node("Concat", ["s", "s"], ["c"], axis=1),
            node("Expand", ["c", "shape"], ["y"]),
        ],
        {
            "from": _ints(1, 5),
            "to": _ints(6, -7),
            "axes": _ints(2, 3),
            "steps": _ints(2, -3),
            "shape": _ints(2, 1, 1, 1),
        },
    ),
    "Slice off every side": lambda: (
        simple("Slice", "from", "to", "axes"),
        {"from": _ints(1, 2), "to": _ints(100, -1), "axes": _ints(-1, 2)},
    ),
    "DepthToSpace, columns first": lambda: (
        [
            node("Conv", ["image", "w"], ["c"]),
            node("DepthToSpace", ["c"], ["y"], blocksize=2, mode="CRD"),
        ],
        {"w": _weights(8, 2, 1, 1)},
    ),
    "SpaceToDepth and back": lambda: (
        [
            node("SpaceToDepth", ["image"], ["s"], blocksize=3),
            node("Mul", ["s", "s"], ["m"]),
            node("DepthToSpace", ["m"], ["d"], blocksize=3),
            node("Conv", ["d", "w"], ["y"]),
        ],
        {"w": _weights(1, 2, 2, 2)},
    ),
    "Gather twice the same": lambda: (simple("Gather", "index", axis=2), {"index": _ints(1, 1, 4)}),
    "GatherND, Squeeze": lambda: (
        [node("Squeeze", ["image", "front"], ["s"]), node("GatherND", ["s", "places"], ["y"])],
        {"front": _ints(0), "places": np.array([[1, 2], [0, 5], [1, 2]])},
    ),
    "Pad and TopK": lambda: (
        [
            node("Pad", ["image", "wide"], ["p"]),
            node("TopK", ["p", "three"], ["y", "places"], axis=3),
        ],
        {"wide": _ints(0, 0, 1, 2, 0, 0, 0, 1), "three": _ints(3)},
    ),
    "MaxPool that overlaps": lambda: (
        simple("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        {},
    ),
    "AveragePool": lambda: (
        simple(
            "AveragePool",
            kernel_shape=[3, 2],
            strides=[2, 2],
            pads=[1, 0, 1, 0],
            count_include_pad=1,
        ),
        {},
    ),
    "GlobalAveragePool": lambda: (simple("GlobalAveragePool"), {}),
    "Resize, nearest, to twice": lambda: (
        simple(
            "Resize",
            "",
            "scales",
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        {"scales": np.array([1, 1, 2, 2], dtype=np.float32)},
    ),
    "Resize, nearest, to odd sizes": lambda: (
        simple(
            "Resize",
            "",
            "",
            "sizes",
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        {"sizes": _ints(1, 2, 11, 5)},
    ),
    "Resize, linear": lambda: (
        simple("Resize", "", "", "sizes", mode="linear"),
        {"sizes": _ints(1, 2, 9, 13)},
    ),
    "Softmax": lambda: (simple("Softmax", axis=2), {}),
    "BatchNormalization": lambda: (
        simple("BatchNormalization", "s", "o", "m", "v"),
        {"s": _weights(2), "o": _weights(2), "m": _weights(2), "v": _weights(2) ** 2 + 0.1},
    ),
    "InstanceNormalization": lambda: (
        simple("InstanceNormalization", "s", "o"),
        {"s": _weights(2) + 1, "o": _weights(2)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rule_is_the_slope(case: str):
    """The map, summed with any pattern, is how the scores move when the image moves by it."""
    nodes, weights = CASES[case]()
    model = listed(nodes, **weights)
    graph = derive(model, "image", LISTED)
    assert not isinstance(graph, NotDerivable), graph
    forward, backward = session(model), session(graph)
    rng = np.random.default_rng(1)
    # Far enough apart for no maximum to change hands.
    image = rng.permutation(np.linspace(0.05, 0.95, 72)).reshape(1, 2, 6, 6).astype(np.float32)
    (found,) = backward.run({"image": image, THRESHOLDS: np.zeros(1, np.float32)}, [RELEVANCE])
    assert found.shape == (1, 1, 6, 6)
    step = 2e-3
    for _ in range(3):
        pattern = rng.uniform(-2, 2, (1, 1, 6, 6)).astype(np.float32)
        up, down = (
            forward.run({"image": image * (1 + sign * step * pattern)}, ["logits"])[0].sum(
                dtype=float
            )
            for sign in (1, -1)
        )
        wanted = (up - down) / (2 * step)
        assert (found * pattern).sum() == pytest.approx(wanted, rel=5e-3, abs=4e-3)
    assert np.abs(found).max() > 1e-3


def test_a_tensor_that_is_used_twice_counts_twice():
    """A shortcut around a convolution, as residual networks have, adds to what goes through it."""
    nodes = [
        node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        node("Add", ["image", "c"], ["y"]),
    ]
    alone = listed(simple("Conv", "w", pads=[1] * 4), w=_weights(2, 2, 3, 3))
    both, straight = listed(nodes, w=_weights(2, 2, 3, 3)), listed(simple("Identity"))
    image = np.random.default_rng(0).random((1, 2, 6, 6), dtype=np.float32)
    inputs = {"image": image, THRESHOLDS: np.zeros(1, np.float32)}
    maps = []
    for model in (both, alone, straight):
        graph = derive(model, "image", LISTED)
        assert isinstance(graph, bytes)
        maps.append(session(graph).run(inputs, [RELEVANCE])[0])
    assert maps[0] == pytest.approx(maps[1] + maps[2], abs=1e-5)


def test_what_is_below_the_threshold_is_not_explained():
    """Only candidates that are reported count: of none the map is empty."""
    model = listed(simple("Identity"))
    graph = session(_derived(model))
    image = np.random.default_rng(0).random((1, 2, 6, 6), dtype=np.float32)
    scores, logits = session(model).run({"image": image}, ["scores", "logits"])
    limit = float(np.sort(scores)[-2])
    inputs = {"image": image, THRESHOLDS: np.array([limit], np.float32)}
    (found,) = graph.run(inputs, [RELEVANCE])
    assert found.sum() == pytest.approx(logits[scores >= limit].sum(), rel=1e-4)
    assert np.count_nonzero(found) <= 2
    (empty,) = graph.run({**inputs, THRESHOLDS: np.array([1.0], np.float32)}, [RELEVANCE])
    assert not empty.any()


def test_a_kind_without_a_rule_is_named():
    """What cannot be differentiated is said by name, so that something else can explain."""
    found = derive(listed(simple("Elu")), "image", LISTED)
    assert found == NotDerivable("there is no gradient of Elu")


def test_an_old_opset_is_refused():
    """Before opset 13 shapes were attributes: such a file is not guessed at."""
    old = onnx.load_from_string(listed(simple("Identity")))
    old.opset_import[0].version = 11
    found = derive(old.SerializeToString(), "image", LISTED)
    assert isinstance(found, NotDerivable)
    assert "opset 11" in found.reason


def _blobs(places: np.ndarray, sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[:256, :256]
    return sum(
        0.8 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x in places
    )


STIMULI: dict[str, Callable[[], np.ndarray]] = {
    # Where the sum is well away from 0: near it a step crosses more kinks than it moves.
    "lesion-detector": lambda: _blobs(np.array([[130, 120]]), 15.0),
    "cluster-detector": lambda: (
        0.2 + _blobs(np.random.default_rng(2).uniform(100, 160, (14, 2)), 1.7)
    ),
}


@pytest.mark.parametrize("name", STIMULI)
def test_the_bundled_detectors_have_one(name: str):
    """Scaling the image up a little moves their log-odds by the sum of the whole map."""
    package = load_package(bundled_folder() / name)
    output = package.manifest.output
    graph = session(_derived(package.model_bytes(), output))
    forward = session(package.model_bytes())
    image = np.repeat(STIMULI[name]()[None, None], 2, axis=1).astype(np.float32)
    (scores,) = forward.run({"image": image}, ["scores"])
    limit = np.array([float(scores[0]) * 0.98], np.float32)  # the best few candidates
    (found,) = graph.run({"image": image, THRESHOLDS: limit}, [RELEVANCE])
    count = int((scores >= limit[0]).sum())
    step = 2e-4
    ends = []
    for sign in (1, -1):
        (moved,) = forward.run({"image": image * np.float32(1 + sign * step)}, ["scores"])
        best = moved[:count].astype(float)
        ends.append(np.log(best / (1 - best)).sum())
    assert found.sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.03)


def _derived(model: bytes, output: object = LISTED) -> bytes:
    graph = derive(model, "image", output)  # type: ignore[arg-type]
    assert isinstance(graph, bytes), graph
    return graph


def _outputs(nodes: Nodes, names: tuple[str, ...], **weights: np.ndarray) -> bytes:
    source = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, 6, 6])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names]
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()]
    graph = helper.make_graph(nodes, "test", [source], outputs, held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return bytes(onnx.shape_inference.infer_shapes(made).SerializeToString())


@pytest.mark.parametrize("layout", ["v5", "v8", "end2end"])
def test_scores_of_yolo_networks_are_found(layout: str):
    """In each layout it is the scores that are explained, never the boxes."""
    # 72 pixels are read as boxes of six numbers: centre and size, then scores.
    shape = {"v5": [1, 12, 6], "v8": [1, 6, 12], "end2end": [1, 12, 6]}[layout]
    nodes = [node("Reshape", ["image", "shape"], ["output0"])]
    model = _outputs(nodes, ("output0",), shape=np.array(shape))
    classes = 1 if layout == "v5" else 2
    output = Yolo(contract="yolo", layout=layout, classes=classes, nms_iou=0.3)
    image = np.random.default_rng(0).uniform(0.1, 0.9, (1, 2, 6, 6)).astype(np.float32)
    if layout == "end2end":  # the last number is the class
        image.reshape(shape)[..., 5] = 1.0
    labels = {0: "mass", 1: "cluster"} if classes == 2 else {0: "mass"}
    thresholds = threshold_input(output, labels, {"mass": 0.0, "cluster": 0.0})
    graph = session(_derived(model, output))
    (found,) = graph.run({"image": image, THRESHOLDS: thresholds}, [RELEVANCE])
    numbers = image.reshape(shape).astype(np.float64)
    wanted = np.zeros(shape)
    if layout == "v5":
        product = numbers[..., 4] * numbers[..., 5]
        for place in (4, 5):
            wanted[..., place] = product / (product * (1 - product))
    elif layout == "v8":
        wanted[:, 4:] = 1 / (1 - numbers[:, 4:])
    else:
        wanted[..., 4] = 1 / (1 - numbers[..., 4])
    assert found[0, 0] == pytest.approx(wanted.reshape(1, 2, 6, 6).sum(axis=1)[0], rel=1e-4)


def test_logits_of_retinanets_are_explained_as_they_are():
    """A RetinaNet's outputs are log-odds already; a class without a label never counts."""
    nodes = [
        node("Reshape", ["image", "shape"], ["logits"]),
        node("Reshape", ["image", "four"], ["deltas"]),
    ]
    model = _outputs(nodes, ("logits", "deltas"), shape=_ints(36, 2), four=_ints(18, 4))
    output = RetinaNet(contract="retinanet", classes=2, nms_iou=0.3)
    thresholds = threshold_input(output, {1: "mass"}, {"mass": 0.6})
    image = np.random.default_rng(0).uniform(-1, 1, (1, 2, 6, 6)).astype(np.float32)
    graph = session(_derived(model, output))
    (found,) = graph.run({"image": image, THRESHOLDS: thresholds}, [RELEVANCE])
    numbers = image.reshape(36, 2).copy()
    numbers[:, 0] = 0
    numbers[1 / (1 + np.exp(-numbers)) < 0.6] = 0
    assert found[0, 0] == pytest.approx(numbers.reshape(1, 2, 6, 6).sum(axis=1)[0], abs=1e-5)
