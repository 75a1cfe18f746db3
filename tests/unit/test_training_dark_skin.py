"""Breasts whose dark rim is lost: the mask shrinks from the air inwards, and findings with it."""

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.phantom.kinds import SKIN_THICKENING
from training import dark_skin
from training.cell_targets import cell_targets
from training.dark_skin import BLOCK_MM, DEEPEST_MM, lose_dark_skin
from training.dense_source import DenseRules, DenseSource
from training.shape import Shape
from training.view import BankedView, Finding, Truth, encode, save
from training.windows import Window

SIDE, MM = 400, 0.2
#: The breast is the left 300 columns, 60 mm; its grey falls to the skin over 20 mm.
BREAST = np.zeros((SIDE, SIDE), dtype=bool)
BREAST[:, :300] = True
DEPTH_MM = np.broadcast_to(np.clip(300 - np.arange(SIDE), 0, None) * MM, (SIDE, SIDE))
LEVEL = (BREAST * np.clip(DEPTH_MM / 20.0, 0.0, 0.8)).astype(np.float32)
EXTENT_MM = (SIDE * MM, SIDE * MM)


@pytest.fixture(autouse=True)
def _every_window(monkeypatch):
    monkeypatch.setattr(dark_skin, "SHARE", 1.0)


def lost(seed, extent_mm=EXTENT_MM, level=LEVEL, mask=BREAST):
    """The same breast with its rim lost."""
    window = Window(level, mask, MM, (0.0, 0.0))
    return lose_dark_skin(np.random.default_rng(seed), window, extent_mm, 1.0)


def test_the_rim_is_lost_and_nothing_else():
    """Never more than the deepest rim and a block, never an inner place, and grey ends at it."""
    shares = []
    for seed in range(30):
        made = lost(seed)
        assert not (made.mask & ~BREAST).any()
        assert made.mask[DEEPEST_MM[1] + 2 * BLOCK_MM[1] < DEPTH_MM].all()
        assert not made.level[~made.mask].any()
        assert (made.level <= LEVEL + 1e-6).all()
        shares.append(1.0 - made.mask.sum() / BREAST.sum())
    assert max(shares) > 0.05
    assert np.median(shares) > 0.005


def test_what_is_lost_is_ragged():
    """The new edge has notches: it lies deeper in some rows than in others."""
    edges = [lost(seed).mask.sum(axis=1) * MM for seed in range(30)]
    assert np.median([np.ptp(edge) for edge in edges]) > 1.0


def test_a_bright_rim_stays():
    """Digital images are bright to the skin: only how far they are darkened tells what is lost."""
    bright = np.where(BREAST, np.float32(0.6), np.float32(0.0))
    kept = [lost(seed, level=bright).mask.sum() / BREAST.sum() for seed in range(30)]
    dark = [lost(seed).mask.sum() / BREAST.sum() for seed in range(30)]
    assert np.mean(kept) > np.mean(dark)


def test_beyond_the_view_is_no_air():
    """Where the window reaches over the edge of the view the breast goes on."""
    for seed in range(10):
        assert (lost(seed, extent_mm=(60.0, SIDE * MM)).mask == BREAST).all()


def test_a_window_of_air_stays_as_it_is():
    """Nothing can be lost where there is no breast."""
    assert not lost(0, level=LEVEL * 0, mask=BREAST & False).mask.any()


def test_a_window_mostly_stays_as_it_was(monkeypatch):
    """Without strength none is changed, else the share that is said."""
    window = Window(LEVEL, BREAST, MM, (0.0, 0.0))
    rng = np.random.default_rng(0)
    assert lose_dark_skin(rng, window, EXTENT_MM, 0.0) is window
    monkeypatch.setattr(dark_skin, "SHARE", 0.4)
    changed = sum(lose_dark_skin(rng, window, EXTENT_MM, 1.0) is not window for _ in range(200))
    assert 55 < changed < 105


def test_cells_of_a_hidden_finding_are_not_asked():
    """Nobody can tell what lies in the part that was lost, and nothing is claimed of it."""
    shapes = [(Shape.rounded((140, 140, 372, 372)), 0)]
    mask = np.ones((512, 512), dtype=bool)
    seen, asked = cell_targets(shapes, mask, 64, 1, [False])
    wanted, weight = cell_targets(shapes, mask, 64, 1, [True])
    assert seen.any()
    assert not wanted.any()
    assert not weight[seen > 0].any()
    assert weight.sum() < asked.sum()


def test_crops_ask_for_skin_that_is_left(tmp_path, monkeypatch):
    """A finding in the rim is asked for in crops that keep the rim, and in no other."""
    rows = columns = 300
    mask = np.zeros((rows, columns), dtype=bool)
    mask[:, :200] = True  # 60 mm
    level = np.where(mask, np.float32(0.6), np.float32(0.0))
    skin = Finding(SKIN_THICKENING, "skin", False, (56.0, 30.0, 60.0, 60.0), 1.0)
    fine = encode(np.repeat(np.repeat(level, 3, axis=0), 3, axis=1))
    truth = Truth(1, "L", "MLO", "film", 0.1, 1.0, (60.0, 45.0), True, (skin,))
    save(BankedView(fine, encode(level), mask, mask & False, truth), tmp_path, "a")
    rules = DenseRules(
        ((SKIN_THICKENING,),), ("global",), cells=10, on_finding=1.0, scale=(1.0, 1.0), strength=0.0
    )
    source = DenseSource(tmp_path, rules)
    assert source.draw(np.random.default_rng(0))["wanted"].any()

    def without_rim(rng, window, extent_mm, strength):  # noqa: ARG001
        left = np.arange(window.mask.shape[1]) * window.mm_per_pixel + window.origin_mm[0] < 50.0
        return replace(window, mask=window.mask & left)

    monkeypatch.setattr("training.dense_source.lose_dark_skin", without_rim)
    assert not source.draw(np.random.default_rng(0))["wanted"].any()
