"""What models of every family say becomes what figures are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mammo_node.evaluate.answers import prediction_of
from mammo_node.evaluate.two_views import Breasts
from mammo_node.examination import Examined
from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    Finding,
    ImageScore,
    Landmarks,
    Laterality,
    ModelRef,
    View,
)
from tests.unit.judged import MASS, record

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
        return (0.1, 0.2, 0.3, 0.4)


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
    assert breasts.density(of(Laterality.LEFT, View.CC), tensor(3)) == (0.1, 0.2, 0.3, 0.4)
    assert breasts.density(of(Laterality.RIGHT, View.CC, "b"), tensor(4)) is None
    assert breasts.density(of(Laterality.RIGHT, View.MLO), tensor(5)) is not None
    assert estimator.seen == [(3.0, 1.0), (2.0, 5.0)]
