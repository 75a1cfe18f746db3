"""Importing RetinaNet weights: the file is read safely, and the graph computes what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo_node.adopt.checkpoint import read_checkpoint
from mammo_node.adopt.numpy_operations import NumpyOperations
from mammo_node.adopt.retinanet import build_model, parity
from mammo_node.adopt.retinanet_network import RetinaNetWeights
from mammo_node.adopt.retinanet_page import COLUMN, ROW
from mammo_node.analyse.anchors import Anchors, best_boxes
from mammo_node.analyse.candidates import decode
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.manifest import RetinaNet
from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session
from mammo_node.cli import main
from mammo_node.errors import InferenceError, ModelPackageError
from mammo_node.image.trimmings import trimmings
from mammo_node.vocabulary import Detections
from tests.unit.retinanet_weights import state_dict, torch_file

STYLES = ("group-norm", "plain")
#: Taken off logits.
_MOVED = 6.0
_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
ANCHORS = Anchors((32.0, 64.0, 128.0, 256.0, 512.0), _SCALES, (0.5, 1.0, 2.0))


@pytest.mark.parametrize(
    ("nested", "prefix"), [(None, ""), ("state_dict", "module."), ("model", "")]
)
def test_checkpoints_are_read_without_pytorch(nested: str | None, prefix: str) -> None:
    """State dicts come out whole, alone, nested, or of a model for several GPUs."""
    tensors = state_dict()
    found = read_checkpoint(torch_file(tensors, nested=nested, prefix=prefix))
    assert found.keys() == tensors.keys()
    assert all(np.array_equal(found[name], tensors[name]) for name in tensors)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    """A pickle that names a function is refused, and the function is not called."""

    class _Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "touched",)  # type: ignore[return-value]

    with pytest.raises(ModelPackageError, match=r"it wants .*getattr"):
        read_checkpoint(torch_file(state_dict(), extra=_Evil()))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x02}q\x00.", "PyTorch 1.6 or later"),
        (torch_file({}), "holds no tensors"),
        (torch_file({"a": np.ones((2, 3), np.float32)}, stride=(300, 1)), "beyond its storage"),
        (torch_file({"a": np.ones((2, 3), np.float32)}, stride=(-3, 1)), "beyond its storage"),
        (torch_file({"a": np.ones(4, np.float32)})[:-60], "PyTorch 1.6 or later"),
    ],
)
def test_what_is_no_checkpoint_is_refused(data: bytes, words: str) -> None:
    """Damaged and hostile files end as an error in words."""
    with pytest.raises(ModelPackageError, match=words):
        read_checkpoint(data)


@pytest.mark.parametrize("style", STYLES)
def test_the_graph_computes_what_numpy_does(style: str) -> None:
    """ONNX Runtime and plain numpy agree on random weights of both of torchvision's versions."""
    weights = RetinaNetWeights(state_dict(style=style))
    assert weights.depths == (1, 2, 1, 1)
    assert parity(weights, build_model(weights)) < 1e-5


def test_a_graph_that_is_told_of_what_is_gone_computes_what_numpy_does() -> None:
    """With columns and rows missing, both take them into the statistics alike."""
    weights = RetinaNetWeights(state_dict())
    model = build_model(weights, trimmed=True)
    assert parity(weights, model, trimmed=True) < 1e-5
    # Nothing missing: the numbers of the graph that is not told.
    image = np.random.default_rng(3).standard_normal((1, 3, 128, 96)).astype(np.float32)
    strips = {COLUMN: np.zeros((1, 3, 128, 1)), ROW: np.zeros((1, 3, 1, 96))}
    whole = {"image": image, **{name: x.astype(np.float32) for name, x in strips.items()}}
    told, plain = (
        open_session(graph, provider="cpu", threads=1, name="small").run(inputs, ("logits",))[0]
        for graph, inputs in ((model, whole), (build_model(weights), {"image": image}))
    )
    assert np.abs(told - plain).max() <= 1e-5 * np.abs(plain).max()


def test_boxes_of_the_breast_alone_are_those_of_the_whole_image() -> None:
    """Told what was cut away, a network with group norm keeps its boxes and scores; else not."""
    tensors = state_dict(pyramid=64)
    tensors["head.regression_head.bbox_reg.weight"] *= 0.05  # boxes near their anchors
    weights = RetinaNetWeights(tensors)
    whole, kept = _breast(), (slice(0, 416), slice(0, 192))
    part = {"image": np.ascontiguousarray(whole[:, :, *kept])}
    gone = trimmings(whole, kept, (COLUMN, ROW))
    plain, told = build_model(weights), build_model(weights, trimmed=True)
    expected = _boxes(plain, {"image": whole})
    x_min, y_min, x_max, y_max = expected.boxes.T
    inside = (x_min >= 0) & (y_min >= 0) & (x_max <= 160) & (y_max <= 384)
    best = inside & (expected.scores >= np.sort(expected.scores[inside])[-20])
    same, changes = _found_again(expected, best, _boxes(told, {**part, **gone}))
    assert same.min() >= 0.95
    assert changes.max() <= 0.02
    _, changes = _found_again(expected, best, _boxes(plain, part))
    assert np.median(changes) > 0.02


def _breast() -> np.ndarray:
    """Half an ellipse of smooth texture at the left edge, air around, (1, 3, 512, 384)."""
    row, column = np.mgrid[:512, :384]
    inside = ((row - 220) / 160) ** 2 + (column / 150) ** 2 < 1
    noise = np.random.default_rng(5).standard_normal((512, 384)).astype(np.float32)
    texture = 8 * cv2.GaussianBlur(noise, (0, 0), 5)
    image = np.where(inside, 1.5 + texture, -0.6).astype(np.float32)
    return np.broadcast_to(image, (1, 3, 512, 384)).copy()


def _boxes(model: bytes, inputs: Mapping[str, np.ndarray]) -> Detections:
    """Return a graph's candidates; the part begins where the whole does."""
    session = open_session(model, provider="cpu", threads=1, name="small")
    logits, deltas = session.run(inputs, ("logits", "deltas"))
    shape = inputs["image"].shape[2:]
    # Random weights give many scores near 1: moved, the best lie where changes show.
    return Detections(*best_boxes(ANCHORS, logits - np.float32(_MOVED), deltas, shape, top=1000))


def _found_again(
    one: Detections, which: np.ndarray, other: Detections
) -> tuple[np.ndarray, np.ndarray]:
    """For each box the best overlap with one of the same class, and how far its score moved."""
    overlaps, changes = [], []
    for i in np.flatnonzero(which):
        rivals = np.flatnonzero(other.labels == one.labels[i])
        low = np.maximum(one.boxes[i, :2], other.boxes[rivals, :2])
        high = np.minimum(one.boxes[i, 2:], other.boxes[rivals, 2:])
        both = np.prod(np.clip(high - low, 0, None), axis=1)
        mine, theirs = (
            np.prod(b[..., 2:] - b[..., :2], axis=-1) for b in (one.boxes[i], other.boxes[rivals])
        )
        overlap = both / (mine + theirs - both)
        overlaps.append(overlap.max())
        changes.append(abs(one.scores[i] - other.scores[rivals[overlap.argmax()]]))
    return np.array(overlaps), np.array(changes)


def test_the_same_weights_give_the_same_file() -> None:
    """An import can be repeated: the hash of the model does not change."""
    assert build_model(RetinaNetWeights(state_dict())) == build_model(
        RetinaNetWeights(state_dict())
    )


@pytest.mark.parametrize("style", STYLES)
def test_numpy_computes_what_pytorch_does(style: str) -> None:
    """The structure is that of the network written down in PyTorch's own modules."""
    torch = pytest.importorskip("torch", reason="needs the extra 'training' (torch)")
    from tests.unit.retinanet_torch import forward  # noqa: PLC0415 - needs torch

    tensors = state_dict(style=style)
    image = np.random.default_rng(1).standard_normal((1, 3, 96, 160)).astype(np.float32)
    expected = forward({k: torch.from_numpy(v) for k, v in tensors.items()}, image)
    found = RetinaNetWeights(tensors).run(NumpyOperations(), image)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()


def test_cell_anchors_are_those_of_torchvision() -> None:
    """Sizes are whole pixels and corners are rounded, as the weights expect."""
    rows, columns, cell = next(iter(ANCHORS.levels(64, 96)))
    assert (rows, columns) == (8, 12)
    assert cell[0].tolist() == [-23, -11, 23, 11]
    assert cell[3:6].tolist() == [[-n, -n, n, n] for n in (16, 20, 25)]
    assert cell[6].tolist() == [-11, -23, 11, 23]
    assert ANCHORS.count(64, 96) == 9 * (96 + 24 + 6 + 2 + 1)


def test_a_delta_moves_its_anchor() -> None:
    """Boxes come from the right place, level and anchor, with the box coder's formula."""
    shape = (64, 96)
    count = ANCHORS.count(*shape)
    logits = np.full((count, 2), -20.0, dtype=np.float32)
    deltas = np.zeros((count, 4), dtype=np.float32)
    second_level = 9 * 96
    place = second_level + (3 * 6 + 4) * 9 + 3  # row 3, column 4, ratio 1 at scale 1
    logits[place, 1] = 2.0
    deltas[place] = (0.25, -0.5, np.log(2.0), 50.0)
    boxes, scores, classes = best_boxes(ANCHORS, logits, deltas, shape, top=5)
    best = int(scores.argmax())
    centre_x, centre_y = 4 * 16 + 0.25 * 64, 3 * 16 - 0.5 * 64
    half_h = 64 * (1000 / 16) / 2  # the limit of the logarithm
    expected = (centre_x - 64, centre_y - half_h, centre_x + 64, centre_y + half_h)
    assert np.allclose(boxes[best], expected, rtol=1e-6)
    assert classes[best] == 1
    assert scores[best] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert len(scores) == 5 * 5


def test_a_grid_that_is_rounded_up_keeps_torchvisions_stride() -> None:
    """With 160 rows the last grids do not divide the input; the stride is rounded down."""
    shape = (160, 160)
    logits = np.full((ANCHORS.count(*shape), 1), -20.0, dtype=np.float32)
    logits[-5] = 3.0  # the last place of the last level (2 x 2), ratio 1, scale 2^(1/3)
    boxes, scores, _ = best_boxes(
        ANCHORS, logits, np.zeros((len(logits), 4), np.float32), shape, top=1
    )
    x_min, _, x_max, _ = boxes[int(scores.argmax())]
    assert (x_min + x_max) / 2 == 160 // 2


def test_logits_of_another_size_are_an_error() -> None:
    """A graph with other anchors than the manifest says is noticed."""
    output = RetinaNet(contract="retinanet", classes=1, nms_iou=0.3)
    raw = [np.zeros((5, 1), np.float32), np.zeros((5, 4), np.float32)]
    with pytest.raises(InferenceError, match="has 1161 anchors of 1 classes"):
        decode(output, raw, [0], (64, 96))


def test_weights_become_a_package_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes a package; session, decoding and suppression work on an image."""
    file = tmp_path / "weights.pth"
    file.write_bytes(torch_file(state_dict()))
    named = ["--name", "ours", "--out", str(tmp_path / "models"), "--threshold", "0.05"]
    assert main(["models", "import", "retinanet", str(file), *named, "--label", "1=mass"]) == 0
    assert "differ by" in capsys.readouterr().out
    package = load_package(tmp_path / "models" / "ours")
    assert package.manifest.input.longest_side == 2048
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="ours")
    image = np.random.default_rng(2).standard_normal((1, 3, 128, 96)).astype(np.float32)
    found = Detector(package, session).run(image)
    assert len(found.scores) > 0
    assert set(found.labels.tolist()) == {1}
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()


def test_what_is_done_for_speed_is_checked_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--winograd: the same boxes from another graph; --trim: in the manifest; both in the card."""
    file = tmp_path / "weights.pth"
    file.write_bytes(torch_file(state_dict(pyramid=96)))
    named = ["--name", "quick", "--out", str(tmp_path), "--label", "1=mass"]
    asked = ["models", "import", "retinanet", str(file), *named, "--winograd", "--trim"]
    assert main(asked) == 0
    assert "rewritten, on a phantom mammogram: differs by" in capsys.readouterr().out
    plain = build_model(_weights(96), trimmed=True)
    quick = load_package(tmp_path / "quick")
    assert quick.manifest.input.trim == "breast"
    assert quick.manifest.input.pad_multiple == 32
    assert quick.manifest.input.trim_grid == 128
    assert quick.manifest.input.trimmed_inputs == (COLUMN, ROW)
    assert len(quick.model_bytes()) > 1.5 * len(plain)
    image = np.random.default_rng(2).standard_normal((1, 3, 160, 96)).astype(np.float32)
    sessions = (
        open_session(graph, provider="cpu", threads=1, name="quick")
        for graph in (plain, quick.model_bytes())
    )
    one, other = (Detector(quick, session).run(image) for session in sessions)
    assert np.allclose(one.boxes, other.boxes, atol=0.01)
    assert np.allclose(one.scores, other.scores, atol=1e-4)
    words = (tmp_path / "quick" / "README.md").read_text(encoding="utf-8")
    assert "Winograd" in words
    assert "Group norm" in words


def _weights(pyramid: int) -> RetinaNetWeights:
    return RetinaNetWeights(state_dict(pyramid=pyramid))


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("head.regression_head.bbox_reg.weight", "it has no head.regression_head.bbox_reg.weight"),
        ("backbone.body.layer3.0.conv1.weight", "it has no backbone.body.layer3.0.conv1.weight"),
        ("backbone.fpn.extra_blocks.p7.weight", "it has no backbone.fpn.extra_blocks.p7.weight"),
    ],
)
def test_other_networks_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gone: str, words: str
) -> None:
    """What is missing is named, and no folder is left."""
    file = tmp_path / "weights.pth"
    file.write_bytes(torch_file({k: v for k, v in state_dict().items() if k != gone}))
    named = ["--name", "ours", "--out", str(tmp_path / "m"), "--label", "1=mass"]
    assert main(["models", "import", "retinanet", str(file), *named]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "m" / "ours").exists()
