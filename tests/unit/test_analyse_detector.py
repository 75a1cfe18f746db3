"""The detector: thresholds, suppression, order, and nothing that breaks the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.package import ModelPackage, load_package
from mammo_node.analyse.session import open_session
from mammo_node.analyse.suppression import suppress
from mammo_node.errors import InferenceError
from tests.unit.analyse_graphs import detector_model, write_package


@dataclass(frozen=True)
class _Says:
    """A session that answers with these tensors, whatever it is asked."""

    boxes: object
    scores: object
    labels: object
    box_type: type = np.float32

    def run(self, inputs: Mapping[str, object], outputs: Sequence[str]) -> list[np.ndarray]:
        assert list(inputs) == ["image"]
        assert tuple(outputs) == ("boxes", "scores", "labels")
        return [
            np.array(self.boxes, dtype=self.box_type),
            np.array(self.scores, dtype=np.float32),
            np.array(self.labels, dtype=np.int64),
        ]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return load_package(write_package(tmp_path_factory.mktemp("package")))


_TENSOR = np.zeros((1, 2, 100, 200), dtype=np.float32)


@pytest.mark.parametrize("batched", [False, True])
def test_a_real_graph_is_read_right(tmp_path: Path, batched: bool) -> None:
    """Boxes, scores and labels of ONNX Runtime come out in model pixels, best first."""
    changes = tuple((f'{k} = "{k}"', f'{k} = "{k}_batch"') for k in ("boxes", "scores", "labels"))
    model = detector_model(batch_dimension=batched)
    package = load_package(write_package(tmp_path, model, changes=changes if batched else ()))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="blobs")
    image = np.zeros((1, 2, 64, 96), dtype=np.float32)
    image[0, 0, 16:24, 32:40] = 0.7
    image[0, 1, 40:48, 80:88] = 0.9
    image[0, 1, 0:8, 0:8] = 0.55  # above the threshold of masses, below that of clusters
    found = Detector(package, session).run(image)
    assert found.boxes.tolist() == [[80, 40, 88, 48], [32, 16, 40, 24]]
    assert found.labels.tolist() == [1, 0]
    assert found.scores == pytest.approx([0.9, 0.7], abs=1e-5)
    assert (found.boxes.dtype, found.scores.dtype, found.labels.dtype) == (
        np.float32,
        np.float32,
        np.int64,
    )


def test_a_threshold_is_included_and_can_be_overridden(package: ModelPackage) -> None:
    """A score equal to the threshold is reported; a setting moves it label by label."""
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]]
    session = _Says(boxes, [0.5, 0.49, 0.6, 0.59], [0, 0, 1, 1])
    assert Detector(package, session).run(_TENSOR).scores == pytest.approx([0.6, 0.5])
    found = Detector(package, session, {"mass": 0.49}).run(_TENSOR)
    assert found.scores == pytest.approx([0.6, 0.5, 0.49])
    assert Detector(package, session, {"mass": 1.0}).thresholds == {
        "mass": 1.0,
        "calcification-cluster": 0.6,
    }


def test_suppression_is_per_label(package: ModelPackage) -> None:
    """A cluster within a mass stays; a worse mass on the same spot goes."""
    boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10]]
    found = Detector(package, _Says(boxes, [0.7, 0.9, 0.8], [0, 0, 1])).run(_TENSOR)
    assert found.scores == pytest.approx([0.9, 0.8])
    assert found.labels.tolist() == [0, 1]


def test_boxes_stay_within_the_image(package: ModelPackage) -> None:
    """Boxes are clipped to the tensor; what lies outside or has no area is dropped."""
    boxes = [[-5, -5, 10, 10], [190, 90, 230, 130], [300, 0, 310, 10], [5, 5, 5, 9], [9, 9, 5, 5]]
    found = Detector(package, _Says(boxes, [0.9, 0.8, 0.7, 0.7, 0.7], [0] * 5)).run(_TENSOR)
    assert found.boxes.tolist() == [[0, 0, 10, 10], [190, 90, 200, 100]]


def test_at_most_so_many_come_out(package: ModelPackage) -> None:
    """The best max_detections over all labels are kept."""
    boxes = [[20 * i, 0, 20 * i + 10, 10] for i in range(30)]
    scores = np.linspace(0.6, 0.9, 30)
    tensor = np.zeros((1, 2, 16, 608), dtype=np.float32)
    found = Detector(package, _Says(boxes, scores, [i % 2 for i in range(30)])).run(tensor)
    assert found.scores == pytest.approx(scores[::-1][:20])


@pytest.mark.parametrize("shape", [((0, 4), (0,)), ((1, 0, 4), (1, 0))])
def test_nothing_found_is_an_empty_answer(package: ModelPackage, shape) -> None:
    """No boxes at all is a fine answer."""
    boxes, rest = shape
    found = Detector(package, _Says(np.zeros(boxes), np.zeros(rest), np.zeros(rest))).run(_TENSOR)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.labels.shape == (0,)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (_Says([[0, 0, 9, np.nan]], [0.9], [0]), "not finite"),
        (_Says([[0, 0, 9, np.inf]], [0.9], [0]), "not finite"),
        (_Says([[0, 0, 9, 9]], [np.nan], [0]), "not finite"),
        (_Says([[0, 0, 9, 9]], [7.5], [0]), "scores from 7.5 to 7.5"),
        (_Says([[0, 0, 9, 9]], [-0.2], [0]), "scores from -0.2"),
        (_Says([[0, 0, 9, 9]], [0.9], [2]), r"labels \[2\] are not all in the manifest"),
        (_Says([[0, 0, 9, 9]], [0.9, 0.8], [0, 0]), r"shapes \(1, 4\), \(2,\), \(2,\)"),
        (_Says([[0, 0, 9]], [0.9], [0]), r"shapes \(1, 3\)"),
        (_Says([[0, 0, 9, 9]], [0.9], [[0], [0]]), r"\(2, 1\)"),
        (_Says([[[0, 0, 9, 9]]] * 2, [[0.9]] * 2, [[0]] * 2), r"\(2, 1, 4\)"),
        (_Says([0, 0, 9, 9], 0.9, 0), r"shapes \(4,\), \(\), \(\)"),
    ],
)
def test_outputs_that_break_the_contract_are_refused(
    package: ModelPackage, session: _Says, words: str
) -> None:
    """Wrong shapes, values that are no scores and unknown labels are an error, not a result."""
    with pytest.raises(InferenceError, match=words) as raised:
        Detector(package, session).run(_TENSOR)
    assert "model blobs breaks its output contract" in str(raised.value)


def test_a_score_rounded_above_one_is_one(package: ModelPackage) -> None:
    """Rounding in the graph is forgiven, and the result is still a probability."""
    found = Detector(package, _Says([[0, 0, 9, 9]], [1.0000005], [0])).run(_TENSOR)
    assert found.scores.tolist() == [1.0]


def _naive(boxes: np.ndarray, scores: np.ndarray, iou: float, most: int) -> list[int]:
    """Suppression as it is defined, box by box."""
    kept: list[int] = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(_iou(boxes[i], boxes[j]) <= iou for j in kept):
            kept.append(i)
    return kept[:most]


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    shared = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union


@given(
    st.lists(
        st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 20)] * 2, st.integers(0, 5)),
        max_size=40,
    ),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.15, 0.45, 0.99, 1.0]),
)
def test_suppression_equals_its_definition(
    rows: list[tuple[int, int, int, int, int]], most: int, iou: float
) -> None:
    """The fast way keeps exactly what the naive way keeps, ties included."""
    table = np.array(rows, dtype=np.float32).reshape(-1, 5)
    boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    scores = table[:, 4] / np.float32(5)
    kept = suppress(boxes, scores, iou, most).tolist()
    assert kept == _naive(boxes.astype(float), scores, iou, most)


_MAPPED = (('labels = "labels"', 'labels = "labels"\nheatmap = "best"'),)


def test_a_heatmap_comes_out_with_the_boxes(tmp_path: Path) -> None:
    """A graph that tells how much each place scores has it read, also where no box comes of it."""
    package = load_package(write_package(tmp_path, changes=_MAPPED))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="blobs")
    image = np.zeros((1, 2, 64, 96), dtype=np.float32)
    image[0, 1, 0:8, 16:24] = 0.25  # below every threshold
    found = Detector(package, session).run(image)
    assert found.scores.size == 0
    assert found.heatmap is not None
    assert found.heatmap.shape == (8, 12)
    assert found.heatmap[0, 2] == pytest.approx(0.25)
    assert found.heatmap.sum() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("heatmap", "words"),
    [
        (np.zeros((1, 2, 4, 4)), r"shape \(1, 2, 4, 4\)"),
        (np.full((1, 1, 4, 4), np.nan), "heatmap is not finite"),
        (np.full((1, 1, 4, 4), 7.0), "the heatmap's values from 7 to 7, not 0 to 1"),
    ],
)
def test_a_heatmap_that_is_none_is_an_error(
    tmp_path: Path, heatmap: np.ndarray, words: str
) -> None:
    """Numbers that cannot be shares are not shown as if they were."""

    class _Map:
        def run(self, inputs: object, outputs: Sequence[str]) -> list[np.ndarray]:
            assert tuple(outputs) == ("boxes", "scores", "labels", "best")
            empty = np.zeros(0, np.float32)
            return [np.zeros((0, 4), np.float32), empty, empty.astype(np.int64), heatmap]

    package = load_package(write_package(tmp_path, changes=_MAPPED))
    with pytest.raises(InferenceError, match=words):
        Detector(package, _Map()).run(_TENSOR)


_DOUBTED = (('labels = "labels"', 'labels = "labels"\nsuspicion = "scores"'),)


class _Looks:
    """Two boxes of one lesion, one elsewhere and one outside; each is as suspicious as it says."""

    def __init__(self, suspicion: np.ndarray) -> None:
        self.suspicion = suspicion

    def run(self, inputs: object, outputs: Sequence[str]) -> list[np.ndarray]:
        assert tuple(outputs) == ("boxes", "scores", "labels", "scores")
        rows = [[999, 9, 1200, 20], [2, 2, 22, 22], [30, 30, 50, 50], [3, 2, 22, 22]]
        scores = np.array([0.9, 0.6, 0.8, 0.7], np.float32)
        return [np.array(rows, np.float32), scores, np.zeros(4, np.int64), self.suspicion]


def test_a_box_keeps_its_suspicion(tmp_path: Path) -> None:
    """However candidates are cut, suppressed and sorted, each stays as suspicious as it was."""
    package = load_package(write_package(tmp_path, changes=_DOUBTED))
    detector = Detector(package, _Looks(np.array([0.1, 0.2, 0.3, 0.4], np.float32)))
    found = detector.run(_TENSOR)
    assert found.scores == pytest.approx([0.8, 0.7])
    assert found.suspicion == pytest.approx([0.3, 0.4])
    assert detector.reported(found).suspicion == pytest.approx([0.3, 0.4])


@pytest.mark.parametrize(
    ("suspicion", "words"),
    [
        (np.zeros(3, np.float32), r"suspicion has shape \(3,\); there are 4 boxes"),
        (np.full(4, np.nan, np.float32), "suspicion is not finite"),
        (np.full(4, 3.0, np.float32), "suspicions from 3 to 3, not 0 to 1"),
    ],
)
def test_a_suspicion_that_is_none_is_an_error(
    tmp_path: Path, suspicion: np.ndarray, words: str
) -> None:
    """Numbers that cannot be shares, or of no box, are refused."""
    package = load_package(write_package(tmp_path, changes=_DOUBTED))
    with pytest.raises(InferenceError, match=words):
        Detector(package, _Looks(suspicion)).run(_TENSOR)


def test_suppression_of_many_candidates_is_quick() -> None:
    """20,000 candidates are not compared each with each."""
    random = np.random.default_rng(0)
    corner = random.uniform(0, 1000, (20000, 2)).astype(np.float32)
    boxes = np.concatenate([corner, corner + random.uniform(5, 80, (20000, 2))], axis=1)
    scores = random.random(20000, dtype=np.float32)
    begun = perf_counter()
    assert len(suppress(boxes.astype(np.float32), scores, 0.3, 100)) == 100
    assert perf_counter() - begun < 20  # quadratic would take minutes
