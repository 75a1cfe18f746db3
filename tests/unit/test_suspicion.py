"""AI suspicion categories: limits from images whose truth is known, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_node.analyse.suspicion import Limit, category_of, derive_limits

LIMITS = [(1, 0.0), (3, 0.2), (4, 0.4), (5, 0.6), (6, 0.8)]


@pytest.mark.parametrize(
    ("score", "category"),
    [(0.0, 1), (0.19, 1), (0.2, 3), (0.39, 3), (0.4, 4), (0.6, 5), (0.79, 5), (0.8, 6), (1.0, 6)],
)
def test_a_score_has_the_category_whose_limit_it_reaches(score: float, category: int):
    """A limit belongs to the category that it opens, in single precision as scores are."""
    assert category_of(float(np.float32(score)), LIMITS) == category


def test_without_limits_there_is_no_category():
    """A model that was not measured gives no category."""
    assert category_of(0.9, ()) is None


def test_limits_of_a_hundred_and_a_hundred():
    """100 images with a finding score .51 to 1.50 / 2, 100 without .01 to 1.00 / 2: by hand.

    Sensitivity falls by 1 % with each of the former passed: 99 % from the second one on (0.26),
    below 95 % from the seventh on (0.285). Specificity is 95 % above 95 of the latter (from the
    96th on, 0.48, which is a score of both), 100 % above the hundredth (0.505).
    """
    found = np.arange(51, 151) / 200
    clear = np.arange(1, 101) / 200
    scores = np.concatenate([found, clear])
    truth = np.repeat([True, False], 100)
    assert derive_limits(scores, truth) == (
        Limit(1, 0.0, 1.0, 0.0),
        Limit(3, 0.26, 0.99, 0.51),
        Limit(4, 0.285, 0.94, 0.56),
        Limit(5, 0.48, 0.55, 0.95),
        Limit(6, 0.505, 0.50, 1.0),
    )


def test_where_both_are_high_the_higher_category_is_given():
    """A model that tells all images apart gives 6 to all with a finding, 1 to all without."""
    limits = derive_limits([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert [(limit.category, limit.threshold) for limit in limits] == [(1, 0.0), (6, 0.8)]


def test_a_category_that_nothing_reaches_is_left_out():
    """When an image without a finding scores highest, no score clears 99 % of a few images."""
    limits = derive_limits([0.5, 0.6, 0.9], [True, True, False])
    assert 6 not in [limit.category for limit in limits]


def test_scores_that_hardly_differ_keep_limits_of_their_own():
    """A model that learned next to nothing gives scores a few millionths apart: limits rise."""
    scores = np.float32(0.5) + np.arange(200, dtype=np.float32) * np.float32(1e-6)
    limits = derive_limits(scores, np.arange(200) >= 80)
    pairs = [(limit.category, limit.threshold) for limit in limits]
    given = [category_of(float(score), pairs) for score in scores]
    assert given == [1] * 76 + [5] * 4 + [6] * 120
    # The shortest numbers that are these scores.
    assert {repr(threshold) for _, threshold in pairs} == {"0.0", "0.500076", "0.50008"}


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_limits_need_both_kinds_of_image(truth: list[bool]):
    """Without images of one kind there is nothing to derive from."""
    with pytest.raises(ValueError, match="without a finding"):
        derive_limits([0.1, 0.2], truth)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=2, max_size=300).filter(
        lambda pairs: len({one for _, one in pairs}) == 2
    )
)
@settings(max_examples=100, deadline=None)
def test_every_observed_score_has_the_category_of_its_rates(pairs: list[tuple[int, bool]]):
    """What the table in the module says of a score's rates is what the limits give it."""
    scores = np.array([score for score, _ in pairs]) / 64
    truth = np.array([one for _, one in pairs])
    limits = [(one.category, one.threshold) for one in derive_limits(scores, truth)]
    assert limits == sorted(limits)
    for score in scores:
        assert category_of(score, limits) == _by_the_table(score, scores, truth)


def _by_the_table(score: float, scores: np.ndarray, truth: np.ndarray) -> int:
    positive, negative = scores[truth], scores[~truth]
    missed, cleared = int((positive < score).sum()), int((negative < score).sum())
    if cleared * 100 > 99 * len(negative):
        return 6
    if cleared * 100 >= 95 * len(negative):
        return 5
    if missed * 100 < 1 * len(positive):
        return 1
    return 3 if missed * 100 <= 5 * len(positive) else 4
