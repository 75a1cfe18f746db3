"""Training crops and targets: what the network is asked for is where the lesion is."""

import numpy as np
import pytest

from mammo_node.phantom import TextureBank, generate_study
from training.bank import BankedView, load, preprocess, quantise, render, restore
from training.crops import CropRules, CropSource
from training.targets import STRIDE, make_targets


@pytest.fixture(scope="module")
def texture():
    """One texture bank for the module."""
    return TextureBank.from_seed(5)


def test_targets_peak_at_the_centre():
    """The bump is 1 in the centre's cell and the edges there give the box back."""
    box = np.array([[40.0, 56.0, 88.0, 96.0]])
    made = make_targets(box, np.array([0]), np.array([True]), 128, 2)
    row, column = np.unravel_index(np.argmax(made.heat[0]), made.heat[0].shape)
    assert made.heat[0, row, column] == 1
    assert made.heat[1].max() == 0
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    left, above, right, below = made.edges[:, row, column]
    assert [x - left, y - above, x + right, y + below] == pytest.approx(box[0].tolist())


def test_a_lesion_not_asked_for_is_ignored():
    """No bump, no box, and no penalty inside it."""
    made = make_targets(
        np.array([[40.0, 40.0, 80.0, 80.0]]), np.array([1]), np.array([False]), 128, 2
    )
    assert made.heat.max() == 0
    assert made.weight.max() == 0
    assert made.care[1, 7, 7] == 0
    assert made.care[0].min() == 1


def test_quantising_loses_less_than_half_a_step():
    """Channels survive 8 bits to within half a step of their span."""
    rng = np.random.default_rng(0)
    tensor = rng.uniform([[[-0.25]], [[-1]], [[0]]], [[[1.25]], [[1]], [[1]]], (3, 40, 30))
    tensor = tensor.astype(np.float32)
    steps = np.array([1.5, 2.0, 1.0])[:, None, None] / 255
    assert (np.abs(restore(quantise(tensor)) - tensor) <= 0.51 * steps).all()


def test_render_and_load(texture, tmp_path):
    """A rendered bank reads back, with boxes inside the image."""
    paths = render(3, tmp_path, 0.3, texture, (2, 1))
    assert len(paths) == 4
    for path in paths:
        view = load(path)
        assert isinstance(view, BankedView)
        rows, columns = view.mask.shape
        assert view.image.shape == (3, rows, columns)
        assert (view.boxes[:, 2] <= columns).all()
        assert (view.boxes[:, 3] <= rows).all()


def test_boxes_follow_the_lesion(texture):
    """The channel is brighter in a visible mass's box than around it, right breasts included."""
    options = {"pixel_spacing_mm": 0.3, "clusters": 0, "bank": texture}
    with_mass = generate_study(77, masses=4, **options)
    gains = []
    for view in with_mass.views:
        banked = preprocess(view)
        level = restore(banked.image)[0]
        for (x0, y0, x1, y1), contrast in zip(
            banked.boxes.astype(int), banked.contrast, strict=True
        ):
            if contrast > 1.2:
                core = level[y0:y1, x0:x1].mean()
                m = 20
                ring = level[max(y0 - m, 0) : y1 + m, max(x0 - m, 0) : x1 + m].mean()
                gains.append(core - ring)
    assert gains
    assert np.mean(gains) > 0


def test_crops_are_the_same_for_the_same_seed(texture, tmp_path):
    """A crop depends on the seed alone, has the right shape and finite values."""
    render(4, tmp_path, 0.3, texture, (3, 1))
    source = CropSource(tmp_path, CropRules(size_px=96))
    one, targets = source.draw(np.random.default_rng(1))
    two, _ = source.draw(np.random.default_rng(1))
    assert one.shape == (3, 96, 96)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()
    assert (one == two).all()
    assert targets.heat.shape == (2, 12, 12)
