"""Figures beside scikit-learn's where both have them, and beside hand-worked ones elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.evaluate import bootstrap
from mammo_node.evaluate.calibration import reliability
from mammo_node.evaluate.classes import confusion, f1_scores, quadratic_kappa
from mammo_node.evaluate.froc import Scored, events, sensitivities
from mammo_node.evaluate.matching import Criterion
from mammo_node.evaluate.roc import auc, roc_curve

metrics = pytest.importorskip("sklearn.metrics", reason="pip install scikit-learn (extra dev)")
calibration = pytest.importorskip("sklearn.calibration")

#: Scores of one decimal, so that there are ties.
CASES = st.lists(
    st.tuples(st.integers(0, 10), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40
)


@given(CASES)
def test_auc_is_scikit_learns(cases):
    """The area agrees, with ties and with weights; without one of the classes it is nan."""
    scores = np.asarray([s / 10 for s, _, _ in cases])
    positive = np.asarray([p for _, p, _ in cases])
    weights = np.asarray([float(w) for _, _, w in cases])
    mine = auc(scores, positive, weights)
    if not weights[positive].sum() or not weights[~positive].sum():
        assert np.isnan(mine)
    else:
        theirs = metrics.roc_auc_score(positive, scores, sample_weight=weights)
        assert mine == pytest.approx(theirs)


@given(CASES)
def test_roc_curve_is_scikit_learns(cases):
    """Every point of the curve agrees."""
    scores = np.asarray([s / 10 for s, _, _ in cases])
    positive = np.asarray([p for _, p, _ in cases])
    if positive.any() and not positive.all():
        theirs = metrics.roc_curve(positive, scores, drop_intermediate=False)
        for mine, other in zip(roc_curve(scores, positive), theirs[:2], strict=True):
            assert mine == pytest.approx(other)


def test_f1_is_scikit_learns():
    """Precision, recall, F1 and the weighted mean agree, labels without support included."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(size=(60, 4)) < (0.5, 0.2, 0.05, 0.0)
    predicted = rng.uniform(size=(60, 4)) < (0.6, 0.3, 0.0, 0.1)
    weights = rng.integers(0, 3, 60).astype(float)
    mine = f1_scores(truth, predicted, weights)
    how = {"sample_weight": weights, "zero_division": 0}
    theirs = metrics.precision_recall_fscore_support(truth, predicted, average=None, **how)
    for own, other in zip(
        (mine.precision, mine.recall, mine.f1, mine.support), theirs, strict=True
    ):
        assert own == pytest.approx(other)
    assert mine.weighted == pytest.approx(
        metrics.f1_score(truth, predicted, average="weighted", **how)
    )


def test_kappa_and_confusion_are_scikit_learns():
    """Quadratic kappa and the confusion matrix agree, weighted or not."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 80)
    told = np.clip(truth + rng.integers(-1, 2, 80), 0, 3)
    for weights in (None, rng.integers(0, 4, 80).astype(float)):
        counts = confusion(truth, told, 4, weights)
        labels = range(4)
        assert counts == pytest.approx(
            metrics.confusion_matrix(truth, told, labels=labels, sample_weight=weights)
        )
        theirs = metrics.cohen_kappa_score(truth, told, weights="quadratic", sample_weight=weights)
        assert quadratic_kappa(counts) == pytest.approx(theirs)


def test_kappa_by_hand():
    """Four breasts, one told two categories off: 4 against the 8 of chance, so a half."""
    counts = confusion(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 1]), 4)
    assert quadratic_kappa(counts) == pytest.approx(0.5)
    assert np.isnan(quadratic_kappa(confusion(np.array([1, 1]), np.array([1, 1]), 4)))


def test_reliability_is_scikit_learns():
    """Bins of equal width agree, scores on their edges included."""
    rng = np.random.default_rng(3)
    scores = np.concatenate([rng.uniform(size=200), np.linspace(0, 1, 11)])
    outcomes = rng.uniform(size=len(scores)) < scores**2
    mine = reliability(scores, outcomes)
    frequency, score = calibration.calibration_curve(outcomes, scores, n_bins=10)
    assert mine.frequency == pytest.approx(frequency)
    assert mine.score == pytest.approx(score)
    assert mine.count.sum() == len(scores)


def test_calibration_error_by_hand():
    """Two bins: 0.2 comes true half the time, 0.9 always; (2 * 0.3 + 1 * 0.1) / 3."""
    result = reliability(np.array([0.2, 0.2, 0.9]), np.array([True, False, True]))
    assert result.ece == pytest.approx((2 * 0.3 + 0.1) / 3)
    assert np.isnan(reliability(np.zeros(0), np.zeros(0, bool)).ece)


def test_interval_draws_patients_and_not_images():
    """Images of one patient move together; with one patient there is nothing to draw from."""
    values = np.array([1.0, 2.0, 3.0, 4.0])

    def mean(weights):
        return np.asarray([(values * weights).sum() / weights.sum()])

    low, high = bootstrap.interval(mean, ["a"] * 4, rounds=50)
    assert np.isnan([low[0], high[0]]).all()
    low, high = bootstrap.interval(mean, ["a", "a", "b", "b"], rounds=200)
    # Two patients of 1.5 and 3.5: no sample lies between, but for the mean of both.
    assert (low[0], high[0]) == (1.5, 3.5)
    apart = bootstrap.interval(mean, list("abcd"), rounds=400)
    assert apart[0][0] > 1.0
    assert apart[1][0] < 4.0


def test_interval_is_the_normal_one_where_that_holds():
    """The mean of 400 numbers has an interval of 1.96 standard errors, within sampling error."""
    values = np.random.default_rng(4).normal(10, 2, 400)
    low, high = bootstrap.interval(
        lambda w: np.asarray([np.average(values, weights=w)]), [str(n) for n in range(400)]
    )
    error = 1.96 * values.std() / 20
    assert low[0] == pytest.approx(values.mean() - error, abs=0.03)
    assert high[0] == pytest.approx(values.mean() + error, abs=0.03)


def test_interval_repeats_and_follows_the_seed():
    """The same seed gives the same interval; another one does not."""
    values = np.arange(20.0)
    arguments = (lambda w: np.asarray([np.average(values, weights=w)]), [str(n) for n in range(20)])
    assert bootstrap.interval(*arguments, seed=1) == bootstrap.interval(*arguments, seed=1)
    assert bootstrap.interval(*arguments, seed=1) != bootstrap.interval(*arguments, seed=2)


def test_interval_leaves_out_what_a_sample_cannot_tell():
    """Samples without a figure do not count; where none has one, neither has the interval."""
    low, high = bootstrap.interval(
        lambda w: np.asarray([np.nan if w[0] else 7.0, np.nan]), ["a", "b"], rounds=100
    )
    assert (low[0], high[0]) == (7.0, 7.0)
    assert np.isnan(low[1])
    assert np.isnan(high[1])


def test_weighted_froc_is_that_of_the_drawn_images():
    """A bootstrap sample by weights gives what the images, really drawn, would give."""
    rng = np.random.default_rng(5)
    images = []
    for _ in range(12):
        truth = rng.uniform(0, 80, (rng.integers(0, 3), 2)).repeat(2, axis=1)[:, [0, 2, 1, 3]]
        truth[:, 2:] += 15
        near = truth + rng.normal(0, 2, truth.shape)
        far = rng.uniform(100, 180, (rng.integers(0, 6), 2)).repeat(2, axis=1)[:, [0, 2, 1, 3]]
        far[:, 2:] += 10
        boxes = np.concatenate([near, far])
        images.append(Scored(boxes, rng.uniform(size=len(boxes)), truth))
    rates = (0.25, 0.5, 1.0, 2.0)
    for _ in range(10):
        drawn = rng.integers(0, len(images), len(images))
        weights = np.bincount(drawn, minlength=len(images)).astype(float)
        mine = sensitivities(events(images, Criterion.IOU), rates, weights)
        real = sensitivities(events([images[i] for i in drawn], Criterion.IOU), rates)
        assert mine == pytest.approx(real, nan_ok=True)
