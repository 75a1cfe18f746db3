"""FROC figures, checked against examples worked by hand."""

import numpy as np
import pytest

from mammo_node.analyse.overlap import iou
from mammo_node.evaluate.blobs import find_blobs
from mammo_node.evaluate.froc import Scored, curve, events, froc, operating_point, sensitivities
from mammo_node.evaluate.matching import Criterion, centre_in_box


def boxes(*rows):
    """(N, 4) float32."""
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


#: Two images, two lesions: hits at .9 and .5, false positives at .8 and .4.
BY_HAND = (
    Scored(boxes([0, 0, 10, 10], [50, 50, 60, 60]), np.array([0.9, 0.8]), boxes([0, 0, 10, 10])),
    Scored(boxes([20, 20, 30, 30], [0, 0, 5, 5]), np.array([0.5, 0.4]), boxes([21, 20, 31, 30])),
)


def test_iou_by_hand():
    """Half-shifted unit squares overlap by a third."""
    assert iou(boxes([0, 0, 2, 2]), boxes([1, 0, 3, 2]))[0, 0] == pytest.approx(1 / 3)
    assert iou(boxes([0, 0, 1, 1]), boxes([5, 5, 6, 6]))[0, 0] == 0


def test_froc_by_hand():
    """Sensitivity at a rate is what the strictest threshold within that rate finds."""
    result = froc(BY_HAND, rates=(0.0, 0.5, 1.0))
    assert result.sensitivity == (0.5, 1.0, 1.0)
    assert result.thresholds == pytest.approx((0.9, 0.5, 0.4))
    assert (result.lesions, result.images, result.reached) == (2, 2, 1.0)


def test_curve_by_hand():
    """Each threshold is one point of the curve, in falling order, after (0, 0)."""
    rate, sensitivity = curve(events(BY_HAND, Criterion.IOU))
    assert rate.tolist() == [0, 0, 0.5, 0.5, 1.0]
    assert sensitivity.tolist() == [0, 0.5, 0.5, 1.0, 1.0]


def test_operating_point_includes_its_threshold():
    """A detection whose score is the threshold counts, as in the node."""
    found = events(BY_HAND, Criterion.IOU)
    assert operating_point(found, 0.5) == (1.0, 0.5)
    assert operating_point(found, 0.51) == (0.5, 0.5)


def test_a_lesion_counts_once():
    """A second hit on the same lesion is neither true nor false."""
    one = Scored(boxes([0, 0, 10, 10], [1, 1, 11, 11]), np.array([0.9, 0.8]), boxes([0, 0, 10, 10]))
    result = froc([one], rates=(0.0,))
    assert result.sensitivity == (1.0,)
    assert result.reached == 0


def test_a_detection_takes_the_lesion_that_it_fits_better():
    """One box over two lesions finds the better one; the other is left for the next box."""
    pair = boxes([0, 0, 10, 10], [4, 0, 14, 10])
    image = Scored(boxes([5, 0, 15, 10], [0, 0, 10, 10]), np.array([0.9, 0.8]), pair)
    assert froc([image], rates=(0.0,)).sensitivity == (1.0,)


def test_ignored_lesions_are_neither_targets_nor_false():
    """A box on a lesion that is not looked for does not count at all."""
    image = Scored(
        boxes([0, 0, 10, 10], [50, 50, 60, 60]),
        np.array([0.9, 0.8]),
        truth=boxes([50, 50, 60, 60]),
        ignored=boxes([0, 0, 10, 10]),
    )
    result = froc([image], rates=(0.0,))
    assert (result.sensitivity, result.lesions, result.reached) == ((1.0,), 1, 0.0)


def test_centre_criterion_is_another():
    """A small box in the middle of a large lesion hits by its centre and not by IoU."""
    one = Scored(boxes([45, 45, 55, 55]), np.array([0.9]), boxes([0, 0, 100, 100]))
    assert froc([one], rates=(0.0,)).sensitivity == (0.0,)
    assert froc([one], criterion=Criterion.CENTRE, rates=(0.0,)).sensitivity == (1.0,)
    assert centre_in_box(boxes([200, 0, 210, 10]), one.truth)[0, 0] == 0


def test_images_without_lesions_or_detections():
    """Empty images only add to the number of images."""
    empty = Scored(boxes(), np.zeros(0), boxes())
    hit = Scored(boxes([0, 0, 9, 9]), np.array([0.3]), boxes([0, 0, 9, 9]))
    assert froc([empty, hit, empty]).sensitivity[0] == 1.0


def test_no_lesion_gives_no_sensitivity():
    """Without any lesion there is nothing to be sensitive to: nan, not 0."""
    assert np.isnan(froc([Scored(boxes(), np.zeros(0), boxes())]).sensitivity).all()


def test_weights_are_repeated_images():
    """An image that counts twice gives the figures of one that is there twice."""
    twice = froc([BY_HAND[0], BY_HAND[1], BY_HAND[1]], rates=(0.0, 0.4, 0.7)).sensitivity
    weighted = sensitivities(events(BY_HAND, Criterion.IOU), (0.0, 0.4, 0.7), np.array([1.0, 2.0]))
    assert weighted == pytest.approx(twice)


def test_blob_detector_finds_a_blob():
    """The strongest blob lies on a bright disc of 8 mm radius."""
    y, x = np.mgrid[:300, :300] * 0.3
    level = 0.4 + 0.3 * (np.hypot(x - 50, y - 40) < 8).astype(np.float32)
    level += np.random.default_rng(0).normal(0, 0.01, level.shape).astype(np.float32)
    found, scores = find_blobs(level.astype(np.float32), np.ones(level.shape, dtype=bool), 0.3)
    cx, cy = (found[0, 0] + found[0, 2]) / 2 * 0.3, (found[0, 1] + found[0, 3]) / 2 * 0.3
    assert np.hypot(cx - 50, cy - 40) < 2
    assert (np.diff(scores) <= 0).all()
