"""Asymmetries: islands that stand out in both views, and summation that one view alone shows."""

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.asymmetry import Region, draw_asymmetry
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.kinds import ASYMMETRY, FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.settling import LEAST, Site, settled
from mammo_node.phantom.study import grid_of

PITCH_MM = 0.4


@pytest.fixture(scope="module")
def anatomy():
    """A breast of little gland, in which an asymmetry has many places."""
    return draw_pair(np.random.default_rng(3))[0]


@pytest.fixture(scope="module")
def sites(anatomy, texture_bank):
    """Where asymmetries may lie in its two views."""
    grid, mu = grid_of(PITCH_MM), Attenuation.at(20.0)
    return {
        view: Site.of(lay_ground(np.random.default_rng(3), anatomy, texture_bank, view, grid, mu))
        for view in ("CC", "MLO")
    }


def drawn(anatomy, kind, count):
    """So many asymmetries of a kind."""
    return [draw_asymmetry(np.random.default_rng([7, i]), anatomy, kind, i) for i in range(count)]


def test_regions_are_turned_ellipsoids():
    """One radius from the middle, along each turned half axis, the distance is 1."""
    region = Region((10.0, 4.0, 6.0), 0.0, off_mm=(1.0, 2.0, 3.0), turn_deg=90.0)
    x, up, depth = (
        np.array(values)
        for values in ([1.0, 1.0, 5.0, 1.0], [2.0, 12.0, 2.0, 2.0], [3.0, 3.0, 3.0, 9.0])
    )
    assert np.allclose(region.distance(x, up, depth), [0.0, 1.0, 1.0, 1.0], atol=1e-6)


def test_most_of_one_view_are_bands_that_cross(anatomy):
    """Five of six are long regions one behind another; what both views show is one island."""
    one_view = drawn(anatomy, ASYMMETRY, 200)
    bands = [a.regions for a in one_view if len(a.regions) > 1]
    assert 0.75 < len(bands) / len(one_view) < 0.91
    for regions in bands:
        depths = [region.off_mm[2] for region in regions]
        assert np.diff(depths).min() > 0.2 * anatomy.thickness_mm
        assert all(region.radii_mm[0] > 1.5 * region.radii_mm[1] for region in regions)
        turns = np.sort([region.turn_deg % 180.0 for region in regions])
        assert np.diff([*turns, turns[0] + 180.0]).min() > 40.0
    for kind in (FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY):
        assert all(
            a.views == ("CC", "MLO") and len(a.regions) == 1 for a in drawn(anatomy, kind, 9)
        )


def test_where_bands_cross_there_is_most(anatomy, sites):
    """A band alone adds little more than half of what the two have where they cross."""
    found = 0
    for asymmetry in drawn(anatomy, ASYMMETRY, 12):
        if len(asymmetry.regions) != 2:
            continue
        (view,) = asymmetry.views
        lying = settled(asymmetry, [sites[view]])
        if not lying.places:
            continue
        found += 1
        both = sites[view].added(lying).mean(axis=0)
        for band in lying.regions:
            alone = sites[view].added(replace(lying, regions=(band,))).mean(axis=0)
            assert alone.max() < 0.75 * both.max()
    assert found >= 2


def test_asymmetries_lie_where_they_are_seen(anatomy, sites):
    """Of sixty places one is taken at which an asymmetry stands out in every view that has it."""
    asymmetries = drawn(anatomy, FOCAL_ASYMMETRY, 10)
    lying = [
        (one, found) for one in asymmetries if (found := settled(one, [*sites.values()])).places
    ]
    assert len(lying) >= 3
    for one, found in lying:
        assert found.places[0] in one.places
        assert found.share <= one.share
        for site in sites.values():
            assert site.standing_out(replace(found, share=one.share)) >= LEAST
            assert site.standing_out(found) >= 0.8


def test_where_all_is_gland_no_asymmetry_is_seen(anatomy, sites):
    """A breast as dense as the asymmetry itself in one of its views has no place for it."""
    (asymmetry,) = drawn(anatomy, FOCAL_ASYMMETRY, 1)
    assert settled(asymmetry, [*sites.values()]).places
    full = replace(sites["MLO"], gland=np.ones_like(sites["MLO"].gland))
    assert settled(asymmetry, [sites["CC"], full]).places == ()


def test_a_second_asymmetry_finds_the_first(anatomy, sites):
    """Where one lies already, the same one adds next to nothing."""
    site = sites["CC"]
    lying = next(
        found
        for one in drawn(anatomy, FOCAL_ASYMMETRY, 10)
        if (found := settled(one, [site])).places
    )
    assert site.holding(lying).added(lying).mean() < 0.7 * site.added(lying).mean()
    assert site.holding(replace(lying, only_in="MLO")) is site
