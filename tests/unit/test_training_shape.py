"""Shapes of findings in windows: outlines count, not the boxes around them."""

import numpy as np
import pytest

from mammo_node.phantom.kinds import FOCAL_ASYMMETRY, SKIN_THICKENING
from training.cell_targets import cell_targets
from training.core import judged_by_core
from training.realism.held_out import signs_standing_out
from training.shape import ENOUGH, Shape
from training.view import BankedView, Finding, Truth, ViewBank, save
from training.windows import Window

#: Skin at the right edge of a box of 40 x 40 mm: two strips of 4 mm that meet in a corner.
CORNER = ((36, 0), (40, 0), (40, 40), (0, 40), (0, 36), (36, 36))
KINDS = ((SKIN_THICKENING,),)


def skin(outline_mm=CORNER):
    """Skin in a box of 40 mm, by an outline or by the box alone."""
    return Finding(SKIN_THICKENING, "skin", False, (0, 0, 40, 40), 1.0, outline_mm)


def judged(middle_mm, finding):
    """What a core of 10 mm around a point has of a finding, and whether that counts."""
    level = np.zeros((80, 80), dtype=np.float32)
    corner = (middle_mm[0] - 20, middle_mm[1] - 20)
    made = judged_by_core(Window(level, level > 0, 0.5, corner), [finding], KINDS, 20.0)
    return made.present[0], made.counted[0]


@pytest.mark.parametrize(
    ("middle_mm", "present", "counted"),
    [
        ((38, 20), 1, 1),  # across the strip
        ((35, 35), 1, 1),  # in the corner, where most of it can be shown
        ((20, 20), 0, 1),  # inside the box, away from the skin
        ((31.5, 10), 0, 0),  # the edge of the core touches the strip
        ((60, 20), 0, 1),  # outside the box
    ],
)
def test_a_window_has_what_is_within_an_outline(middle_mm, present, counted):
    """The empty middle of a crescent's box is a plain place."""
    assert judged(middle_mm, skin()) == (present, counted)


def test_a_box_alone_is_taken_to_be_full():
    """Without an outline the middle has the finding, and the box's corners have nothing."""
    assert judged((20, 20), skin(())) == (1, 1)
    shape = Shape.rounded((0, 0, 40, 40))
    assert shape.shown(np.array([0.0, 0.0]), 1.0) == 0.0
    assert shape.shown(np.array([0.0, 19.0]), 1.0) > ENOUGH


def test_what_lies_beyond_its_box_does_not_count():
    """An outline that reaches out of the image is cut where its box is."""
    wide = Shape(np.array([(-30.0, 0.0), (10.0, 0.0), (10.0, 10.0), (-30.0, 10.0)]), (0, 0, 10, 10))
    shown = wide.shown(np.array([(0.0, 0.0), (-20.0, 0.0), (5.0, 0.0)]), 10.0)
    assert shown == pytest.approx([1.0, 0.0, 0.5], abs=0.05)


def test_a_thin_shape_is_shown_by_the_squares_that_it_crosses():
    """A line thinner than a pixel is still there."""
    line = Shape(np.array([(0.0, 5.0), (100.0, 5.01)]), (0, 5, 100, 5.01))
    assert line.shown(np.array([(40.0, 0.0), (40.0, 20.0)]), 10.0) == pytest.approx([1, 0], abs=0.1)


def test_cells_along_a_crescent_are_asked_for_it():
    """Cells on the strips are asked, those in the box's empty middle answer no."""
    full = np.ones((512, 512), dtype=bool)
    shape = Shape(np.asarray(CORNER) * 8.0 + 96, (96, 96, 416, 416))
    wanted, weight = cell_targets([(shape, 0)], full, 64, 1)
    assert wanted[0, 6, 2:6].all()
    assert wanted[0, 2:6, 6].all()
    assert not wanted[0, 2:5, 2:5].any()
    assert weight[0, 2:5, 2:5].all()


def test_rows_change_for_columns():
    """A transposed shape covers in a transposed mask what the shape covers in the mask."""
    rng = np.random.default_rng(5)
    mask = rng.uniform(size=(48, 48)) < 0.5
    shape = Shape(np.array([(4.0, 30.0), (40.0, 34.0), (9.0, 41.0)]), (4.0, 30.0, 40.0, 41.0))
    assert shape.transposed().box == (30.0, 4.0, 41.0, 40.0)
    assert shape.transposed().covered(mask.T) == shape.covered(mask)
    assert shape.transposed().covered(mask) != shape.covered(mask)


def test_points_drawn_lie_in_the_shape():
    """Windows are centred on the finding itself."""
    rng = np.random.default_rng(0)
    points = np.array([Shape.of(skin()).drawn_point(rng) for _ in range(50)])
    assert (points.max(axis=1) >= 36).all()
    assert np.ptp(points, axis=0) == pytest.approx([40, 40], abs=6)


def test_outlines_are_kept_with_the_truth():
    """Truth read back has them, and one without them is still read."""
    truth = Truth(1, "L", "CC", "film", 0.1, 1.5, (30.0, 24.0), True, (skin(), skin(())))
    assert Truth.from_json(truth.to_json()) == truth
    assert '"outline_mm": []' in truth.to_json()
    old = truth.to_json().replace(', "outline_mm": []', "")
    assert Truth.from_json(old).findings[1].outline_mm == ()


def test_it_is_told_how_far_asymmetries_stand_out(tmp_path):
    """One that is brighter than its ring by two deviations of that, in a view, and no others."""
    rng = np.random.default_rng(0)
    fine = np.full((900, 900), 110.0)
    rows, columns = np.indices(fine.shape)
    away = np.hypot(rows - 450, columns - 450)
    fine += np.where((columns // 40 + rows // 40) % 2, 8.0, -8.0) + (away < 150) * 16.0
    fine = (fine + rng.normal(0, 0.1, fine.shape)).round().astype(np.uint8)
    mask = np.ones((300, 300), dtype=bool)
    box = (30.0, 30.0, 60.0, 60.0)
    found = (Finding(FOCAL_ASYMMETRY, "", False, box, 1.0), skin())
    truth = Truth(1, "L", "CC", "film", 0.1, 1.5, (30.0, 24.0), True, found)
    save(BankedView(fine, fine[1::3, 1::3].copy(), mask, mask & False, truth), tmp_path, "1")
    (row,) = signs_standing_out(ViewBank(tmp_path))
    assert row.name == f"{FOCAL_ASYMMETRY} (1)"
    assert row.phantom[0] == pytest.approx(2.0, abs=0.2)
