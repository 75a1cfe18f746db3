"""Adaptive equalisation agrees with scikit-image's, and two scales make two channels."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.exposure import equalize_adapthist

from mammo_node.image.clahe import equalised
from mammo_node.image.preprocess import prepare
from mammo_node.vocabulary import InputSpec, Orientation

UPRIGHT = Orientation(chest_wall_right=False)


def breast(seed=3, rows=384, columns=256):
    """A half oval of smooth tissue, brighter at the wall, 0..1 and 0 outside."""
    y, x = np.mgrid[:rows, :columns]
    inside = (x / (0.8 * columns)) ** 2 + ((y - rows / 2) / (0.45 * rows)) ** 2 < 1
    rng = np.random.default_rng(seed)
    tissue = gaussian_filter(rng.normal(size=(rows, columns)), 9) * 9 + 0.6 - 0.3 * x / columns
    return (np.clip(tissue, 0.05, 1.0) * inside).astype(np.float32), inside


@pytest.mark.parametrize(("tiles", "clip_limit"), [((8, 8), 2.0), ((6, 4), 4.0)])
def test_it_agrees_with_scikit_image(tiles, clip_limit):
    """Same tiles and clip limit: correlated by more than 0.99, on the same scale."""
    level, inside = breast()
    kernel = tuple(side // count for side, count in zip(level.shape, tiles, strict=True))
    theirs = equalize_adapthist(level, kernel_size=kernel, clip_limit=clip_limit / 256)
    ours = equalised(level, tiles, clip_limit)
    assert np.corrcoef(ours[inside], theirs[inside])[0, 1] > 0.99
    assert np.abs(ours - theirs)[inside].mean() < 0.03


def channels(pixels, *names, spacing_mm=0.2, **parameters):
    spec = InputSpec(
        name="image",
        channels=names,
        mm_per_pixel=spacing_mm,
        pad_multiple=1,
        parameters={name.replace("_", "-"): table for name, table in parameters.items()},
    )
    return prepare(pixels, (spacing_mm, spacing_mm), UPRIGHT, spec)


def test_two_scales_and_the_image_are_three_channels():
    """Fine tiles raise contrast more than coarse ones; all are 0..1 and 0 off the breast."""
    made = channels(breast()[0] * 3000, "global", "clahe-fine", "clahe-coarse")
    image, fine, coarse = made.tensor[0]
    assert made.tensor[0, 1:].min() >= 0
    assert made.tensor[0, 1:].max() <= 1
    assert not made.tensor[0, :, ~made.mask].any()
    local = [np.abs(c - gaussian_filter(c, 20))[made.mask].mean() for c in (image, coarse, fine)]
    assert local[0] < local[1] < local[2]


def test_each_name_has_a_table_of_its_own():
    """Parameters of one scale leave the other alone, and tiles count instead of tile_mm."""
    pixels = breast()[0]
    plain = channels(pixels, "clahe-fine", "clahe-coarse").tensor[0]
    table = {"tile_mm": 36.0, "clip_limit": 3.0}
    one = channels(pixels, "clahe-fine", "clahe-coarse", clahe_fine=table).tensor[0]
    assert not np.array_equal(one[0], plain[0])
    assert np.array_equal(one[1], plain[1])
    counted = channels(pixels, "clahe", clahe={"tiles": 1}).tensor[0, 0]
    measured = channels(pixels, "clahe", clahe={"tile_mm": 1000.0}).tensor[0, 0]
    assert np.array_equal(counted, measured)


def test_scale_and_offset_of_the_grey_levels_do_not_matter():
    """A machine with other stored values gives the same channel, to one grey level's rounding."""
    pixels = breast()[0]
    one = channels(pixels * 900, "clahe").tensor
    other = channels(pixels * 14000 + 37, "clahe").tensor
    assert np.abs(one - other).mean() < 0.004
