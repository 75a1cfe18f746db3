"""Density of breasts and patient: which images, which category, and what is not judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo_node.analyse.densities import densities_of
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.package import load_package
from mammo_node.errors import InferenceError
from mammo_node.vocabulary import DensityCategory, Laterality
from tests.unit.placed import view
from tests.unit.view_graphs import write_density_package

A, B, C, D = DensityCategory


class Answers:
    """A session that answers with the numbers that it is shown."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float]] = []

    def run(
        self, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> list[np.ndarray[Any, Any]]:
        """Category by the CC view's first number; logits."""
        assert outputs == ("probabilities",)
        self.asked.append((float(inputs["cc"].flat[0]), float(inputs["mlo"].flat[0])))
        logits = np.zeros((1, 4), dtype=np.float32)
        logits[0, int(inputs["cc"].flat[0])] = 4.0
        return [logits]


@pytest.fixture
def estimator(tmp_path: Path) -> DensityEstimator:
    return DensityEstimator(load_package(write_density_package(tmp_path / "p")), Answers())


def tensors(**numbers: float) -> dict[tuple[str, str], np.ndarray]:
    """Prepared inputs that hold one number each, by the UID's end."""
    return {
        (f"1.2.{name.replace('_', '.')}", "density"): np.full((1, 1, 2, 2), n, dtype=np.float32)
        for name, n in numbers.items()
    }


def test_each_breast_then_the_denser_one(estimator: DensityEstimator):
    """Right, left, and the patient's is the denser breast's with the images of both."""
    views = [view(s, v) for s in "RL" for v in ("CC", "MLO")]
    inputs = tensors(R_CC=1, R_MLO=9, L_CC=2, L_MLO=8)
    judged = densities_of(views, inputs, estimator)
    assert [(d.laterality, d.category) for d in judged.densities] == [
        (Laterality.RIGHT, B),
        (Laterality.LEFT, C),
        (None, C),
    ]
    assert judged.densities[0].sop_instance_uids == ("1.2.R.CC", "1.2.R.MLO")
    assert len(judged.densities[2].sop_instance_uids) == 4
    assert judged.remarks == ()
    assert estimator.session.asked == [(1, 9), (2, 8)]  # type: ignore[attr-defined]


def test_a_breast_with_one_view_is_not_judged(estimator: DensityEstimator):
    """The answer says which view is missing; the other breast stands for the patient."""
    views = [view("R", "MLO"), view("L", "CC"), view("L", "MLO")]
    judged = densities_of(views, tensors(R_MLO=0, L_CC=0, L_MLO=0), estimator)
    assert [d.laterality for d in judged.densities] == [Laterality.LEFT, None]
    assert judged.remarks == (
        "Density of the right breast was not judged: no CC image that the model can use.",
    )


def test_an_image_the_model_did_not_see_counts_as_none(estimator: DensityEstimator):
    """An image that it is not intended for has no input."""
    judged = densities_of([view("R", "CC"), view("R", "MLO")], tensors(R_CC=1), estimator)
    assert judged.densities == ()
    assert "no MLO image" in judged.remarks[0]


def test_a_study_without_a_breast_has_no_remark_on_it(estimator: DensityEstimator):
    """After a mastectomy nothing is missing."""
    views = [view("L", "CC"), view("L", "MLO")]
    assert densities_of(views, tensors(L_CC=0, L_MLO=0), estimator).remarks == ()


def test_the_larger_of_two_images_is_taken(estimator: DensityEstimator):
    """Then the higher UID; the order of arrival does not matter."""
    small, large = view("R", "CC", uid="1.2.9", rows=300), view("R", "CC", uid="1.2.1")
    twin = view("R", "CC", uid="1.2.2")
    inputs = tensors(R_MLO=0) | {
        (uid, "density"): np.zeros((1, 1, 2, 2), np.float32) for uid in ("1.2.9", "1.2.1", "1.2.2")
    }
    for order in ((small, large, twin), (twin, large, small)):
        judged = densities_of([*order, view("R", "MLO")], inputs, estimator)
        assert judged.densities[0].sop_instance_uids == ("1.2.2", "1.2.R.MLO")


@pytest.mark.parametrize(
    ("probabilities", "most_probable", "median"),
    [
        ((0.4, 0.25, 0.2, 0.15), A, B),
        ((0.1, 0.3, 0.3, 0.3), D, C),
        ((0.0, 0.0, 0.0, 1.0), D, D),
        ((0.5, 0.5, 0.0, 0.0), B, B),
    ],
)
def test_the_category_is_what_the_manifest_asks_for(
    tmp_path: Path,
    probabilities: tuple[float, float, float, float],
    most_probable: DensityCategory,
    median: DensityCategory,
):
    """Most probable, or the median of ordered categories; of two the denser."""
    for how, expected in (("most-probable", most_probable), ("median", median)):
        package = load_package(write_density_package(tmp_path / how, category=how))
        assert DensityEstimator(package, Answers()).category(probabilities) is expected


def test_a_failing_model_fails_the_analysis(estimator: DensityEstimator):
    """A density that cannot be made is no density, and the job is tried again."""

    class Broken:
        def run(self, *_: object) -> list[np.ndarray]:
            return [np.zeros((1, 3), dtype=np.float32)]

    broken = DensityEstimator(estimator.package, Broken())  # type: ignore[arg-type]
    views = [view("R", "CC"), view("R", "MLO")]
    with pytest.raises(InferenceError, match="breaks its output contract"):
        densities_of(views, tensors(R_CC=1, R_MLO=1), broken)
