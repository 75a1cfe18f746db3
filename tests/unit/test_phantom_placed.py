"""Masses and clusters in the views of one breast: seen, apart, and told where they are."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.contrast import LEAST_STANDING_OUT
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.insertion import mass_in_view
from mammo_node.phantom.mass import draw_mass, pull_of
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.placed import Populated, populate
from mammo_node.phantom.placement import place_mass
from mammo_node.phantom.pull import Pull
from mammo_node.phantom.scene import build_scene
from mammo_node.phantom.study import grid_of
from mammo_node.phantom.truth import region_truth

PITCH_MM = 0.6


@pytest.fixture(scope="module")
def views(texture_bank):
    """Both views of a breast without lesions."""
    anatomy = draw_pair(np.random.default_rng(8))[0]
    grid, mu = grid_of(PITCH_MM), Attenuation.at(20.0)
    scenes = (
        build_scene(lay_ground(np.random.default_rng(8 + i), anatomy, texture_bank, name, grid, mu))
        for i, name in enumerate(("CC", "MLO"))
    )
    return tuple(Populated(scene, scene.log_attenuation, (), ()) for scene in scenes)


def drawn(variety):
    """The first mass of a variety; 14 mm wide."""
    rng = np.random.default_rng(2)
    return replace(
        next(m for m in iter(lambda: draw_mass(rng), None) if m.variety == variety), radius_mm=7.0
    )


@pytest.fixture
def draws(monkeypatch):
    """Lets `populate` draw one mass alone."""
    return lambda mass: monkeypatch.setattr("mammo_node.phantom.placed.draw_mass", lambda _: mass)


def test_no_mass_lies_over_another_in_any_view(views):
    """Two masses that are one opacity in a view would be counted as two there."""
    pairs = 0
    for seed in range(4):
        for view in populate(np.random.default_rng(seed), views, (4, 0), []):
            for a, b in combinations([lesion.box_px for lesion in view.lesions], 2):
                pairs += 1
                width = min(a[2], b[2]) - max(a[0], b[0])
                height = min(a[3], b[3]) - max(a[1], b[1])
                area = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
                assert max(width, 0) * max(height, 0) < 0.25 * area
    assert pairs > 12


def test_every_mass_is_told_in_both_views(views, draws):
    """What is left out of the truth is not in the picture, and the other way round."""
    draws(drawn("round"))
    made = populate(np.random.default_rng(11), views, (3, 0), [])
    first, second = ([lesion.identity for lesion in view.lesions] for view in made)
    assert first == second == list(range(1, 1 + len(first)))
    for before, after in zip(views, made, strict=True):
        changed = after.log_attenuation - before.log_attenuation
        most = changed.max()
        for lesion in after.lesions:
            x0, y0, x1, y1 = (round(c) for c in lesion.box_px)
            assert changed[y0:y1, x0:x1].mean() > 0.02
            changed[y0:y1, x0:x1] = 0.0
        assert np.abs(changed).max() < 0.35 * most


@pytest.mark.parametrize(("variety", "told"), [("round", 0), ("spiculated", 1)])
def test_a_mass_that_would_not_be_seen_is_left_out(views, draws, monkeypatch, variety, told):
    """Where it only fills a hole it is no finding, unless its spicules are seen."""
    mass = replace(drawn(variety), pull_strength=0.0)
    draws(mass)
    place = place_mass(np.random.default_rng(3), tuple(v.scene for v in views), mass, [])
    monkeypatch.setattr("mammo_node.phantom.placed.place_mass", lambda *_: place)
    dug = []
    for view in views:
        hole = view.log_attenuation.copy()
        there = mass_in_view(view.scene, hole, mass, place, 1)
        assert there.stands_out > LEAST_STANDING_OUT
        replace(there.added, values=-1.5 * there.added.values).add_to(hole)
        assert mass_in_view(view.scene, hole, mass, place, 1).stands_out < LEAST_STANDING_OUT
        dug.append(replace(view, log_attenuation=hole))
    made = populate(np.random.default_rng(1), tuple(dug), (1, 0), [])
    assert [len(view.lesions) for view in made] == [told, told]
    for before, after in zip(dug, made, strict=True):
        assert (before.log_attenuation != after.log_attenuation).any() == bool(told)


def test_a_spiculated_mass_draws_fibres_towards_it(views):
    """Around it grey changes more from angle to angle, at the same radius, than it did before."""
    mass = replace(drawn("spiculated"), pull_strength=1.0, radius_mm=9.0)
    scenes = tuple(view.scene for view in views)
    place = place_mass(np.random.default_rng(3), scenes, mass, [])
    pitch = scenes[0].grid.pitch_mm
    column, row = scenes[0].to_pixel(place)
    pull = pull_of(mass, (column * pitch, row * pitch))
    drawn_in = views[0].pulled(pull).log_attenuation

    def across(image):
        """Share of the grey's slopes that go around the middle, not towards it."""
        down, right = np.gradient(image)
        rows, columns = np.indices(image.shape)
        x, y = columns + 0.5 - column, rows + 0.5 - row
        away = np.hypot(x, y) * pitch
        ring = (away > 3.0) & (away < 1.2 * mass.radius_mm)
        outward = (right * x + down * y)[ring] / (away[ring] / pitch)
        total = (right**2 + down**2)[ring].sum()
        return 1.0 - float((outward**2).sum() / total)

    assert pull_of(replace(mass, pull_strength=0.0), (0.0, 0.0)) is None
    assert across(drawn_in) > across(views[0].log_attenuation) + 0.05


def test_what_was_told_before_moves_with_the_tissue(views):
    """A mass that draws tissue in moves the masses and signs around it, and tells so."""
    scene = views[0].scene
    box = (150.0, 190.0, 162.0, 202.0)
    x0, y0, x1, y1 = box
    outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=np.float32)
    there = region_truth(
        scene.grid,
        "mass",
        "round",
        malignant_looking=False,
        identity=1,
        outline_px=outline,
        contrast=1.0,
    )
    marked = views[0].log_attenuation.copy()
    marked[191:201, 151:161] = 9.0
    view = replace(views[0], log_attenuation=marked, lesions=(there,), signs=(there,))
    pull = Pull((130.0 * PITCH_MM, 196.0 * PITCH_MM), 40.0 * PITCH_MM, strength=1.0)
    moved = view.pulled(pull)
    rows, columns = np.nonzero(moved.log_attenuation > 6.0)
    for told in (*moved.lesions, *moved.signs):
        x_min, y_min, x_max, y_max = told.box_px
        assert x_min < x0 - 0.5
        assert x_min - 1.5 <= columns.min() <= columns.max() <= x_max + 1.5
        assert y_min - 1.5 <= rows.min() <= rows.max() <= y_max + 1.5
