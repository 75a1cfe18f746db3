"""A landmark model on a mammogram: everything comes back where it is in the stored image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo_node.analyse.landmarks import LandmarkFinder
from mammo_node.analyse.package import load_package
from mammo_node.config import Models, Worker
from mammo_node.engine import Engine
from mammo_node.errors import InferenceError
from mammo_node.examination import Subject, examine
from mammo_node.examination.landmarks import point_out
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import Landmarks, MammoImage
from tests.synthetic import CC, MLO, REF, mammogram, save
from tests.unit.view_graphs import write_landmark_package

ROWS, COLUMNS, MM = 480, 360, 0.25
#: (column, row) of the nipple with the chest wall on the left, and the muscle's triangle there.
NIPPLE, MUSCLE_PX = (250.0, 240.0), 90


class Says:
    """A session with these outputs, and plain ones for the others."""

    def __init__(self, **outputs: np.ndarray) -> None:
        plain = {"nipple": np.ones((1, 3)), "pectoral": np.zeros((1, 1, 2, 2))}
        self.outputs = {**plain, "profile": np.ones((1, 1)), **outputs}

    def run(self, inputs, outputs):
        return [self.outputs[name].astype(np.float32) for name in outputs]


def scene(*, right: bool) -> np.ndarray:
    """A breast of 500 with a muscle of 900 in its upper corner and a nipple of 1500."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    inside = ((rows - 240) / 220) ** 2 + (columns / 270) ** 2 < 1
    # The flat of the muscle lies along the chest wall, from where the breast begins.
    muscle = inside & (rows < 240) & (columns < MUSCLE_PX * (240 - rows) / 200)
    nipple = (columns - NIPPLE[0]) ** 2 + (rows - NIPPLE[1]) ** 2 < 16
    pixels = np.where(inside, 500, 0) + np.where(muscle, 400, 0)
    pixels = np.where(nipple & inside, 1500, pixels).astype(np.uint16)
    return np.ascontiguousarray(pixels[:, ::-1]) if right else pixels


def landmarks(tmp_path: Path, *, right: bool, view: str = MLO, least: float = 0.3) -> Landmarks:
    """Run the package on the scene, as a left or a right breast."""
    tmp_path.mkdir(exist_ok=True)
    write_landmark_package(tmp_path / "models" / "landmarks", least_score=least)
    models = Models(folder=tmp_path / "models", use=("landmarks",))
    loaded = Engine.start(models, Worker(threads=1)).loaded[0]
    examined = examine(subject(tmp_path, right=right, view=view), loaded)
    assert examined.landmarks is not None
    return examined.landmarks


def subject(tmp_path: Path, *, right: bool, view: str = MLO) -> Subject:
    """The scene, read as an image."""
    pixels = scene(right=right)
    ds = mammogram(
        pixels,
        ViewCodeSequence=None,
        ViewPosition="MLO" if view == MLO else "CC",
        ImageLaterality="R" if right else "L",
        PatientOrientation=["P" if right else "A", "F" if view == MLO else "R"],
        ImagerPixelSpacing=[MM, MM],
    )
    image = read_mammogram(save(ds, tmp_path / "image.dcm"), REF, Policy())
    assert isinstance(image, MammoImage)
    return Subject(image)


def area(polygon: tuple[tuple[float, float], ...]) -> np.ndarray:
    """The polygon as a mask of the stored image's pixels."""
    mask = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
    points = np.round(np.array(polygon) * 16 - 8).astype(np.int32)
    cv2.fillPoly(mask, [points], 1, shift=4)
    return mask.astype(bool)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("right", [False, True])
def test_landmarks_are_in_stored_coordinates(tmp_path: Path, right: bool):
    """Nipple within a model pixel, breast and muscle over nine tenths, mirrored or not."""
    found = landmarks(tmp_path, right=right)
    column = COLUMNS - NIPPLE[0] if right else NIPPLE[0]
    assert found.nipple_px == pytest.approx((column, NIPPLE[1]), abs=5)
    assert found.in_profile == pytest.approx(0.9)
    pixels = scene(right=right)
    assert overlap(area(found.breast_px), pixels > 0) > 0.9
    assert overlap(area(found.pectoral_px), pixels == 900) > 0.9
    assert found.orientation is not None
    assert found.orientation.chest_wall_right is right


def test_a_craniocaudal_view_has_no_muscle(tmp_path: Path):
    """What a model takes for muscle there is none."""
    assert landmarks(tmp_path, right=False, view=CC).pectoral_px == ()


def test_below_the_least_score_there_is_no_nipple(tmp_path: Path):
    """The score is told, the place is not."""
    assert landmarks(tmp_path / "a", right=False, least=0.85).nipple_px is not None
    high = landmarks(tmp_path / "b", right=False, least=0.95)
    assert high.nipple_px is None
    assert high.nipple_score == pytest.approx(0.9)
    assert high.breast_px


@pytest.mark.parametrize(
    ("row", "stored"), [(20.0, 58.0), (236.0, 480.0), (9000.0, None), (-30.0, None)]
)
def test_a_nipple_outside_of_the_image_is_none(tmp_path: Path, row: float, stored: float | None):
    """A model may point into the air around it: by the edge it is cut, farther out it is none."""
    write_landmark_package(tmp_path / "landmarks")
    says = Says(nipple=np.array([[10.0, row, 0.9]]))
    finder = LandmarkFinder(load_package(tmp_path / "landmarks"), says)
    found = point_out(subject(tmp_path, right=False), finder).landmarks
    assert found is not None
    assert (found.nipple_px and found.nipple_px[1]) == (stored and pytest.approx(stored, abs=8))
    assert found.nipple_score == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"nipple": np.zeros((1, 2))}, r"nipple \(1, 2\)"),
        ({"nipple": np.array([[1.0, np.nan, 0.5]])}, "nipple is empty or not finite"),
        ({"pectoral": np.full((1, 1, 2, 2), np.inf)}, "pectoral is empty or not finite"),
        ({"profile": np.array([[np.nan]])}, "profile is empty or not finite"),
        ({"profile": np.zeros((1, 0))}, "profile is empty or not finite"),
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path: Path, changed: dict, reason: str):
    """What is not finite would end in reports and in JSON that nobody can read."""
    package = load_package(write_landmark_package(tmp_path / "p"))
    tensor = np.zeros((1, 1, 8, 8), dtype=np.float32)
    with pytest.raises(InferenceError, match=f"landmarks breaks its output contract: {reason}"):
        LandmarkFinder(package, Says(**changed)).run(tensor)


def test_shares_stay_between_0_and_1(tmp_path: Path):
    """Single precision may leave a little outside."""
    package = load_package(write_landmark_package(tmp_path / "p"))
    says = Says(nipple=np.array([[4.0, 5.0, 1.0001]]), profile=np.array([[-0.0001]]))
    found = LandmarkFinder(package, says).run(np.zeros((1, 1, 8, 8), dtype=np.float32))
    assert (found.nipple, found.score, found.in_profile) == ((4.0, 5.0), 1.0, 0.0)
