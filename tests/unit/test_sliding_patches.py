"""Both engines of the sliding-patches family give the same scores, and say when they cannot."""

import numpy as np
import pytest

from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.errors import InferenceError, ModelPackageError
from tests.unit.window_graphs import window_model, write_windows

RNG = np.random.default_rng(7)


class Counting:
    """A session that notes the shapes it is given."""

    def __init__(self, session):
        self.session, self.shapes = session, []

    def run(self, inputs, outputs):
        self.shapes.append(inputs["image"].shape)
        return self.session.run(inputs, outputs)


class Answers:
    """A session that gives the same tensor whatever it is asked."""

    def __init__(self, tensor):
        self.tensor = np.asarray(tensor, dtype=np.float32)

    def run(self, inputs, outputs):
        return [self.tensor]


def classifier(folder, **manifest):
    package = load_package(write_windows(folder, **manifest))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="test")
    return WindowClassifier(package, Counting(session))


def breast(rows=416, columns=288):
    """A tensor with noise, and a half oval as its breast."""
    y, x = np.mgrid[:rows, :columns]
    mask = (x / columns) ** 2 + ((y - rows / 2) / (rows / 2)) ** 2 < 0.8
    tensor = RNG.uniform(0, 1, (1, 2, rows, columns)).astype(np.float32) * mask
    tensor[0, 0, 100:180, 60:140] = 1.0
    return tensor, mask


def naive_scores(model, tensor, mask):
    """One window after the other, as they are defined."""
    window = model.manifest.window
    frame = model.run_exact(tensor, mask).frame
    grown = frame.filled(tensor, 0.0)
    scores = np.zeros((*frame.grid, 2), dtype=np.float32)
    for i, j in np.ndindex(frame.grid):
        top, left = i * window.stride_px, j * window.stride_px
        cut = grown[:, :, top : top + window.size_px, left : left + window.size_px]
        scores[i, j] = model.session.run({"image": cut}, ("scores",))[0]
    return scores


@pytest.mark.parametrize("pooling", ["smooth-max", "mean", "max"])
def test_dense_and_exact_are_equal_where_the_border_is_trimmed(tmp_path, pooling):
    """A map that is trimmed of what sees the border gives each window's own score."""
    model, (tensor, mask) = classifier(tmp_path / "m", pooling=pooling), breast(400, 270)
    exact, dense = model.run_exact(tensor, mask), model.run_dense(tensor, mask)
    assert np.array_equal(exact.looked_at, dense.looked_at)
    assert np.allclose(exact.scores, dense.scores, atol=1e-5)
    assert np.allclose(exact.heatmaps(), dense.heatmaps(), atol=1e-5)
    assert np.ptp(exact.scores[exact.looked_at]) > 0.1


def test_dense_differs_where_the_border_is_not_trimmed(tmp_path):
    """Cells that see the zeros around a window answer otherwise in the middle of an image."""
    changes = (("map_trim = [1, 1]\n", ""),)
    model = classifier(tmp_path / "m", model=window_model(trim=0), changes=changes)
    exact, dense = model.run_exact(*breast()), model.run_dense(*breast())
    assert np.abs(exact.scores - dense.scores).max() > 0.01


def test_the_exact_engine_equals_one_window_at_a_time(tmp_path):
    """Batches change nothing; windows off the breast are not run and score 0."""
    model, (tensor, mask) = classifier(tmp_path / "m"), breast()
    exact, naive = model.run_exact(tensor, mask), naive_scores(model, tensor, mask)
    assert np.allclose(exact.scores[exact.looked_at], naive[exact.looked_at], atol=1e-6)
    assert not exact.scores[~exact.looked_at].any()
    assert not exact.looked_at.all()


def test_the_exact_engine_runs_full_batches_of_the_breast_only(tmp_path):
    """As many windows are run as hold the breast, in as few runs as batches allow."""
    model, (tensor, mask) = classifier(tmp_path / "m"), breast()
    looked_at = model.run_exact(tensor, mask).looked_at.sum()
    counts = [shape[0] for shape in model.session.shapes]
    assert sum(counts) == looked_at
    assert counts[:-1] == [4] * (len(counts) - 1)


def test_the_dense_engine_runs_once(tmp_path):
    """One run covers all windows on the breast, and no more of the image than they do."""
    model = classifier(tmp_path / "m", changes=(('engine = "exact"', 'engine = "dense"'),))
    scored = model.run(*breast(400, 270))
    rows, columns = (np.flatnonzero(scored.looked_at.any(axis=axis)) for axis in (1, 0))
    sides = [128 + 32 * (places[-1] - places[0]) for places in (rows, columns)]
    assert model.session.shapes == [(1, 2, *sides)]


@pytest.mark.parametrize("margin", [0, 64])
def test_an_image_smaller_than_a_window_is_filled_up(tmp_path, margin):
    """A narrow breast is looked at, not refused."""
    changes = (("stride_px = 32", f"stride_px = 32\nmargin_px = {margin}"),)
    model = classifier(tmp_path / "m", changes=changes)
    scored = model.run(np.ones((1, 2, 96, 64), np.float32), np.ones((96, 64), dtype=bool))
    assert scored.frame.grid == ((4, 3) if margin else (1, 1))
    assert scored.scores[scored.looked_at].min() > 0


def test_a_window_speaks_of_its_core_only(tmp_path):
    """With `core_px` windows are chosen by their cores, and one marks no more than its core."""
    whole = classifier(tmp_path / "whole")
    change = (("stride_px = 32", "stride_px = 32\ncore_px = 64"),)
    cored = classifier(tmp_path / "cored", changes=change)
    tensor, mask = breast(500, 400)
    wide, narrow = whole.run_exact(tensor, mask), cored.run_exact(tensor, mask)
    both = wide.looked_at & narrow.looked_at
    assert np.allclose(wide.scores[both], narrow.scores[both])
    assert (wide.looked_at != narrow.looked_at).any()
    assert (narrow.heatmaps() > 0).sum() < (wide.heatmaps() > 0).sum()


def test_the_margin_is_half_a_window_unless_said(tmp_path):
    """Windows centred on the image's edge are looked at, where they hold enough of the breast."""
    model = classifier(tmp_path / "m")
    assert model.manifest.window.margin == 64
    looked_at = model.run_exact(*breast()).looked_at
    assert looked_at[:, 0].any()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (np.zeros((4, 1)), "scores of shape"),
        (np.zeros((3, 2)), "scores of shape"),
        (np.zeros((4, 2, 1)), "scores of shape"),
        (np.full((4, 2), 1.5), "not between 0 and 1"),
        (np.full((4, 2), np.nan), "not between 0 and 1"),
    ],
)
def test_scores_that_break_the_contract_are_an_error(tmp_path, answer, words):
    """What a network returns is not trusted: a wrong shape or number is never a result."""
    model = WindowClassifier(load_package(write_windows(tmp_path / "m")), Answers(answer))
    with pytest.raises(InferenceError, match=words):
        model.run_exact(*breast())


def test_a_map_that_breaks_the_contract_is_an_error(tmp_path):
    """The map must have the cells that the manifest's map_stride promises."""
    model = WindowClassifier(
        load_package(write_windows(tmp_path / "m")), Answers(np.zeros((1, 2, 5, 5)))
    )
    with pytest.raises(InferenceError, match="a map of shape"):
        model.run_dense(*breast())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((("dense_safe = true", "dense_safe = false"), ('"exact"', '"dense"')), "dense_safe"),
        ((('"exact"', '"dense"'), ("dense_agreement = 1.0\n", "")), "measured dense_agreement"),
        ((('"exact"', '"dense"'), ("= 1.0", "= 0.97")), "at least 0.98"),
        ((('map = "map"\n', ""),), "output.map"),
        ((("stride_px = 32", "stride_px = 40"),), "map_stride"),
        ((("stride_px = 32", "stride_px = 129"),), "gaps"),
        ((("stride_px = 32", "stride_px = 32\nmargin_px = 128"),), "see no image"),
        ((("stride_px = 32", "stride_px = 32\nmargin_px = 48"),), "map_stride"),
        ((("stride_px = 32", "stride_px = 32\ncore_px = 16"),), "core_px"),
        ((("stride_px = 32", "stride_px = 32\ncore_px = 130"),), "core_px"),
        ((("map_trim = [1, 1]", "map_trim = [2, 2]"),), "leaves no cell"),
        ((("batch = 4", "batch = 0"),), "window.batch"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(tmp_path, changes, words):
    """Dense evaluation needs all that makes it honest, and says what is missing."""
    write_windows(tmp_path / "m", changes=changes)
    with pytest.raises(ModelPackageError, match=words):
        load_package(tmp_path / "m")


def test_a_graph_that_pools_the_image_is_refused_as_dense_safe(tmp_path):
    """Squeeze-excite before the map is found in the graph, and named."""
    folder = write_windows(tmp_path / "m", window_model(squeeze=True))
    with pytest.raises(ModelPackageError, match=r"dense_safe: ReduceMean before output\.map"):
        load_package(folder)
    honest = (("dense_safe = true", "dense_safe = false"),)
    load_package(write_windows(tmp_path / "m", window_model(squeeze=True), changes=honest))
