"""Architectural distortion: tissue drawn together is denser, and only where it is drawn."""

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.distortion import distort, draw_distortion
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.scene import build_scene
from mammo_node.phantom.study import grid_of

PITCH_MM = 0.6
POINT_MM = (45.0, 5.0, 5.0)


@pytest.fixture(scope="module")
def scene(texture_bank):
    """A craniocaudal view."""
    anatomy = draw_pair(np.random.default_rng(8))[0]
    rng, grid = np.random.default_rng(8), grid_of(PITCH_MM)
    return build_scene(lay_ground(rng, anatomy, texture_bank, "CC", grid, Attenuation.at(20.0)))


def with_distortion(scene, density):
    """Attenuation with a distortion in the middle of the breast, its centre, and its truth."""
    made = replace(scene, log_attenuation=scene.log_attenuation.copy())
    centre = scene.to_pixel(POINT_MM)
    drawn = replace(draw_distortion(np.random.default_rng(4)), radius_mm=15.0, density=density)
    truth = distort(made, drawn, centre, 101, malignant_looking=True)
    return made.log_attenuation, centre, truth


def test_tissue_is_denser_where_it_is_gathered(scene):
    """Half as dense again at the point, less farther out, and nothing beyond the radius."""
    without, centre, first = with_distortion(scene, 0.0)
    gathered, _, second = with_distortion(scene, 0.5)
    more = gathered - without
    rows, columns = np.indices(more.shape)
    away_mm = PITCH_MM * np.hypot(columns + 0.5 - centre[0], rows + 0.5 - centre[1])
    assert more.min() >= 0.0
    assert np.abs(more[away_mm > 15.0]).max() == 0.0
    above_fat = without - scene.mu.adipose * scene.thickness_mm
    near = away_mm < 1.0
    assert more[near].sum() == pytest.approx(0.48 * above_fat[near].sum(), rel=0.05)
    assert more[away_mm < 5.0].mean() > more[(away_mm > 10.0) & (away_mm < 15.0)].mean()
    assert first.box_px == second.box_px


def test_distortions_are_drawn_with_and_without_density():
    """From tissue that is only bent to half as much again."""
    densities = [draw_distortion(np.random.default_rng(seed)).density for seed in range(100)]
    assert min(densities) < 0.05
    assert 0.45 < max(densities) < 0.5
