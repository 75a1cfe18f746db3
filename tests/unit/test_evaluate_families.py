"""What models of every family say becomes what figures are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mammo_node.evaluate.answers import prediction_of
from mammo_node.evaluate.density import density
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import Density
from mammo_node.evaluate.settings import Settings
from mammo_node.evaluate.table_results import read_answers, write_answers
from mammo_node.evaluate.two_views import Breasts
from mammo_node.examination import Examined
from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    DensityCategory,
    Finding,
    ImageScore,
    Landmarks,
    Laterality,
    ModelRef,
    View,
)
from tests.unit.judged import MASS, record

SHARES = (0.1, 0.2, 0.3, 0.4)
MODEL = ModelRef("m", "1", "0" * 64, "for tests", ("nodule",))


class Image:
    """All that is asked of an image: its pitch."""

    class spacing:
        """0.1 mm between rows, 0.2 mm between columns."""

        row_mm, column_mm = 0.1, 0.2


class Estimator:
    """Says which views it was given."""

    def __init__(self):
        self.seen = []

    def run(self, cc, mlo):
        """Remember the two tensors by their first number."""
        self.seen.append((float(cc.flat[0]), float(mlo.flat[0])))
        return SHARES

    @staticmethod
    def category(probabilities):
        """Report another than the most probable."""
        assert probabilities == SHARES
        return DensityCategory.C


def tensor(number):
    """A prepared view that can be told from others."""
    return np.full((1, 1, 2, 2), number, dtype=np.float32)


def of(side, view, patient="a"):
    """The record of one view."""
    return replace(record(patient), laterality=side, view=view)


def test_an_answer_of_any_kind_is_kept():
    """Boxes, scores of the image and the nipple come through, by the vocabulary's names."""
    concept = CodedConcept("1", "2", "3")
    box = Box(1.0, 2.0, 3.0, 4.0)
    examined = Examined(
        findings=(Finding("nodule", concept, 0.7, box, None, None, MODEL),),
        landmarks=Landmarks((5.0, 6.0), 0.9, 0.8, (), (), MODEL),
        scores=(ImageScore("nodule", 0.6, 4, MODEL), ImageScore("mass", 0.5, None, MODEL)),
    )
    told = prediction_of(examined, Image, "one")
    assert [(b.label, b.score, b.box_px) for b in told.boxes] == [(MASS, 0.7, box)]
    assert told.image_scores == {MASS: 0.6}
    assert told.nipple_px == (5.0, 6.0)
    assert told.spacing_mm == (0.1, 0.2)


def test_a_breast_is_judged_when_both_views_are_here():
    """The first view waits for the other of its breast, in any order and beside other breasts."""
    estimator = Estimator()
    breasts = Breasts(estimator)
    assert breasts.density(of(Laterality.LEFT, View.MLO), tensor(1)) is None
    assert breasts.density(of(Laterality.RIGHT, View.CC), tensor(2)) is None
    assert breasts.density(of(Laterality.LEFT, View.CC), tensor(3)) == (SHARES, "C")
    assert breasts.density(of(Laterality.RIGHT, View.CC, "b"), tensor(4)) is None
    assert breasts.density(of(Laterality.RIGHT, View.MLO), tensor(5)) is not None
    assert estimator.seen == [(3.0, 1.0), (2.0, 5.0)]


def test_the_reported_category_counts(tmp_path):
    """Where a model reports a category that one is judged, also when read back from its answers."""
    truth = [record(name, density=Density.C) for name in "ab"]
    told = [
        Prediction("a", density=SHARES, density_category=DensityCategory.C),
        Prediction("b", density=SHARES),
    ]
    write_answers(told, tmp_path / "answers.csv")
    read = read_answers(tmp_path / "answers.csv").by_image
    for answers in (told, [read["a"], read["b"]]):
        found = density(list(zip(truth, answers, strict=True)), Settings(rounds=10))
        assert found["confusion"][2] == [0.0, 0.0, 1.0, 1.0]
