"""A map on a model's grid comes to lie on the stored image where the model saw it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.image.geometry import ViewTransform
from mammo_node.image.spread import spread

_FLIPS = [(False, False), (True, False), (False, True), (True, True)]


def _transform(*, flip_x: bool, flip_y: bool) -> ViewTransform:
    return ViewTransform(
        crop_x=30,
        crop_y=20,
        crop_width=160,
        crop_height=240,
        scaled_width=80,
        scaled_height=60,
        flip_x=flip_x,
        flip_y=flip_y,
        pad_left=8,
        pad_top=2,
    )


@pytest.mark.parametrize(("flip_x", "flip_y"), _FLIPS)
@given(x=st.integers(0, 159), y=st.integers(0, 239))
def test_each_pixel_takes_its_place_in_the_map(flip_x: bool, flip_y: bool, x: int, y: int) -> None:
    """A map that is linear in model pixels is, on the image, linear in the mapped points."""
    transform = _transform(flip_x=flip_x, flip_y=flip_y)
    rows, columns = 64, 96
    grid_y, grid_x = np.mgrid[: rows // 4, : columns // 4].astype(np.float32)
    values = (grid_x + 0.5) * 4 + 1000 * (grid_y + 0.5) * 4
    laid = spread(values, transform, (rows, columns), (300, 250))
    point = (30 + x + 0.5, 20 + y + 0.5)
    model_x, model_y = transform.to_model([point])[0]
    if 2 <= model_x <= columns - 2 and 2 <= model_y <= rows - 2:
        assert laid[20 + y, 30 + x] == pytest.approx(model_x + 1000 * model_y, abs=40)


def test_outside_the_model_there_is_nothing() -> None:
    """Pixels that the model did not see are 0."""
    transform = ViewTransform(100, 0, 100, 100, 50, 50)
    laid = spread(np.ones((25, 25), np.float32), transform, (50, 50), (100, 300))
    assert laid.shape == (100, 300)
    assert laid[:, :97].max() == 0.0
    assert laid[:, 204:].max() == 0.0
    assert laid[5:95, 105:195].min() == pytest.approx(1.0)


@pytest.mark.parametrize(("flip_x", "flip_y"), _FLIPS)
def test_on_a_picture_it_is_what_it_is_on_the_image(flip_x: bool, flip_y: bool) -> None:
    """A map laid over a picture of half the size, mirrored or not, is that of the stored image."""
    transform = ViewTransform(10, 20, 200, 240, 50, 60)
    rows, columns = np.mgrid[:15, :12].astype(np.float32)
    values, shape = np.sin(rows / 3) + columns / 12, (300, 250)
    to_picture = (
        -0.5 if flip_x else 0.5,
        0.0,
        125.0 if flip_x else 0.0,
        0.0,
        -0.5 if flip_y else 0.5,
        150.0 if flip_y else 0.0,
    )
    stored = spread(values, transform, (60, 50), shape)
    halved = stored.reshape(150, 2, 125, 2).mean(axis=(1, 3))
    hung = halved[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    laid = spread(values, transform, (60, 50), (150, 125), to_picture)
    assert laid == pytest.approx(hung, abs=0.06)
