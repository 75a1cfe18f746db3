"""Masses: soft surfaces, thin spicules, and places where they stand out as they were asked to."""

from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import regionprops

from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.insertion import mass_in_view
from mammo_node.phantom.mass import VARIETIES, draw_mass, project_mass
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.placement import place_mass
from mammo_node.phantom.scene import build_scene
from mammo_node.phantom.study import grid_of
from mammo_node.phantom.visibility import mass_visibility

PITCH_MM = 0.6
CENTRE = (500.0, 500.0)


@pytest.fixture(scope="module")
def anatomy():
    """The breast that masses are put into."""
    return draw_pair(np.random.default_rng(8))[0]


@pytest.fixture(scope="module")
def scene(anatomy, texture_bank):
    """Its craniocaudal view."""
    rng = np.random.default_rng(8)
    return build_scene(
        lay_ground(rng, anatomy, texture_bank, "CC", grid_of(PITCH_MM), Attenuation.at(20.0))
    )


@pytest.fixture(scope="module")
def both(anatomy, scene, texture_bank):
    """Its two views."""
    grid, mu = grid_of(PITCH_MM), Attenuation.at(20.0)
    rng = np.random.default_rng(9)
    return scene, build_scene(lay_ground(rng, anatomy, texture_bank, "MLO", grid, mu))


def ball(rim, radius_mm=8.0):
    """A round mass without roughness or spicules."""
    return replace(
        draw_mass(np.random.default_rng(1)),
        variety="round",
        radius_mm=radius_mm,
        axes=(1.0, 1.0, 1.0),
        waves=np.zeros((1, 5), dtype=np.float32),
        margin_mm=0.4,
        rim=rim,
        spicules=np.zeros((0, 6), dtype=np.float32),
        texture_mm=0.0,
        pull_strength=0.0,
    )


def profile(mass, anatomy):
    """Path length from the middle outwards, mm, every 0.2 mm."""
    patch = project_mass(mass, anatomy, "CC", CENTRE, 0.2)
    return patch.values[round(500 - patch.row), round(500 - patch.column) :]


def test_an_indistinct_margin_falls_off_slowly(anatomy):
    """A thinning surface halves the steepest fall, and leaves the middle as deep as it was."""
    sharp, soft = (profile(ball(rim), anatomy) for rim in (0.1, 1.1))
    assert soft[0] == pytest.approx(sharp[0], rel=0.1)
    assert np.diff(soft).min() > 0.5 * np.diff(sharp).min()
    # Nothing of it is cut off at the patch's edge.
    assert soft[-1] < 0.05 * soft[0]


def test_spicules_begin_at_the_margin(anatomy):
    """A core stays as homogeneous as it is without them; lines lead from its margin outwards."""
    rays = np.array(
        [[np.cos(t), 0.0, np.sin(t), 1.2, 0.09, 0.0] for t in np.arange(0.0, 6.2, 0.5)],
        dtype=np.float32,
    )
    bare = ball(0.3)
    with_rays, without = (
        project_mass(m, anatomy, "CC", CENTRE, 0.2) for m in (replace(bare, spicules=rays), bare)
    )
    rows, columns = np.indices(with_rays.values.shape)
    away = np.hypot(columns + with_rays.column - 500, rows + with_rays.row - 500) * 0.2
    core = np.zeros_like(with_rays.values)
    margin = round(without.row - with_rays.row)
    size = len(without.values)
    core[margin : margin + size, margin : margin + size] = without.values
    added = with_rays.values - core
    assert added[away < 0.6 * bare.radius_mm].max() < 0.05
    assert added[(away > 1.3 * bare.radius_mm) & (away < 1.6 * bare.radius_mm)].max() > 0.5


def test_spicules_of_a_large_mass_are_thin(anatomy):
    """No spicule of a mass of 4 cm adds more than a sheet of 1.2 mm, seen edge on, can."""
    spicules = np.array(
        [[np.cos(t), 0.0, np.sin(t), 1.2, 0.09, 0.0] for t in np.arange(0.0, 6.2, 0.5)],
        dtype=np.float32,
    )
    bare = ball(0.5, 20.0)
    rays = replace(bare, spicules=spicules)
    centre = (1000.0, 1000.0)
    with_rays, without = (project_mass(m, anatomy, "CC", centre, 0.2) for m in (rays, bare))
    margin = round(without.row - with_rays.row)
    added = with_rays.values.copy()
    size = len(without.values)
    added[margin : margin + size, margin : margin + size] -= without.values
    assert 1.0 < added.max() <= 1.2 * 3.2 + 0.3


def standing_out(scene, mass, point):
    """Core minus ring, over the ring's deviation, after the mass was put there."""
    image = scene.log_attenuation.copy()
    mass_in_view(scene, image, mass, point, 1).added.add_to(image)
    column, row = scene.to_pixel(point)
    rows, columns = np.indices(image.shape)
    distance = np.hypot(columns - column, rows - row) * PITCH_MM / mass.radius_mm
    ring = image[(distance > 1.15) & (distance < 1.9)]
    return float((image[distance < 0.7].mean() - ring.mean()) / ring.std())


def test_what_is_estimated_of_a_place_comes_true(scene):
    """Places rank as they will once the mass is there: the tissue that is there counts too."""
    mass, rng = ball(0.5, 7.0), np.random.default_rng(4)
    points = [p for p in (place_mass(rng, (scene,), mass, []) for _ in range(14)) if p is not None]
    estimated = [mass_visibility(scene, point, mass)[1] for point in points]
    reached = [standing_out(scene, mass, point) for point in points]
    assert len(points) > 8
    order = [np.argsort(np.argsort(values)) for values in (estimated, reached)]
    assert np.corrcoef(*order)[0, 1] > 0.7


def test_a_mass_is_seen_by_what_it_adds_itself(scene):
    """No box lies on gland that merely happens to be bright: the mass adds most of what is seen."""
    rng = np.random.default_rng(6)
    contrasts = []
    for _ in range(12):
        mass = draw_mass(rng)
        point = place_mass(rng, (scene,), mass, [])
        if point is not None:
            put = mass_in_view(scene, scene.log_attenuation, mass, point, 1)
            contrasts.append(put.truth.contrast)
    assert len(contrasts) > 6
    assert min(contrasts) > 0.3
    assert np.median(contrasts) > 0.7


def test_a_core_is_textured_but_no_large_mass_is_mottled(anatomy):
    """Depth varies by fractions of a millimetre, however large the mass; not beyond its rim."""
    for radius_mm in (6.0, 20.0):
        plain, textured = (
            project_mass(replace(ball(0.5, radius_mm), texture_mm=mm), anatomy, "CC", CENTRE, 0.2)
            for mm in (0.0, 0.5)
        )
        change = textured.values - plain.values
        core = plain.values > 0.5 * plain.values.max()
        assert 0.25 < change[core].std() < 0.75
        assert np.abs(change[plain.values == 0.0]).max() == 0.0


def test_few_masses_are_cut_by_the_edge_of_the_picture(scene):
    """A mass keeps its radius and some more from the edges, in every view."""
    mass, rng = ball(0.5, 9.0), np.random.default_rng(5)
    for _ in range(5):
        point = place_mass(rng, (scene,), mass, [])
        if point is not None:
            column, row = scene.to_pixel(point)
            assert min(column, row) * PITCH_MM > mass.radius_mm
            assert (scene.grid.rows - row) * PITCH_MM > mass.radius_mm


def test_masses_lie_in_front_and_behind(scene):
    """Where to look is drawn before a quiet place is sought, so that none draws all."""
    mass, rng = ball(0.5, 6.0), np.random.default_rng(8)
    points = [p for p in (place_mass(rng, (scene,), mass, []) for _ in range(40)) if p is not None]
    shares = np.array([point[0] for point in points]) / scene.anatomy.depth_mm
    assert len(points) > 30
    assert (shares > 0.55).mean() > 0.25
    assert (shares < 0.45).mean() > 0.25


def test_a_mass_stands_out_by_as_much_as_it_is_told(both):
    """The figure is the published one: disc less ring around the box, over the ring's deviation."""
    mass, scene = ball(0.5, 7.0), both[0]
    point = place_mass(np.random.default_rng(2), both, mass, [])
    view = mass_in_view(scene, scene.log_attenuation, mass, point, 1)
    image = scene.log_attenuation.copy()
    view.added.add_to(image)
    x0, y0, x1, y1 = view.truth.box_px
    rows, columns = np.indices(image.shape) + 0.5
    radius = max(x1 - x0, y1 - y0) / 2
    away = np.hypot(columns - (x0 + x1) / 2, rows - (y0 + y1) / 2) / radius
    ring = image[(away > 1.15) & (away < 1.9) & (scene.inside_mm > 0)]
    measured = (image[away < 0.7].mean() - ring.mean()) / ring.std()
    assert view.stands_out == pytest.approx(measured, rel=1e-3)


def masses_of(variety, count=30):
    """So many masses of one shape."""
    rng = np.random.default_rng(2)
    drawn = (draw_mass(rng) for _ in range(1000))
    return [mass for mass in drawn if mass.variety == variety][:count]


def test_its_shape_tells_what_looks_malignant():
    """Irregular and spiculated masses do, and their margins are softer; no other does."""
    rims = {}
    for variety in VARIETIES:
        masses = masses_of(variety)
        looks = {mass.malignant_looking for mass in masses}
        assert looks == {variety in {"irregular", "spiculated"}}
        rims[variety] = np.mean([mass.rim for mass in masses])
    assert min(rims["irregular"], rims["spiculated"]) > max(rims["round"], rims["lobulated"])


def test_irregular_outlines_turn_in(anatomy):
    """Less of their convex hull is filled than of a lobulated mass's, and of a round one's most."""
    filled = {}
    for variety in ("round", "lobulated", "irregular"):
        shapes = [
            replace(mass, radius_mm=8.0, rim=0.3, margin_mm=0.4, texture_mm=0.0,
                    spicules=mass.spicules[:0])
            for mass in masses_of(variety)
        ]  # fmt: skip
        paths = [project_mass(mass, anatomy, "CC", CENTRE, 0.2).values for mass in shapes]
        regions = [regionprops((path > 0.3 * path.max()).astype(int))[0] for path in paths]
        filled[variety] = np.mean([region.solidity for region in regions])
    assert filled["irregular"] < filled["lobulated"] - 0.01 < filled["round"] - 0.01


def test_no_part_of_a_mass_is_cut_off():
    """The ball that is said to hold it does, whatever its lobes, and is hardly larger."""
    rng = np.random.default_rng(3)
    directions = rng.standard_normal((3, 20000))
    directions /= np.linalg.norm(directions, axis=0)
    for mass in (mass for variety in VARIETIES for mass in masses_of(variety, 8)):
        k, phase, weight = mass.waves[:, :3], mass.waves[:, 3:4], mass.waves[:, 4:]
        radius = 1.0 + (weight * np.sin(k @ directions + phase)).sum(axis=0) + 0.5 * mass.rim
        away = radius * np.linalg.norm(directions * np.array(mass.axes)[:, None], axis=0)
        assert 0.98 * away.max() < mass.extent_mm / mass.radius_mm < 1.3 * away.max()
