"""Pictures for people's eyes: hung the right way, and a map back that is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.image.picture import breast_mask, picture_of
from mammo_node.image.presentation import from_dataset
from mammo_node.vocabulary import (
    Laterality,
    MammoImage,
    Orientation,
    Spacing,
    SpacingOrigin,
    View,
)
from tests.synthetic import REF, breast, mammogram


def image(*, right: bool, wall_right: bool, head_down: bool = False) -> MammoImage:
    """An image whose chest wall is stored on either side, with a bright spot to find again."""
    pixels = breast(right=wall_right)
    pixels[40:48, 60:70] = 4095
    return MammoImage(
        ref=REF,
        stored=pixels,
        padding=None,
        laterality=Laterality.RIGHT if right else Laterality.LEFT,
        view=View.MLO,
        orientation=Orientation(chest_wall_right=wall_right, head_down=head_down),
        spacing=Spacing(0.1, 0.1, SpacingOrigin.IMAGER),
        presentation=from_dataset(mammogram(pixels)),
        manufacturer="",
    )


@pytest.mark.parametrize("head_down", [False, True])
@pytest.mark.parametrize("wall_right", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_chest_walls_meet_in_the_middle(right: bool, wall_right: bool, head_down: bool):
    """A right breast lies at the right of its picture, a left one at the left, however stored."""
    grey = picture_of(image(right=right, wall_right=wall_right, head_down=head_down)).grey
    left_half, right_half = np.hsplit(grey.astype(float), 2)
    assert bool(right_half.mean() > left_half.mean()) is right


@pytest.mark.parametrize("longest_side", [100, 137, 2000])
@pytest.mark.parametrize("head_down", [False, True])
@pytest.mark.parametrize("wall_right", [False, True])
def test_points_are_where_the_map_says(wall_right: bool, head_down: bool, longest_side: int):
    """The bright spot of the stored image is in the picture where its corners are mapped to."""
    shown = picture_of(
        image(right=True, wall_right=wall_right, head_down=head_down), longest_side=longest_side
    )
    a, b, tx, d, e, ty = shown.to_picture
    corners = [(a * c + b * r + tx, d * c + e * r + ty) for c, r in ((60, 40), (70, 48))]
    rows, columns = np.nonzero(shown.grey > 250)
    expected = np.mean(corners, axis=0)
    assert abs(columns.mean() + 0.5 - expected[0]) < 1
    assert abs(rows.mean() + 0.5 - expected[1]) < 1
    assert max(shown.grey.shape) <= longest_side


def test_pixels_of_a_picture_are_square():
    """An image with oblong pixels is shown in its true proportions."""
    oblong = replace(
        image(right=True, wall_right=True), spacing=Spacing(0.2, 0.1, SpacingOrigin.IMAGER)
    )
    rows, columns = picture_of(oblong).grey.shape
    assert rows / columns == pytest.approx((200 * 0.2) / (160 * 0.1), rel=0.01)


def test_the_mask_is_the_breast_on_the_stored_grid():
    """The mask covers the half-disc and leaves the air out; without wanting it there is none."""
    made = image(right=False, wall_right=True)
    mask = breast_mask(made)
    inside = made.stored > 0
    assert mask.shape == made.shape
    assert mask[inside].mean() > 0.95
    assert mask[~inside].mean() < 0.1
    assert picture_of(made).breast is None
    assert np.array_equal(picture_of(made, with_breast=True).breast, mask)


def test_an_image_without_a_breast_has_no_mask():
    """Nothing but air is no breast."""
    empty = replace(
        image(right=True, wall_right=True), stored=np.zeros((200, 160), dtype=np.uint16)
    )
    assert breast_mask(empty) is None
