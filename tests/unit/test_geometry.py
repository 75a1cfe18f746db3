"""Geometry: model pixels and stored image coordinates map onto each other exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.image.geometry import ViewTransform
from mammo_node.vocabulary import Box

SIZE = st.integers(1, 6000)
OFFSET = st.integers(0, 6000)
TRANSFORMS = st.builds(
    ViewTransform,
    crop_x=OFFSET,
    crop_y=OFFSET,
    crop_width=SIZE,
    crop_height=SIZE,
    scaled_width=SIZE,
    scaled_height=SIZE,
    flip_x=st.booleans(),
    flip_y=st.booleans(),
    pad_left=st.integers(0, 512),
    pad_top=st.integers(0, 512),
)
UNIT = st.floats(0, 1)


def point_in_crop(transform: ViewTransform, u: float, v: float) -> tuple[float, float]:
    return (
        transform.crop_x + u * transform.crop_width,
        transform.crop_y + v * transform.crop_height,
    )


@given(TRANSFORMS, UNIT, UNIT)
def test_round_trip_from_the_stored_image(transform: ViewTransform, u: float, v: float) -> None:
    """Image -> model -> image is exact to a thousandth of a pixel, anisotropic resizes too."""
    point = point_in_crop(transform, u, v)
    back = transform.to_original(transform.to_model([point]))[0]
    np.testing.assert_allclose(back, point, rtol=0, atol=1e-3)


@given(TRANSFORMS, UNIT, UNIT)
def test_round_trip_from_the_model(transform: ViewTransform, u: float, v: float) -> None:
    """Model -> image -> model is exact to a thousandth of a pixel."""
    point = (
        transform.pad_left + u * transform.scaled_width,
        transform.pad_top + v * transform.scaled_height,
    )
    there = transform.to_model(transform.to_original([point]))[0]
    np.testing.assert_allclose(there, point, rtol=0, atol=1e-3)


@given(TRANSFORMS, UNIT, UNIT)
def test_the_crop_lands_inside_the_padding(transform: ViewTransform, u: float, v: float) -> None:
    """A point of the crop lies in the scaled area of the model's input, never in the padding."""
    x, y = transform.to_model([point_in_crop(transform, u, v)])[0]
    slack = 1e-6 * 6000
    assert transform.pad_left - slack <= x <= transform.pad_left + transform.scaled_width + slack
    assert transform.pad_top - slack <= y <= transform.pad_top + transform.scaled_height + slack


@given(TRANSFORMS, UNIT, UNIT, UNIT, UNIT)
def test_boxes_stay_boxes(transform: ViewTransform, a: float, b: float, c: float, d: float) -> None:
    """A box keeps its minima below its maxima through flips, and comes back to where it was."""
    (x0, y0), (x1, y1) = point_in_crop(transform, a, b), point_in_crop(transform, c, d)
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    there = transform.box_to_model(box)
    assert there.x_min <= there.x_max
    assert there.y_min <= there.y_max
    back = transform.box_to_original(there)
    for name in ("x_min", "y_min", "x_max", "y_max"):
        assert getattr(back, name) == pytest.approx(getattr(box, name), abs=1e-3)


@given(TRANSFORMS)
def test_corners_are_corners(transform: ViewTransform) -> None:
    """The crop's top-left corner maps to the corner that the flips send it to, exactly."""
    x, y = transform.to_model([(transform.crop_x, transform.crop_y)])[0]
    right, bottom = (
        transform.pad_left + transform.scaled_width,
        transform.pad_top + transform.scaled_height,
    )
    assert x == pytest.approx(right if transform.flip_x else transform.pad_left)
    assert y == pytest.approx(bottom if transform.flip_y else transform.pad_top)


@pytest.mark.parametrize(("flip_x", "flip_y"), [(False, False), (True, False), (True, True)])
def test_agrees_with_what_arrays_do(flip_x: bool, flip_y: bool) -> None:
    """A bright pixel ends where cropping, flipping and enlarging the array puts it."""
    image = np.zeros((40, 60))
    image[17, 23] = 1.0
    transform = ViewTransform(10, 5, 30, 20, 90, 40, flip_x, flip_y, pad_left=4, pad_top=7)
    crop = image[5:25, 10:40]
    crop = crop[:, ::-1] if flip_x else crop
    crop = crop[::-1] if flip_y else crop
    model = np.pad(crop.repeat(2, axis=0).repeat(3, axis=1), ((7, 0), (4, 0)))
    rows, columns = np.nonzero(model)
    box = transform.box_to_model(Box(23, 17, 24, 18))
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert (box.x_min, box.y_min, box.x_max, box.y_max) == pytest.approx(found)


def test_points_are_not_changed_in_place() -> None:
    """The caller's own array of points stays as it was, flips included."""
    points = np.array([[1.0, 2.0]])
    transform = ViewTransform(0, 0, 10, 10, 5, 5, flip_x=True, flip_y=True)
    transform.to_model(points)
    transform.to_original(points)
    np.testing.assert_array_equal(points, [[1.0, 2.0]])
