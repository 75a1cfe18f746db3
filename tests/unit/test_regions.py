"""Regions of a heatmap become outlines around its peaks."""

import numpy as np
import pytest

from mammo_node.analyse.regions import regions_of


def hill(rows, columns, row, column, reach, height):
    """A cone of some height that reaches zero at some distance."""
    y, x = np.mgrid[:rows, :columns] + 0.5
    return np.clip(1 - np.hypot(y - row, x - column) / reach, 0, None).astype(np.float32) * height


def found(heat, threshold=0.4, share_of_peak=0.7, min_area=4, most=5):
    return regions_of(heat, threshold, share_of_peak=share_of_peak, min_area=min_area, most=most)


def test_two_hills_are_two_regions_best_first():
    """Each peak above the threshold is one region with its own score, box and outline."""
    heat = hill(80, 100, 30, 25, 20, 0.6) + hill(80, 100, 50, 75, 20, 0.9)
    first, second = found(heat)
    assert first.score == pytest.approx(float(heat.max()))
    assert first.score > second.score
    x_min, y_min, x_max, y_max = first.box
    assert x_min < 75 < x_max
    assert y_min < 50 < y_max
    assert first.outline.min(axis=0) == pytest.approx((x_min, y_min), abs=1)
    assert first.outline.max(axis=0) == pytest.approx((x_max, y_max), abs=1)


def test_the_foot_of_a_hill_is_not_part_of_its_region():
    """A region ends where the map falls below its share of the way up, or the threshold."""
    heat = np.maximum(hill(80, 80, 40, 40, 30, 1.0), np.float32(0.001))
    steep, flat = found(heat, threshold=0.1, share_of_peak=0.7)[0], found(heat, 0.1, 0.0)[0]
    assert steep.box[2] - steep.box[0] == pytest.approx(2 * 30 * 0.3, abs=2)
    assert flat.box[2] - flat.box[0] == pytest.approx(2 * 30 * 0.9, abs=2)


def test_scores_that_do_not_reach_down_to_zero_make_no_larger_regions():
    """A classifier that is never sure of nothing draws lesions as large as one that is."""
    heat = np.maximum(hill(80, 80, 40, 40, 30, 1.0), np.float32(0.001))
    (sure,), (unsure,) = found(heat), found(0.4 + 0.2 * heat, threshold=0.41)
    assert unsure.box == pytest.approx(sure.box, abs=1)


def test_regions_do_not_merge_at_a_lower_threshold():
    """A low threshold finds the same hills and more, not one hill that is all of them."""
    heat = hill(80, 100, 30, 25, 30, 0.6) + hill(80, 100, 50, 75, 30, 0.9)
    heat = np.maximum(heat, np.float32(0.05))
    high, low = found(heat, threshold=0.5), found(heat, threshold=0.01)
    assert [region.score for region in low] == [region.score for region in high]
    assert len(high) == 2


def test_a_shoulder_is_part_of_its_hill():
    """A lower peak counts for itself only if the map falls below its share on the way up."""
    ridge = np.minimum(hill(60, 100, 30, 30, 25, 1.0) + hill(60, 100, 30, 44, 25, 0.9), 1.4)
    (region,) = found(ridge, threshold=0.2)
    assert region.box[0] < 30
    assert region.box[2] > 44
    valley = hill(60, 140, 30, 30, 25, 1.0) + hill(60, 140, 30, 100, 25, 0.9)
    assert len(found(valley, threshold=0.2)) == 2


def test_outlines_enclose_the_regions_area():
    """The polygon's area is the number of the region's pixels, to within its tolerance."""
    region = found(hill(80, 80, 40, 40, 30, 1.0))[0]
    x, y = region.outline.T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert area == pytest.approx(region.area, rel=0.1)
    assert len(region.outline) >= 8


def test_a_region_at_the_edge_is_closed_along_it():
    """A region cut by the map's edge has an outline within the map."""
    region = found(hill(60, 60, 30, 0, 20, 1.0))[0]
    assert region.box[0] == 0
    assert region.outline.min() >= 0
    assert region.outline[:, 0].min() == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("pixels", [[(5, 5)], [(5, 5), (6, 6)], [(5, 5), (5, 6)]])
def test_the_smallest_regions_have_outlines(pixels):
    """Even one pixel, or two that touch at a corner, has a polygon with an area."""
    heat = np.zeros((12, 12), dtype=np.float32)
    heat[tuple(zip(*pixels, strict=True))] = 1.0
    (region,) = found(heat, min_area=1)
    assert region.area == len(pixels)
    assert len(region.outline) >= 3
    assert np.ptp(region.outline, axis=0).min() > 0


def test_small_regions_and_too_many_are_left_out():
    """Regions below the least area are dropped, and only the best of many are kept."""
    heat = np.zeros((40, 200), dtype=np.float32)
    for place in range(8):
        heat[10:14, 20 * place + 5 : 20 * place + 9] = 0.5 + 0.05 * place
    heat[30, 30] = 1.0
    regions = found(heat, min_area=4, most=3)
    assert [round(region.score, 2) for region in regions] == [0.85, 0.8, 0.75]


def test_a_place_at_the_threshold_counts_and_one_below_does_not():
    """The threshold itself is reached, as with detectors; a threshold of 0 finds no empty map."""
    heat = np.full((10, 10), 0.3, dtype=np.float32)
    assert len(found(heat, threshold=0.3)) == 1
    assert found(heat, threshold=0.3001) == []
    assert found(np.zeros((10, 10), dtype=np.float32), threshold=0.0) == []
