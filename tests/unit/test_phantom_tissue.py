"""Tissue, muscle, looks and places of masses: what each part of the generator promises."""

import numpy as np
import pytest

from mammo_node.phantom import MASS, TextureBank, generate_study
from mammo_node.phantom.anatomy import draw_anatomy
from mammo_node.phantom.digital import process_digital
from mammo_node.phantom.film import expose_film
from mammo_node.phantom.muscle import draw_folds, draw_muscle
from mammo_node.phantom.outline import Grid, draw_silhouette
from mammo_node.phantom.parenchyma import grow_parenchyma
from mammo_node.phantom.physics import Attenuation, thickness_mm
from mammo_node.phantom.texture import FINE_SPACING_MM, sheets

GRID = Grid(400, 300, 0.6)


@pytest.fixture(scope="module")
def bank():
    """One texture bank for all tests of this module."""
    return TextureBank.from_seed(5)


def rng(seed=1):
    """A fresh source of draws."""
    return np.random.default_rng(seed)


def test_sheets_have_one_width_everywhere():
    """Near a sheet the tile is a distance in mm: it rises by about 1 mm a mm across it."""
    tile = sheets(rng(), (512, 512), FINE_SPACING_MM, 14.0, 1.0)
    rise = np.hypot(*np.gradient(tile, FINE_SPACING_MM))
    near = rise[np.abs(tile) < 0.15]
    assert 0.7 < np.median(near) < 1.3
    assert np.percentile(near, 75) / np.percentile(near, 25) < 1.8


def test_gland_fraction_follows_the_density(bank):
    """More gland is grown in denser breasts, and never where there is no breast."""
    anatomies = sorted((draw_anatomy(rng(k), "L") for k in range(6)), key=lambda a: a.density)
    shares = []
    for anatomy in (anatomies[0], anatomies[-1]):
        silhouette = draw_silhouette(rng(), anatomy, "CC", GRID)
        tissue = grow_parenchyma(rng(), anatomy, bank, "CC", silhouette)
        assert tissue.gland.min() >= 0.0
        assert tissue.gland[:, silhouette.inside_mm <= 0].max() == 0.0
        shares.append(float(tissue.gland.mean(axis=0)[silhouette.inside_mm > 5].mean()))
    assert shares[1] > 2.0 * shares[0]


def test_muscle_is_a_share_and_as_steep_as_measured():
    """Shares lie in 0..1; the wedge's angle has the median of real films, 23 degrees, to 4."""
    anatomy = draw_anatomy(rng(3), "L")
    x, y = GRID.axes_mm()
    angles = []
    for seed in range(30):
        share = draw_muscle(rng(seed), anatomy, 140.0, x, y)
        assert share.min() >= 0.0
        assert share.max() <= 1.0
        width = (share > 0.5 * share.max()).sum(axis=1)
        rows = np.flatnonzero(width > 0)
        angles.append(np.degrees(np.arctan(-np.polyfit(rows, width[rows], 1)[0])))
    assert abs(np.median(angles) - 23.0) < 4.0


def test_folds_are_skin_in_some_views_and_stay_inside():
    """Between a fifth and two thirds of the views have folds, a few mm deep, none outside."""
    x, y = GRID.axes_mm()
    inside = np.clip(100.0 - x, 0.0, None) + 0.0 * y
    drawn = [draw_folds(rng(seed), 90.0, inside, x, y) for seed in range(40)]
    having = sum(d.max() > 0.5 for d in drawn)
    assert 8 <= having <= 27
    assert max(float(d.max()) for d in drawn) < 16.0
    assert all(d[inside <= 0].max() == 0.0 for d in drawn)


def test_thickness_rises_to_full():
    """The compressed breast is 0 mm thick at the skin, full further in, and never sinks."""
    depth = np.linspace(0.0, 60.0, 200, dtype=np.float32)
    thick = thickness_mm(depth, 55.0, 30.0)
    assert thick[0] == 0.0
    assert (np.diff(thick) >= 0).all()
    assert thick[depth > 30.0] == pytest.approx(55.0, rel=1e-5)


def test_film_is_brighter_behind_more_tissue():
    """Grey rises with attenuation over the whole of the curve, and stays near 0..1."""
    mu = Attenuation.at(20.0)
    ramp = np.linspace(0.0, 4.5, 300, dtype=np.float32)[None, :] * np.ones((64, 1), np.float32)
    grey = expose_film(rng(), ramp, 55.0, mu, 0.2).mean(axis=0)
    steps = grey.reshape(20, 15).mean(axis=1)
    assert (np.diff(steps) > 0).all()
    assert steps[0] < 0.1
    assert steps[-1] > 0.75


def test_digital_flattens_the_edge_and_metal_does_not_darken_its_surroundings():
    """Fat has one grey from 8 to 40 mm inside the skin, with or without metal beside it."""
    mu = Attenuation.at(20.0)
    inside = np.clip(60.0 - 0.4 * np.arange(300, dtype=np.float32), 0.0, None)
    inside = np.ones((200, 1), np.float32) * inside[None, :]
    thick = thickness_mm(inside, 55.0, 30.0)
    fat = np.float32(mu.adipose) * thick
    metal = fat.copy()
    metal[90:110, 20:40] += 20.0
    plain, beside = (
        process_digital(rng(4), image, thick, inside, 55.0, mu, 0.4) for image in (fat, metal)
    )
    shell = (inside > 8) & (inside < 40)
    assert plain[shell].std() < 0.06
    near = np.zeros(shell.shape, bool)
    near[70:80, 20:40] = True
    assert beside[near].mean() > plain[near].mean() - 0.12
    assert plain[inside <= 0].max() == 0.0


def test_masses_do_not_lie_over_the_muscle(bank):
    """No mass of a few views has its centre over the pectoral muscle."""
    seen = 0
    for seed in range(60, 62):
        study = generate_study(
            seed,
            pixel_spacing_mm=0.3,
            masses=4,
            clusters=0,
            signs=(),
            implant="none",
            views=(("L", "MLO"), ("R", "MLO")),
            bank=bank,
        )
        for view in study.views:
            for lesion in view.lesions:
                if lesion.kind != MASS:
                    continue
                column, row = (int(c) for c in lesion.centre_px)
                assert not view.landmarks.pectoral[row, column]
                assert lesion.contrast > 0.0
                seen += 1
    assert seen >= 4
