"""Averaging over flips: exact mapping back, and answers that do not depend on how an image lies."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.analyse.candidates import Candidates
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.flips import averaged, turned, turned_boxes
from mammo_node.analyse.package import load_package
from mammo_node.analyse.relevance.gradient import GradientTimesInput
from mammo_node.errors import ModelPackageError
from tests.unit.analyse_graphs import write_package

FLIPS = ("rows", "columns")
SHAPE = (96, 64)
edge = st.floats(0, 60, width=32)


@given(
    corner=st.tuples(edge, edge),
    size=st.tuples(st.floats(1, 40, width=32), st.floats(1, 40, width=32)),
    flip=st.sampled_from(FLIPS),
)
def test_boxes_map_back_exactly(corner, size, flip):
    """A box turned over twice is where it was, to 1e-3 pixels, and has its size in between."""
    box = np.array([[*corner, corner[0] + size[0], corner[1] + size[1]]], dtype=np.float32)
    once = turned_boxes(box, flip, SHAPE)
    np.testing.assert_allclose(turned_boxes(once, flip, SHAPE), box, atol=1e-3)
    np.testing.assert_allclose(once[:, 2:] - once[:, :2], box[:, 2:] - box[:, :2], atol=1e-3)


@pytest.mark.parametrize("flip", FLIPS)
def test_a_box_follows_the_pixels_that_it_holds(flip):
    """Pixels marked by a box are those of the turned image that the turned box holds."""
    image = np.zeros((1, 1, *SHAPE), dtype=np.float32)
    image[..., 10:30, 5:17] = 1.0
    box = turned_boxes(np.array([[5, 10, 17, 30]], dtype=np.float32), flip, SHAPE)[0].astype(int)
    over = turned(image, flip)
    assert over[..., box[1] : box[3], box[0] : box[2]].min() == 1.0
    assert over.sum() == image.sum()


def candidates(*rows):
    """Candidates of (box, score, label)."""
    boxes = np.array([row[0] for row in rows], dtype=np.float32).reshape(-1, 4)
    scores = np.array([row[1] for row in rows], dtype=np.float32)
    return Candidates(boxes, scores, np.array([row[2] for row in rows], dtype=np.int64))


def test_scores_are_means_and_what_one_run_lacks_counts_as_nothing():
    """Of 0.8 and 0.4 at one place comes 0.6; of 0.5 in one run of two 0.25; labels stay apart."""
    first = candidates(([0, 0, 20, 20], 0.8, 0), ([40, 40, 60, 60], 0.5, 0))
    second = candidates(([2, 0, 22, 20], 0.4, 0), ([40, 40, 60, 60], 0.9, 1))
    found = averaged((first, second), 0.2, 100)
    assert found.scores.tolist() == pytest.approx([0.6, 0.25, 0.6, 0.45])
    # Edges lie between the runs', nearer to the surer one.
    assert found.boxes[0].tolist() == pytest.approx([2 / 3, 0, 20 + 2 / 3, 20])


def test_suspicion_is_averaged_as_edges_are():
    """By score; what only one run sees keeps what that run says, and without any there is none."""
    first = candidates(([0, 0, 20, 20], 0.8, 0), ([40, 40, 60, 60], 0.5, 0))
    second = candidates(([2, 0, 22, 20], 0.4, 0))
    assert averaged((first, second), 0.2, 100).suspicion is None
    first = replace(first, suspicion=np.array([0.9, 0.3], dtype=np.float32))
    second = replace(second, suspicion=np.array([0.6], dtype=np.float32))
    found = averaged((first, second), 0.2, 100)
    assert found.boxes.shape == (3, 4)
    assert found.suspicion.tolist() == pytest.approx([0.8, 0.3, 0.8])


def test_a_little_less_overlap_makes_a_little_less_score():
    """As a box of the other run moves away, the mean falls evenly, and never by a leap."""
    scores = []
    for shift in np.arange(0.0, 22.0, 0.25):
        other = candidates(([shift, 0, 20 + shift, 20], 0.6, 0))
        scores.append(averaged((candidates(([0, 0, 20, 20], 0.6, 0)), other), 0.2, 100).scores[0])
    assert scores[0] == pytest.approx(0.6)
    assert scores[-1] == pytest.approx(0.3)
    falls = -np.diff(scores)
    assert falls.min() >= -1e-6
    assert falls.max() < 0.02


@dataclass(frozen=True)
class _Brightest:
    """A network with a bias: what lies in the upper half scores half as much again."""

    def run(self, inputs, outputs):
        image = inputs["image"][0, 0]
        row, column = np.unravel_index(int(image.argmax()), image.shape)
        score = float(image.max()) * (1.0 if row >= image.shape[0] / 2 else 1.5)
        box = [[column - 4, row - 4, column + 5, row + 5]]
        tensors = {"boxes": box, "scores": [score], "labels": [0]}
        kinds = {"boxes": np.float32, "scores": np.float32, "labels": np.int64}
        return [np.array(tensors[name], dtype=kinds[name]) for name in outputs]


def package(folder: Path, flips: str):
    """A package whose manifest names these flips."""
    return load_package(
        write_package(folder, changes=(("[output]\n", f"[output]\nflips = {flips}\n"),))
    )


@pytest.mark.parametrize("row", [20, 70])
def test_an_answer_does_not_depend_on_how_the_image_lies(tmp_path: Path, row: int):
    """With flips of rows an image and the same upside down give the same scores and places."""
    detector = Detector(package(tmp_path, '["rows"]'), _Brightest(), {"mass": 0.1})
    image = np.zeros((1, 2, *SHAPE), dtype=np.float32)
    image[0, 0, row, 30] = 0.6
    found, over = detector.run(image), detector.run(turned(image, "rows"))
    assert found.scores == pytest.approx([0.75])
    assert over.scores == pytest.approx(found.scores)
    np.testing.assert_allclose(turned_boxes(over.boxes, "rows", SHAPE), found.boxes, atol=1e-3)


def test_the_threshold_is_of_the_mean(tmp_path: Path):
    """What one run alone would report is not reported when the mean is below the threshold."""
    image = np.zeros((1, 2, *SHAPE), dtype=np.float32)
    image[0, 0, 20, 30] = 0.6
    detector = Detector(package(tmp_path, '["rows"]'), _Brightest(), {"mass": 0.8})
    assert len(detector.run(image).scores) == 0
    shared = Detector(package(tmp_path, '["rows"]'), _Brightest(), {"mass": 0.8}, 0.9)
    assert len(shared.run(image).scores) == 1


def test_a_flip_is_known_and_named_once(tmp_path: Path):
    """A flip that there is not, or one named twice, is refused with its key."""
    for number, wrong in enumerate(('["diagonal"]', '["rows", "rows"]')):
        with pytest.raises(ModelPackageError, match="flips"):
            package(tmp_path / str(number), wrong)


@dataclass(frozen=True)
class _Gradient:
    """A relevance graph that sees the upper half only."""

    def run(self, inputs, outputs):
        half = inputs["image"][:, :1].copy()
        half[..., half.shape[2] // 2 :, :] = 0.0
        return [half]


def test_maps_explain_the_mean_too():
    """A map of a detector with flips is the mean of the runs' maps, turned back."""
    image = np.ones((1, 1, *SHAPE), dtype=np.float32)
    explainer = GradientTimesInput(_Gradient(), "image", np.zeros(1, np.float32), ("rows",))
    found = candidates(([0, 0, 9, 9], 0.9, 0))
    heat = explainer.explain(image, found)
    assert heat == pytest.approx(np.ones(SHAPE))
    alone = GradientTimesInput(_Gradient(), "image", np.zeros(1, np.float32))
    assert alone.explain(image, found)[-1].max() == pytest.approx(0.0)
