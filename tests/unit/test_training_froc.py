"""FROC figures, checked against examples worked by hand."""

import numpy as np
import pytest

from mammo_node.evaluate.blobs import find_blobs
from training.froc import Scored, centre_in_box, froc, iou, suppress


def boxes(*rows):
    """(N, 4) float32."""
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


def test_iou_by_hand():
    """Half-shifted unit squares overlap by a third."""
    assert iou(boxes([0, 0, 2, 2]), boxes([1, 0, 3, 2]))[0, 0] == pytest.approx(1 / 3)
    assert iou(boxes([0, 0, 1, 1]), boxes([5, 5, 6, 6]))[0, 0] == 0


def test_froc_by_hand():
    """Two images, two lesions: hits at .9 and .5, false positives at .8 and .4."""
    images = [
        Scored(
            boxes([0, 0, 10, 10], [50, 50, 60, 60]), np.array([0.9, 0.8]), boxes([0, 0, 10, 10])
        ),
        Scored(
            boxes([20, 20, 30, 30], [0, 0, 5, 5]), np.array([0.5, 0.4]), boxes([21, 20, 31, 30])
        ),
    ]
    result = froc(images, rates=(0.0, 0.5, 1.0))
    assert result.sensitivity == (0.5, 1.0, 1.0)
    assert result.thresholds[0] == pytest.approx(0.9)
    assert result.thresholds[1] == pytest.approx(0.5)
    assert (result.lesions, result.images) == (2, 2)


def test_a_lesion_counts_once():
    """A second hit on the same lesion is neither true nor false."""
    one = Scored(boxes([0, 0, 10, 10], [1, 1, 11, 11]), np.array([0.9, 0.8]), boxes([0, 0, 10, 10]))
    result = froc([one], rates=(0.0,))
    assert result.sensitivity == (1.0,)


def test_centre_criterion_is_another():
    """A small box in the middle of a large lesion hits by its centre and not by IoU."""
    one = Scored(boxes([45, 45, 55, 55]), np.array([0.9]), boxes([0, 0, 100, 100]))
    assert froc([one], rates=(0.0,)).sensitivity == (0.0,)
    assert froc([one], criterion="centre", rates=(0.0,)).sensitivity == (1.0,)
    assert centre_in_box(boxes([200, 0, 210, 10]), one.truth)[0, 0] == 0


def test_images_without_lesions_or_detections():
    """Empty images only add to the number of images."""
    empty = Scored(boxes(), np.zeros(0), boxes())
    hit = Scored(boxes([0, 0, 9, 9]), np.array([0.3]), boxes([0, 0, 9, 9]))
    assert froc([empty, hit, empty]).sensitivity[0] == 1.0


def test_suppression_keeps_the_best():
    """Of overlapping boxes the better stays; a distant one is not touched."""
    kept = suppress(
        boxes([0, 0, 10, 10], [1, 1, 11, 11], [40, 40, 50, 50]), np.array([0.2, 0.9, 0.5]), 0.2
    )
    assert kept.tolist() == [1, 2]


def test_blob_detector_finds_a_blob():
    """The strongest blob lies on a bright disc of 8 mm radius."""
    y, x = np.mgrid[:300, :300] * 0.3
    level = 0.4 + 0.3 * (np.hypot(x - 50, y - 40) < 8).astype(np.float32)
    level += np.random.default_rng(0).normal(0, 0.01, level.shape).astype(np.float32)
    found, scores = find_blobs(level.astype(np.float32), np.ones(level.shape, dtype=bool), 0.3)
    cx, cy = (found[0, 0] + found[0, 2]) / 2 * 0.3, (found[0, 1] + found[0, 3]) / 2 * 0.3
    assert np.hypot(cx - 50, cy - 40) < 2
    assert (np.diff(scores) <= 0).all()
