"""Channels of published density networks: mask and false colour."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_node.image.colour import CHANNELS, binary_mask, magma
from mammo_node.image.preprocess import prepare
from mammo_node.vocabulary import InputSpec, Orientation

#: matplotlib's magma at 0, 64, 128, 192 and 255 of 255, red, green and blue (CC0).
MAGMA = {
    0: (0.001462, 0.000466, 0.013866),
    64: (0.316654, 0.071690, 0.485380),
    128: (0.716387, 0.214982, 0.475290),
    192: (0.986700, 0.535582, 0.382210),
    255: (0.987053, 0.991438, 0.749504),
}


@pytest.mark.parametrize("place", MAGMA)
def test_the_colours_are_matplotlibs(place: int):
    """To within one step of 8 bits, at both ends and in between."""
    level = np.full((1, 1), (place + 0.5) / 256, dtype=np.float32)
    colour = [float(magma(level, channel)[0, 0]) for channel in CHANNELS]
    assert colour == pytest.approx(MAGMA[place], abs=1 / 255)


def test_beyond_the_ends_is_the_ends_colour():
    """Grey levels that overshoot neither wrap nor fail."""
    level = np.array([[-0.25, 0.0, 1.0, 1.25]], dtype=np.float32)
    for channel in CHANNELS:
        row = magma(level, channel)[0]
        assert row[0] == row[1]
        assert row[2] == row[3]


def test_a_mask_is_one_in_the_breast():
    """Float, as a network takes it."""
    mask = np.array([[True, False]])
    assert binary_mask(mask).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_the_input_of_published_density_networks_can_be_made(fit: str):
    """Mask, crop and magma at 336 x 224: bright ends in the breast, the dark end outside."""
    rows, columns = np.mgrid[:400, :300]
    inside = (columns / 200.0) ** 2 + ((rows - 200) / 150.0) ** 2 < 1
    pixels = np.where(inside, 500.0 + 5.0 * columns, 0.0).astype(np.float32)
    channels = ("magma-red", "magma-green", "magma-blue", "mask")
    spec = InputSpec(name="cc", channels=channels, size=(336, 224), fit=fit)
    made = prepare(pixels, (0.5, 0.5), Orientation(False), spec)
    assert made.tensor.shape == (1, 4, 336, 224)
    breast = made.tensor[0, 3] == 1
    np.testing.assert_array_equal(breast, made.mask)
    assert 0.2 < breast.mean() < 0.9
    for index, channel in enumerate(CHANNELS):
        levels = made.tensor[0, index]
        dark = float(magma(np.zeros((1, 1), dtype=np.float32), channel)[0, 0])
        assert set(np.unique(levels[~breast]).tolist()) <= {0.0, dark}
        assert levels[breast].max() > 0.7
