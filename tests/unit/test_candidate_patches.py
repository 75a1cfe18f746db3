"""The candidate-patches family: windows judged in batches become findings, a map and a score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.package import ModelPackage, load_package
from mammo_node.analyse.patch_findings import CELL_PX, JudgedWindows, findings_of, heatmap_of
from mammo_node.analyse.session import open_session
from mammo_node.errors import InferenceError, ModelPackageError
from tests.unit.patch_graphs import write_patch_package


class Counting:
    """A session that keeps the batches it was given."""

    def __init__(self, answer: Any) -> None:
        self.batches: list[np.ndarray] = []
        self.answer = answer

    def run(self, inputs: Any, outputs: Any) -> list[np.ndarray]:
        """Answer each batch."""
        (batch,) = inputs.values()
        self.batches.append(batch)
        return self.answer(batch)


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    """Mean brightness of 40 x 40 windows, by the nodule rule."""
    return load_package(write_patch_package(tmp_path / "patches"))


def _mean(batch: np.ndarray) -> list[np.ndarray]:
    return [batch.mean(axis=(1, 2, 3))[:, None].astype(np.float32)]


def _image(rows: int = 240, columns: int = 160) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((1, 1, rows, columns), 0.1, dtype=np.float32)
    image[0, 0, 100:140, 60:100] = 0.9
    return image, np.ones((rows, columns), dtype=bool)


def test_only_candidates_are_judged_in_batches(package: ModelPackage):
    """The classifier sees at most `batch` windows at once, 27 altogether, each of them once."""
    session = Counting(_mean)
    verdict = CandidatePatches(package, session).run(*_image())
    assert [len(batch) for batch in session.batches] == [4] * 6 + [3]
    assert len({tuple(corner) for corner in verdict.windows.corners}) == 27
    best = verdict.windows.corners[0]
    first = _image()[0][0, :, best[0] : best[0] + 40, best[1] : best[1] + 40]
    np.testing.assert_array_equal(session.batches[0][0], first)


def test_one_lesion_is_one_finding(package: ModelPackage):
    """Windows that overlap on a bright square report it once, at its place."""
    verdict = CandidatePatches(package, Counting(_mean), {"mass": 0.3}).run(*_image())
    assert (verdict.windows.scores >= 0.3).sum() > 1
    np.testing.assert_array_equal(verdict.detections.boxes, [[70, 110, 90, 130]])
    assert verdict.detections.scores[0] == verdict.image_scores["mass"] == pytest.approx(0.9)


def test_the_threshold_counts(package: ModelPackage):
    """A window below the operating point is no finding, but still in the image's score."""
    verdict = CandidatePatches(package, Counting(_mean), {"mass": 0.95}).run(*_image())
    assert not len(verdict.detections.scores)
    assert verdict.image_scores["mass"] == pytest.approx(0.9)


def test_the_image_score_may_be_of_several_windows(tmp_path: Path):
    """With best_windows = 3 it is the mean of the three best."""
    change = ("batch = 4", "batch = 4\nbest_windows = 3")
    package = load_package(write_patch_package(tmp_path / "p", changes=(change,)))
    verdict = CandidatePatches(package, Counting(_mean)).run(*_image())
    expected = np.sort(verdict.windows.scores[:, 0])[-3:].mean()
    assert verdict.image_scores["mass"] == pytest.approx(expected)
    assert expected < 0.9


def test_nothing_bright_is_an_answer(package: ModelPackage):
    """An image of nothing is not judged at all, scores 0 and has no finding."""
    session = Counting(_mean)
    image, mask = _image()
    verdict = CandidatePatches(package, session).run(image * 0, mask)
    assert session.batches == []
    assert verdict.image_scores == {"mass": 0.0}
    assert not len(verdict.detections.scores)
    assert verdict.detections.heatmap is not None
    assert not verdict.detections.heatmap.any()


def test_an_image_smaller_than_a_window_is_judged(package: ModelPackage):
    """It is padded to one window at the right and the bottom."""
    session = Counting(_mean)
    image = np.full((1, 1, 30, 50), 0.5, dtype=np.float32)
    verdict = CandidatePatches(package, session).run(image, np.ones((30, 50), dtype=bool))
    assert {batch.shape[1:] for batch in session.batches} == {(1, 40, 40)}
    assert (verdict.windows.corners[:, 0] == 0).all()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda batch: [np.zeros((len(batch) + 1, 1), np.float32)], "windows"),
        (lambda batch: [np.zeros((len(batch), 0), np.float32)], "labels"),
        (lambda batch: [np.full((len(batch), 1), 7, np.float32)], "activation"),
        (lambda batch: [np.full((len(batch), 1), np.nan, np.float32)], "activation"),
    ],
)
def test_a_broken_contract_is_an_error(package: ModelPackage, answer: Any, reason: str):
    """Wrong shapes, and numbers that are no scores, are not results."""
    with pytest.raises(InferenceError, match=reason):
        CandidatePatches(package, Counting(answer)).run(*_image())


def test_the_rule_may_look_at_another_channel(tmp_path: Path):
    """Windows are chosen where the named channel is bright, and judged with all channels."""
    changes = (
        ('channels = ["global"]', 'channels = ["global", "local"]'),
        ("size_px = 40", "size_px = 40\nchannel = 1"),
    )
    package = load_package(write_patch_package(tmp_path / "p", channels=2, changes=changes))
    image, mask = _image()
    other = np.zeros_like(image)
    other[0, 0, :40, :40] = 1.0
    session = Counting(_mean)
    verdict = CandidatePatches(package, session).run(np.concatenate([image, other], 1), mask)
    assert (verdict.windows.corners < 40).all()
    assert {batch.shape[1] for batch in session.batches} == {2}


def test_softmax_takes_the_labels_index(tmp_path: Path):
    """Of a network with a class for no finding, the label's own column is the score."""
    changes = (("index = 0", "index = 1"), ('activation = "none"', 'activation = "softmax"'))
    package = load_package(write_patch_package(tmp_path / "p", changes=changes))
    two = Counting(lambda batch: [np.tile(np.float32([0.0, np.log(3.0)]), (len(batch), 1))])
    verdict = CandidatePatches(package, two).run(*_image())
    assert verdict.image_scores["mass"] == pytest.approx(0.75)


def _windows(*corners: tuple[int, int], scores: list[float], maps: Any = None) -> JudgedWindows:
    values = np.array(scores, dtype=np.float32)[:, None]
    told = None if maps is None else np.array(maps, dtype=np.float32)[:, None]
    return JudgedWindows(np.array(corners), 40, (0,), values, told)


def test_a_window_at_the_edge_reports_up_to_it():
    """Where no other window has a place nearer to its centre, the box goes on to the edge."""
    windows = _windows((0, 60), (160, 120), scores=[0.9, 0.8])
    boxes, *_ = findings_of(windows, {0: 0.5}, (200, 160), 0.1, 20)
    np.testing.assert_array_equal(boxes, [[70, 0, 90, 30], [130, 170, 160, 200]])


def test_a_map_tells_the_box():
    """What is connected to the peak at half of it is the box; another bright place is not."""
    cells = np.zeros((4, 4))
    cells[1, 1:3] = [0.8, 0.5]
    cells[3, 0] = 0.6
    boxes, *_ = findings_of(
        _windows((100, 60), scores=[0.9], maps=[cells]), {0: 0.5}, (200, 160), 0.1, 20
    )
    np.testing.assert_array_equal(boxes, [[70, 110, 90, 120]])


def test_neighbours_on_the_map_are_one_lesion():
    """Two windows whose peaks lie in neighbouring cells saw two parts of the same thing."""
    first, second = np.zeros((4, 4)), np.zeros((4, 4))
    first[2, 1], second[2, 0] = 0.9, 0.9
    windows = _windows((100, 60), (100, 80), scores=[0.9, 0.8], maps=[first, second])
    boxes, *_ = findings_of(windows, {0: 0.5}, (200, 160), 0.1, 20)
    np.testing.assert_array_equal(boxes, [[70, 120, 80, 130]])


def test_a_lesion_on_the_border_of_two_windows_is_reported_once():
    """Parts that barely overlap are one lesion where they touch; a cell between makes two."""
    upper, lower = np.zeros((4, 4)), np.zeros((4, 4))
    upper[2:, :], lower[:2, :] = 0.9, 0.8
    for top, expected in ((140, 1), (145, 1), (150, 2)):
        windows = _windows((100, 60), (top, 60), scores=[0.9, 0.8], maps=[upper, lower])
        boxes, scores, _ = findings_of(windows, {0: 0.5}, (200, 160), 0.1, 20)
        assert len(boxes) == expected, top
        np.testing.assert_array_equal(boxes[0], [60, 120, 100, 140])
        assert scores[0] == pytest.approx(0.9)


def test_what_a_part_overlaps_is_not_lost_with_it():
    """A region counts against others only where it stays itself."""
    marked = np.zeros((4, 4))
    marked[1:3, 1:3] = 0.9
    # The second touches the first; the third overlaps the second, and is clear of the first.
    windows = _windows((0, 0), (0, 25), (0, 40), scores=[0.9, 0.8, 0.7], maps=[marked] * 3)
    boxes, *_ = findings_of(windows, {0: 0.5}, (200, 160), 0.1, 20)
    np.testing.assert_array_equal(boxes, [[10, 10, 30, 30], [50, 10, 70, 30]])


def test_two_lesions_in_overlapping_windows_stay_two():
    """With maps, windows that overlap may report different places."""
    first, second = np.zeros((4, 4)), np.zeros((4, 4))
    first[0, 0], second[3, 3] = 0.9, 0.9
    windows = _windows((100, 60), (120, 80), scores=[0.9, 0.8], maps=[first, second])
    boxes, scores, labels = findings_of(windows, {0: 0.5}, (200, 160), 0.1, 20)
    np.testing.assert_array_equal(boxes, [[60, 100, 70, 110], [110, 150, 120, 160]])
    assert labels.tolist() == [0, 0]
    assert scores.tolist() == pytest.approx([0.9, 0.8])


def test_the_heatmap_holds_the_most_that_windows_say():
    """Without maps a window speaks for its central half; where two do, the higher stays."""
    heat = heatmap_of(_windows((80, 40), (80, 56), scores=[0.4, 0.7]), (200, 160))
    assert heat.shape == (200 // CELL_PX, 160 // CELL_PX)
    # Columns 50 to 70 and 66 to 86, rows 90 to 110, in cells of 8.
    np.testing.assert_allclose(heat[11:14, 6:8], 0.4)
    np.testing.assert_allclose(heat[11:14, 8:11], 0.7)
    assert heat.sum() == pytest.approx(heat[11:14, 6:11].sum())


def test_the_heatmap_of_maps_lies_where_they_do():
    """A cell of a window's map comes to lie on its place of the image."""
    cells = np.zeros((5, 5))
    cells[4, 0] = 1.0
    heat = heatmap_of(_windows((80, 40), scores=[0.9], maps=[cells]), (200, 160))
    assert np.argwhere(heat == 1.0).tolist() == [[14, 5]]


def test_it_runs_as_onnx(tmp_path: Path):
    """With ONNX Runtime and a map, the bright square is found where it is."""
    changes = (('scores = "scores"', 'scores = "scores"\nmap = "map"'),)
    package = load_package(write_patch_package(tmp_path / "p", changes=changes))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="p")
    verdict = CandidatePatches(package, session).run(*_image())
    assert verdict.image_scores["mass"] == pytest.approx(0.9, abs=1e-5)
    np.testing.assert_array_equal(verdict.detections.boxes, [[60, 100, 100, 140]])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("stride_px = 10", "stride_px = 41"), "stride_px: larger than size_px"),
        (("batch = 4", 'batch = 4\nmap = "heat"'), "the graph has no such tensor"),
        (("size_px = 40", "size_px = 44"), "the manifest gives"),
        (("size_px = 40", "size_px = 40\nchannel = 1"), "the input has 1"),
        (("threshold = 0.0", "threshold = 0.1"), "must begin at 0"),
        (("category = 6", "category = 4"), "there twice"),
        (("threshold = 0.8", "threshold = 0.2"), "must rise"),
        (("category = 6", "category = 2"), "suspicion"),
        (("[[suspicion]]\n", '[[suspicion]]\nlabel = "cyst"\n'), "no .* is named 'cyst'"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path, change: tuple[str, str], reason: str
):
    """Mistakes are told by key when the package is loaded."""
    folder = write_patch_package(tmp_path / "p", changes=(change,))
    with pytest.raises(ModelPackageError, match=reason):
        load_package(folder)


def test_a_graph_with_a_fixed_batch_wants_that_batch(tmp_path: Path):
    """An export of one window at a time runs one at a time, and the manifest must say so."""
    folder = write_patch_package(tmp_path / "p", windows=1)
    with pytest.raises(ModelPackageError, match="takes 1 windows at once"):
        load_package(folder)
    one = write_patch_package(tmp_path / "q", windows=1, changes=(("batch = 4", "batch = 1"),))
    assert load_package(one).name == "patches"
