"""Where in its breast a finding lies: by hand, and whatever way the image is turned."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.analyse.location import (
    CENTRAL_MM,
    NEAR_LINE_MM,
    clock_of,
    location_of,
    seat_of,
    with_location,
)
from mammo_node.analyse.nipple_frame import frame_of
from mammo_node.vocabulary import (
    Box,
    Depth,
    Landmarks,
    Laterality,
    Location,
    Orientation,
    Quadrant,
    Spacing,
    View,
    ViewResult,
)
from tests.unit.placed import BREAST, MUSCLE, finding, view

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT


def located(one: ViewResult, other: ViewResult | None = None) -> Location:
    """Place the first finding of a view, with its partner in the other view."""
    seats = []
    for seen in (one, other):
        if seen is not None:
            frame = frame_of(seen)
            assert frame is not None
            seats.append(seat_of(seen.findings[0], frame))
    return location_of(seats[0], one.laterality, *seats[1:])


def test_distances_are_millimetres_in_the_image_plane():
    """A finding 30 mm behind and 40 mm above the nipple is 50 mm from it."""
    place = located(view("L", "CC", finding(30, 40)))
    assert place.nipple_mm == pytest.approx(50)
    # The outline runs from (30, 70) mm behind and above the nipple straight to it.
    assert place.skin_mm == pytest.approx(900 / math.hypot(30, 70))


def test_the_chest_wall_is_no_skin():
    """A finding near the image's edge is as far from the skin as from the outline in front."""
    place = located(view("L", "CC", finding(85, 0)))
    assert place.skin_mm is not None
    assert place.skin_mm > 60


@pytest.mark.parametrize(
    ("back", "depth"),
    [(29, Depth.ANTERIOR), (31, Depth.MIDDLE), (59, Depth.MIDDLE), (61, Depth.POSTERIOR)],
)
def test_depth_is_a_third_of_the_way_to_the_chest_wall(back: float, depth: Depth):
    """In a craniocaudal view 90 mm from nipple to chest wall have limits at 30 and 60 mm."""
    assert located(view("L", "CC", finding(back, 25))).depth is depth


def test_depth_is_measured_to_the_muscle_where_it_is_seen():
    """In an oblique view the same place is posterior when the muscle is in front of the wall."""
    without, with_muscle = (
        located(view("L", "MLO", finding(45, 10), muscle=muscle)) for muscle in ((), MUSCLE)
    )
    assert (without.depth, with_muscle.depth) == (Depth.MIDDLE, Depth.POSTERIOR)


def test_the_nipple_line_is_perpendicular_to_the_muscle():
    """Going back along it, one rises as the muscle leans."""
    frame = frame_of(view("L", "MLO", muscle=MUSCLE))
    assert frame is not None
    # The muscle's edge goes from (45, ...) forward by 130 px in 340 px up: a slope of 0.38.
    assert frame.axis[1] / frame.axis[0] == pytest.approx(130 / 340, abs=0.03)
    on_the_edge = (65.0 / 0.5, 0.0)
    assert frame.reach_mm < frame.extent_mm
    assert frame.along_mm(on_the_edge) > frame.reach_mm


@pytest.mark.parametrize(
    ("name", "up", "half"),
    [
        ("CC", 30, Quadrant.OUTER),
        ("CC", -30, Quadrant.INNER),
        ("MLO", 30, Quadrant.UPPER),
        ("MLO", -30, Quadrant.LOWER),
        ("CC", NEAR_LINE_MM - 0.1, None),
        ("MLO", 0.1 - NEAR_LINE_MM, None),
    ],
)
def test_one_view_tells_a_half_at_most(name: str, up: float, half: Quadrant | None):
    """And not even that near the line through the nipple."""
    place = located(view("R", name, finding(50, up)))
    assert (place.quadrant, place.clock) == (half, None)


@pytest.mark.parametrize(
    ("outer", "oblique", "quadrant", "right", "left"),
    [
        # Height = (oblique - outer sin 45) / cos 45 = 1.41 oblique - outer.
        (20, 42.4, Quadrant.UPPER_OUTER, 11, 1),
        (20, -10.0, Quadrant.LOWER_OUTER, 7, 5),
        (-20, 14.1, Quadrant.UPPER_INNER, 1, 11),
        (-20, -42.4, Quadrant.LOWER_INNER, 5, 7),
        (0, 30.0, Quadrant.UPPER, 12, 12),
        (0, -30.0, Quadrant.LOWER, 6, 6),
        (40, 28.3, Quadrant.OUTER, 9, 3),
        (-40, -28.3, Quadrant.INNER, 3, 9),
    ],
)
def test_two_views_tell_quadrant_and_clock_face(
    outer: float, oblique: float, quadrant: Quadrant, right: int, left: int
):
    """As someone sees it who faces the patient: outer is 9 o'clock right, 3 o'clock left."""
    for side, clock in (("R", right), ("L", left)):
        cc = view(side, "CC", finding(50, outer))
        mlo = view(side, "MLO", finding(50, oblique))
        for place in (located(cc, mlo), located(mlo, cc)):
            assert (place.quadrant, place.clock) == (quadrant, clock)


def test_a_true_lateral_view_needs_no_correction():
    """In ML height is height: level with the nipple is neither upper nor lower."""
    cc, ml = view("L", "CC", finding(50, 40)), view("L", "ML", finding(50, 0))
    assert located(cc, ml).quadrant is Quadrant.OUTER


def test_central_is_near_the_nipple_in_every_view():
    """20 mm in both views are central; 20 mm in one and more in the other are not."""
    near, far = finding(CENTRAL_MM - 6, -10), finding(30, -30)
    assert located(view("L", "CC", near)).quadrant is Quadrant.CENTRAL
    both = located(view("L", "CC", near), view("L", "MLO", near))
    assert (both.quadrant, both.clock) == (Quadrant.CENTRAL, None)
    assert located(view("L", "CC", near), view("L", "MLO", far)).quadrant is not Quadrant.CENTRAL


def test_behind_the_nipple_in_both_views_is_central():
    """What is on the line in both views has no hour."""
    cc, mlo = view("L", "CC", finding(60, 0)), view("L", "MLO", finding(60, 1))
    assert located(cc, mlo).quadrant is Quadrant.CENTRAL


def test_without_a_nipple_nothing_is_placed():
    """A view without nipple, spacing or known turn has no frame."""
    whole = view("L", "CC", finding(10, 10))
    marks = whole.landmarks
    assert marks is not None
    assert frame_of(replace(whole, landmarks=None)) is None
    assert frame_of(replace(whole, landmarks=replace(marks, nipple_px=None))) is None
    assert frame_of(replace(whole, landmarks=replace(marks, orientation=None))) is None
    assert frame_of(replace(whole, spacing=None)) is None
    assert frame_of(replace(whole, view=View.AT)) is None


def test_a_models_own_words_stay():
    """Words for the place are filled in where the model has said none."""
    place = Location(quadrant=Quadrant.UPPER_OUTER)
    assert with_location(finding(1, 1), place).site == "upper outer quadrant"
    said = with_location(replace(finding(1, 1), site="axilla"), place)
    assert (said.site, said.location) == ("axilla", place)


def turned(seen: ViewResult, *, flip_x: bool, flip_y: bool, finer: float) -> ViewResult:
    """The same view as another device stores it: mirrored, upside down, on finer columns."""

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        column, row = point
        column = (seen.columns - column if flip_x else column) * finer
        return column, seen.rows - row if flip_y else row

    def box(old: Box) -> Box:
        (x0, y0), (x1, y1) = moved((old.x_min, old.y_min)), moved((old.x_max, old.y_max))
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    marks, spacing = seen.landmarks, seen.spacing
    assert isinstance(marks, Landmarks)
    assert isinstance(spacing, Spacing)
    assert marks.nipple_px is not None
    return replace(
        seen,
        columns=round(seen.columns * finer),
        spacing=replace(spacing, column_mm=spacing.column_mm / finer),
        landmarks=replace(
            marks,
            nipple_px=moved(marks.nipple_px),
            pectoral_px=tuple(moved(point) for point in marks.pectoral_px),
            breast_px=tuple(moved(point) for point in marks.breast_px),
            orientation=Orientation(flip_x, flip_y),
        ),
        findings=tuple(replace(f, box_px=box(f.box_px)) for f in seen.findings),
    )


@given(
    back=st.floats(-5, 95),
    up=st.floats(-95, 95),
    name=st.sampled_from(("CC", "MLO", "ML")),
    muscle=st.booleans(),
    flip_x=st.booleans(),
    flip_y=st.booleans(),
    finer=st.sampled_from((0.5, 1.0, 2.0)),
)
def test_a_place_does_not_depend_on_how_the_image_is_stored(
    *, back: float, up: float, name: str, muscle: bool, flip_x: bool, flip_y: bool, finer: float
):
    """Mirrored, upside down or on pixels that are not square, a finding has the same place."""
    upright = view("R", name, finding(back, up), muscle=MUSCLE if muscle else ())
    other = turned(upright, flip_x=flip_x, flip_y=flip_y, finer=finer)
    plain, stored = (frame_of(one) for one in (upright, other))
    assert plain is not None
    assert stored is not None
    seats = seat_of(upright.findings[0], plain), seat_of(other.findings[0], stored)
    for key in ("nipple_mm", "along_mm", "aside_mm", "skin_mm"):
        assert getattr(seats[0], key) == pytest.approx(getattr(seats[1], key), abs=1e-6)
    assert stored.reach_mm == pytest.approx(plain.reach_mm, abs=1e-6)
    assert stored.extent_mm == pytest.approx(plain.extent_mm, abs=1e-6)


@given(st.floats(-99, 99), st.floats(-99, 99))
def test_the_breasts_clocks_mirror_each_other(height: float, lateral: float):
    """Hours of both breasts add up to twelve, and inner and outer change places."""
    right, left = (clock_of(height, lateral, side) for side in (RIGHT, LEFT))
    assert 1 <= right <= 12
    # Half hours are rounded to the even one on either side.
    assert (right + left) % 12 in (0, 1, 11)


def test_the_outline_itself_is_at_the_skin():
    """A finding on the breast's outline is 0 mm from it."""
    frame = frame_of(view("L", "CC"))
    assert frame is not None
    assert frame.skin_mm(frame.place(BREAST[1])) == pytest.approx(0.0)
