"""Windows cover the image, and the heatmap is the weighted mean of those that cover a place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_node.analyse.sliding_frame import Frame

#: Rows and columns of an image, size and stride of windows, and their margin.
CASES = [
    ((256, 256), 256, 32, 0),
    ((700, 420), 256, 32, 128),
    ((90, 300), 128, 48, 48),
    ((65, 64), 64, 64, 0),
]


def naive_heatmap(frame: Frame, scores: np.ndarray, looked_at: np.ndarray) -> np.ndarray:
    """The definition of the heatmap, cell by cell and window by window."""
    rows, columns = (side // frame.cell for side in frame.shape)
    heat = np.zeros((scores.shape[2], rows, columns))
    for r in range(rows):
        for c in range(columns):
            y, x = (r + 0.5) * frame.cell, (c + 0.5) * frame.cell
            total, weights = np.zeros(scores.shape[2]), 0.0
            for i, j in np.argwhere(looked_at):
                v = abs(y - i * frame.stride - frame.size / 2)
                u = abs(x - j * frame.stride - frame.size / 2)
                core = frame.core or frame.size
                if max(u, v) < core / 2:
                    weight = (1 - 2 * u / core) * (1 - 2 * v / core)
                    total += weight * scores[i, j]
                    weights += weight
            heat[:, r, c] = total / weights if weights else 0.0
    return heat


@pytest.mark.parametrize(("shape", "size", "stride", "margin"), CASES)
def test_windows_cover_the_whole_image(shape, size, stride, margin):
    """The frame holds image and margin, with less than a stride to spare unless of one window."""
    frame = Frame.over(shape, size, stride, margin)
    for side, covered in zip(shape, frame.shape, strict=True):
        wanted = side + 2 * margin
        assert covered == size or wanted <= covered < wanted + stride
        assert covered >= wanted
    image = np.ones(shape, dtype=np.float32)
    grown = frame.filled(image, -1.0)
    inner = grown[margin : margin + shape[0], margin : margin + shape[1]]
    assert np.array_equal(inner, image)
    assert (grown == 1).sum() == image.size


@pytest.mark.parametrize(("shape", "size", "stride", "margin"), CASES)
def test_windows_lie_where_they_are_said_to(shape, size, stride, margin):
    """Window (i, j) starts at (i, j) times the stride and has all channels."""
    frame = Frame.over(shape, size, stride, margin)
    image = np.arange(2 * np.prod(frame.shape), dtype=np.float32).reshape(2, *frame.shape)
    views = frame.windows_of(image)
    assert views.shape == (*frame.grid, 2, size, size)
    i, j = frame.grid[0] - 1, frame.grid[1] - 1
    corner = image[:, i * stride : i * stride + size, j * stride : j * stride + size]
    assert np.array_equal(views[i, j], corner)
    assert np.shares_memory(views, image)


@pytest.mark.parametrize("core", [0, 48])
def test_windows_looked_at_hold_their_share_of_the_breast(core):
    """Exactly the windows with the share of the breast, in their core if any, are looked at."""
    rng = np.random.default_rng(3)
    mask = rng.uniform(size=(300, 260)) < np.linspace(0, 1, 260)
    frame = Frame.over(mask.shape, 128, 32, core=core)
    grown = frame.filled(mask.astype(np.float32), 0.0)
    inner = slice(40, 88) if core else slice(None)
    shares = frame.windows_of(grown)[..., inner, inner].mean(axis=(2, 3))
    looked_at = frame.looked_at(mask, 0.4)
    assert np.array_equal(looked_at, shares >= 0.4)
    assert looked_at.any()
    assert not looked_at.all()


def test_the_frame_around_windows_is_as_large_as_they_need():
    """Its windows are those of the whole frame from its first one on, and it holds all of them."""
    frame = Frame.over((700, 420), 256, 32, 128)
    looked_at = np.zeros(frame.grid, dtype=bool)
    looked_at[3, 4:8] = looked_at[7, 5] = True
    part, (top, left) = frame.around(looked_at)
    assert (top, left, *part.grid) == (3, 4, 5, 4)
    image = np.random.default_rng(1).uniform(size=(2, *frame.shape)).astype(np.float32)
    cut = image[(..., *part.pixels((top, left)))]
    assert cut.shape[1:] == part.shape
    assert np.array_equal(part.windows_of(cut)[4, 1], frame.windows_of(image)[7, 5])


def test_a_small_breast_is_looked_at_all_the_same():
    """When no window has the share, the one with most of the breast is looked at."""
    mask = np.zeros((300, 300), dtype=bool)
    mask[200:220, 250:270] = True
    frame = Frame.over(mask.shape, 128, 32)
    looked_at = frame.looked_at(mask, 0.5)
    assert looked_at.any()
    views = frame.windows_of(frame.filled(mask.astype(np.float32), 0.0))
    assert (views[looked_at].sum(axis=(1, 2)) == 400).all()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_heatmap_is_what_its_definition_says(data):
    """Two matrix products equal the plain loop over cells and windows, whatever was looked at."""
    step, width = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    core = 8 * step * data.draw(st.integers(0, width))
    grid = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    frame = Frame(grid, 8 * step * width, 8 * step, core=core)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    looked_at = rng.uniform(size=frame.grid) < data.draw(st.sampled_from([0.0, 0.4, 1.0]))
    scores = rng.uniform(size=(*frame.grid, 3)).astype(np.float32)
    made = frame.heatmaps(scores, looked_at)
    assert np.allclose(made, naive_heatmap(frame, scores, looked_at), atol=1e-6)


def test_the_heatmap_stays_between_the_scores():
    """A mean of scores is never beyond them: equal scores give an even map."""
    frame = Frame.over((400, 300), 128, 48)
    scores = np.full((*frame.grid, 1), 0.7, dtype=np.float32)
    made = frame.heatmaps(scores, np.ones(frame.grid, dtype=bool))
    assert np.allclose(made, 0.7, atol=1e-6)
