"""The rules for candidate windows, made with integral images, choose what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_node.analyse.manifest import BrightPixel, CentreBrightness
from mammo_node.analyse.patch_rules import brightest, with_bright_pixel
from mammo_node.analyse.patch_windows import at_least, box_sums, grey_levels, grid_of
from tests import naive_windows

#: Few grey levels: many windows are equally bright, and which one is taken must be settled.
GREYS = st.sampled_from([2, 3, 17, 256])


@st.composite
def images(draw: st.DrawFn, least: int) -> np.ndarray:
    """Small images, some of them partly black."""
    rows, columns = (draw(st.integers(least, 60)) for _ in range(2))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    image = rng.integers(0, draw(GREYS), (rows, columns)).astype(np.uint8)
    if draw(st.booleans()):
        image[:, draw(st.integers(0, columns)) :] = 0
    return image


def _brightest_alike(image: np.ndarray, rule: CentreBrightness) -> None:
    naive = naive_windows.brightest(
        image,
        rule.size_px,
        rule.stride_px,
        rule.weight_steps,
        rule.parts,
        rule.per_part,
        rule.distance_px,
    )
    assert [tuple(corner) for corner in brightest(image, rule)] == naive


@given(
    image=images(23),
    size=st.integers(3, 23),
    stride=st.integers(1, 9),
    steps=st.integers(1, 7),
    parts=st.integers(1, 4),
    distance=st.sampled_from([0.0, 5.0, 12.5, 100.0]),
)
@settings(max_examples=60, deadline=None)
def test_brightest_windows_are_those_of_the_definition(
    image: np.ndarray, size: int, stride: int, steps: int, parts: int, distance: float
):
    """On any shape, with any numbers, the same windows come in the same order, ties included."""
    rule = CentreBrightness(
        rule="centre-brightness",
        size_px=size,
        stride_px=min(stride, size),
        weight_steps=steps,
        parts=parts,
        distance_px=distance,
    )
    _brightest_alike(image, rule)


@pytest.mark.parametrize(
    "shape", [(512, 338), (500, 333), (400, 100), (100, 400), (100, 100), (417, 201)]
)
def test_brightest_windows_on_mammograms_shapes(shape: tuple[int, int]):
    """The published numbers, an eighth in size, on shapes of mammograms and odd ones."""
    rng = np.random.default_rng(sum(shape))
    image = rng.integers(0, 256, shape).astype(np.uint8)
    image[:, shape[1] * 2 // 3 :] = 0
    rule = CentreBrightness(
        rule="centre-brightness", size_px=100, stride_px=5, distance_px=31.25, weight_steps=5
    )
    _brightest_alike(image, rule)


def test_the_published_numbers_at_their_size():
    """On 4096 x 2700 pixels both rules choose what window by window gives, as published."""
    rng = np.random.default_rng(8)
    coarse = rng.integers(20, 200, (41, 27)).astype(np.uint8)
    image = np.kron(coarse, np.ones((100, 100), dtype=np.uint8))[:4096]
    image[:, 2200:] = 0
    image[rng.integers(0, 4096, 40), rng.integers(0, 2200, 40)] = 255
    _brightest_alike(image, CentreBrightness(rule="centre-brightness"))
    rule = BrightPixel(rule="bright-pixel")
    naive = naive_windows.with_bright_pixel(image, rule.size_px, rule.stride_px, rule.level)
    assert [tuple(corner) for corner in with_bright_pixel(image, rule)] == naive
    assert 10 < len(naive) < 200


@given(
    image=images(20),
    size=st.integers(3, 20),
    stride=st.integers(1, 20),
    level=st.sampled_from([0.01, 0.3, 0.5, 0.9, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_windows_with_a_bright_pixel_are_those_of_the_definition(
    image: np.ndarray, size: int, stride: int, level: float
):
    """On any shape, with any numbers, the same windows come in the same order."""
    rule = BrightPixel(rule="bright-pixel", size_px=size, stride_px=min(stride, size), level=level)
    naive = naive_windows.with_bright_pixel(image, size, rule.stride_px, level)
    assert [tuple(corner) for corner in with_bright_pixel(image, rule)] == naive


def test_sums_do_not_overflow():
    """A white image of a mammogram's size sums to more than 32 bits hold, exactly."""
    image = np.full((4096, 2700), 255, dtype=np.uint8)
    sums = box_sums(image, grid_of(image.shape, 2700, 1396))
    assert sums.tolist() == [[255 * 2700 * 2700], [255 * 2700 * 2700]]


def test_every_pixel_is_in_a_window_and_none_reaches_over():
    """Where the stride leaves a rest, one more window ends at the far edge."""
    grid = grid_of((1000, 801), 400, 200)
    assert grid.tops.tolist() == [0, 200, 400, 600]
    assert grid.lefts.tolist() == [0, 200, 400, 401]


def test_a_small_image_is_padded_to_one_window():
    """An image smaller than a window gives one window, padded at the right and the bottom."""
    image = np.full((1, 20, 50), 0.5, dtype=np.float32)
    padded = at_least(image, 40, -1.0)
    assert padded.shape == (1, 40, 50)
    assert (padded[0, 20:] == -1.0).all()
    assert (padded[0, :20] == 0.5).all()
    assert at_least(padded, 40, -1.0) is padded


def test_grey_levels_are_of_the_breast():
    """White is the maximum in the breast; a label outside it, and what is below 0, are black."""
    channel = np.array([[9.0, 0.5, -3.0], [1.0, 0.25, 0.0]], dtype=np.float32)
    mask = np.array([[False, True, True], [True, True, True]])
    assert grey_levels(channel, mask).tolist() == [[0, 128, 0], [255, 64, 0]]
    assert not grey_levels(channel, np.zeros_like(mask)).any()


def test_windows_off_the_breast_are_no_candidates():
    """A window with nothing bright is not taken, though its part would have room for it."""
    image = np.zeros((300, 300), dtype=np.uint8)
    image[10:60, 10:60] = 200
    rule = CentreBrightness(rule="centre-brightness", size_px=60, stride_px=10, distance_px=0)
    corners = brightest(image, rule)
    assert len(corners) == 3
    assert (corners <= 60).all()
    black = np.zeros((300, 300), dtype=np.uint8)
    assert not len(brightest(black, rule))
    assert not len(
        with_bright_pixel(black, BrightPixel(rule="bright-pixel", size_px=60, stride_px=60))
    )
