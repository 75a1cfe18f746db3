"""Looks: one recipe from a seed, pictures that the node reads back, truth that moves along."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.phantom import VENDORS, draw_recipe, generate_study
from mammo_node.phantom.anatomy import draw_anatomy
from mammo_node.phantom.dicom import write_study
from mammo_node.phantom.framing import Field
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.look import BLACK, GREY, WHITE
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.scene import build_scene
from mammo_node.phantom.stored import store
from mammo_node.phantom.study import grid_of
from mammo_node.vocabulary import InstanceRef, MammoImage, Refusal, RefusalReason

VIEWS = (("R", "CC"), ("L", "MLO"))
PITCH_MM = 0.8


@pytest.fixture(scope="module")
def bank(texture_bank):
    """The tiles of all studies."""
    return texture_bank


def make(bank, seed=6, **options):
    """A small study of two views."""
    options = {"pixel_spacing_mm": PITCH_MM, "views": VIEWS, "implant": "none"} | options
    return generate_study(seed, bank=bank, **options)


def read(study, folder):
    """What the node's reader makes of each view."""
    policy = Policy(implants=True)
    made = []
    for path in write_study(study, folder):
        ref = InstanceRef("1.2", "1.2.3", "1.2.4", "1.2.5", "00")
        made.append(read_mammogram(path, ref, policy))
    return made


def test_draws_cover_every_range():
    """Among 500 recipes there is every vendor with every way of storing, and every film extra."""
    drawn = [draw_recipe(seed) for seed in range(500)]
    assert {look.vendor for look in drawn} == set(VENDORS)
    for vendor in VENDORS.values():
        mine = [look for look in drawn if look.vendor == vendor.key]
        assert {look.bits_stored for look in mine} == set(vendor.bits_stored)
        assert {look.photometric for look in mine} == set(vendor.photometric)
        assert {look.voi for look in mine} == set(vendor.voi)
    assert 0.45 < np.mean([look.family == "film" for look in drawn]) < 0.65
    sheets = [look.film for look in drawn if look.film is not None]
    assert {sheet.canvas for sheet in sheets} == {None, BLACK, WHITE, GREY}
    assert {sheet.levels for sheet in sheets} == {256, 4096}
    assert {sheet.frame_shade for sheet in sheets if sheet.frame_mm} == {BLACK, WHITE}
    assert any(sheet.streaks for sheet in sheets)
    assert any(look.lossy_ratio for look in drawn)
    assert not any(look.for_processing or look.spot for look in drawn)


def test_spots_cover_their_range():
    """Spot views are round or square, magnified or not."""
    spots = [draw_recipe(seed, spot=True).spot for seed in range(60)]
    assert {spot.magnification for spot in spots} == {1.0, 1.5, 1.8}
    assert {spot.round_paddle for spot in spots} == {True, False}


def test_a_recipe_depends_on_its_arguments_alone():
    """The same seed and name give an equal recipe, another seed another."""
    assert draw_recipe(7) == draw_recipe(7)
    assert len({repr(draw_recipe(seed, "iris")) for seed in range(20)}) > 10
    assert all(draw_recipe(seed, key).vendor == key for seed in range(3) for key in VENDORS)


def test_unknown_looks_and_implants_are_refused():
    """The errors name what was asked for and what there is."""
    with pytest.raises(ValueError, match=r"no such look: polaroid; there are film, digital, ama"):
        draw_recipe(1, "polaroid")
    with pytest.raises(ValueError, match="film has no detector values"):
        draw_recipe(1, "heather", for_processing=True)
    with pytest.raises(ValueError, match="no such implant: brass; there are silicone, saline"):
        generate_study(1, implant="brass")


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_node_reads_back_what_is_shown(bank, vendor, tmp_path):
    """Every vendor's file gives the phantom's greys in dense-is-bright polarity, and its side."""
    study = make(bank, look=vendor)
    for view, image in zip(study.views, read(study, tmp_path), strict=True):
        assert isinstance(image, MammoImage)
        assert (image.laterality, image.view) == (view.laterality, view.view)
        assert image.spacing.row_mm == pytest.approx(PITCH_MM)
        inverse = image.presentation.inverse
        breast = view.landmarks.breast
        stored = image.stored.astype(float) * (-1 if inverse else 1)
        slope = np.corrcoef(stored[breast], view.pixels[breast].astype(float))[0, 1]
        assert slope > 0.999
        if VENDORS[vendor].padded:
            assert image.padding is not None
            assert not (image.padding & (view.pixels > 0)).any()


@pytest.mark.parametrize("bits", [8, 10, 12, 13, 14, 16])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_stored_values_keep_every_grey(bank, bits, photometric):
    """From 12 bits on no two greys become one; with fewer, as many are left as there is room."""
    study = make(bank, look="borealis", views=(("L", "CC"),))
    ramp = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    breast = np.ones(ramp.shape, dtype=bool)
    view = replace(
        study.views[0],
        pixels=ramp,
        landmarks=replace(study.views[0].landmarks, breast=breast),
    )
    look = replace(study.recipe, bits_stored=bits, photometric=photometric)
    stored = store(view, look)
    assert len(np.unique(stored.values)) == min(4096, 2**bits)
    assert stored.values.max() < 2**bits
    steps = np.diff(stored.values.ravel().astype(int))
    assert (steps <= 0).all() if photometric == "MONOCHROME1" else (steps >= 0).all()


def test_detector_values_are_refused_by_the_node(bank, tmp_path):
    """For Processing: dark where dense, its own SOP class, and the node says why it is refused."""
    study = make(bank, look=draw_recipe(3, for_processing=True))
    for view in study.views:
        air, breast = view.pixels[~view.landmarks.breast], view.pixels[view.inside_mm > 15.0]
        assert np.median(air) > 2 * np.median(breast)
        assert view.pixels.max() < 2**14
    verdicts = read(study, tmp_path)
    assert all(
        isinstance(v, Refusal) and v.reason is RefusalReason.FOR_PROCESSING for v in verdicts
    )


def test_magnified_spots_show_a_part_at_their_scale(bank, tmp_path):
    """Pixels are finer by the factor, the truth stays inside, and the node refuses the view."""
    recipe = next(r for s in range(40) if (r := draw_recipe(s, spot=True)).spot.magnification > 1)
    study = make(bank, look=recipe, masses=3)
    for view in study.views:
        assert view.pixel_spacing_mm == pytest.approx(PITCH_MM / recipe.spot.magnification)
        rows, columns = view.pixels.shape
        for lesion in view.findings:
            assert 0 <= lesion.box_px[0] < lesion.box_px[2] <= columns
            assert 0 <= lesion.box_px[1] < lesion.box_px[3] <= rows
    verdicts = read(study, tmp_path)
    assert all(isinstance(v, Refusal) and v.reason is RefusalReason.PARTIAL_VIEW for v in verdicts)


@pytest.mark.parametrize("filling", ["silicone", "saline"])
def test_implants_hide_what_they_cover(bank, filling):
    """Plain views have a bright shadow that holds no finding; displaced ones at most a sliver."""
    seen = set()
    for seed in (1, 2):
        study = make(bank, seed, implant=filling, masses=2, signs=[], look="borealis")
        for view in study.views:
            shadow = view.landmarks.implant
            share = (shadow & view.landmarks.breast).sum() / view.landmarks.breast.sum()
            assert view.implant == filling
            assert share < 0.1 if view.implant_displaced else 0.1 < share < 0.7
            seen.add(view.implant_displaced)
            for lesion in view.findings:
                assert not shadow[int(lesion.centre_px[1]), int(lesion.centre_px[0])]
            if not view.implant_displaced:
                rest = view.landmarks.breast & ~shadow
                assert np.median(view.pixels[shadow]) > np.median(view.pixels[rest])
    assert seen == {True, False}


def test_a_clipped_nipple_is_told(bank):
    """Where the field ends before the nipple its place is told, outside of the image."""
    recipe = replace(draw_recipe(2, "borealis"), clipped=1.0)
    clipped = 0
    for seed in (28, 39, 51, 53):  # large breasts; others fit
        study = make(bank, seed, look=recipe, signs=[], views=(("R", "CC"),))
        for view in study.views:
            columns = view.pixels.shape[1]
            inside = 0 <= view.nipple_px[0] < columns
            assert view.landmarks.nipple_in_image == inside
            clipped += not inside
    assert clipped >= 1


def test_eight_bit_film_on_a_square(bank):
    """The mini-MIAS-like look has 256 levels on a square, with all truth moved along."""
    study = make(bank, look="juniper", masses=2, signs=[])
    plain = make(
        bank,
        look=replace(study.recipe, film=replace(study.recipe.film, canvas=None)),
        masses=2,
        signs=[],
    )
    for view, before in zip(study.views, plain.views, strict=True):
        assert view.pixels.shape[0] == view.pixels.shape[1]
        assert not (view.pixels % 16).any()
        moved = view.nipple_px[0] - before.nipple_px[0]
        assert moved > 0
        for a, b in zip(view.lesions, before.lesions, strict=True):
            assert a.centre_px[0] - b.centre_px[0] == pytest.approx(moved)
        assert view.landmarks.breast.sum() == before.landmarks.breast.sum()


@pytest.fixture(scope="module")
def at_200_um(bank):
    """A left craniocaudal view at 0.2 mm."""
    return whole_breast(bank, 0.2)


def whole_breast(bank, pitch_mm):
    """The same view at some pitch, up to the detector."""
    anatomy = draw_anatomy(np.random.default_rng(6), "L")
    rng = np.random.default_rng(7)
    grid = grid_of(pitch_mm)
    return build_scene(lay_ground(rng, anatomy, bank, "CC", grid, Attenuation.at(20.0)))


@pytest.mark.parametrize("pitch_mm", [0.05, 0.07, 0.1])
def test_pitches_show_the_same_breast(bank, at_200_um, pitch_mm):
    """From 50 to 200 um the breast has the same size and the nipple the same place in mm."""
    scene = whole_breast(bank, pitch_mm)
    area, expected = ((s.inside_mm > 0).sum() * s.grid.pitch_mm**2 for s in (scene, at_200_um))
    assert area == pytest.approx(expected, rel=0.02)
    for a, b in zip(scene.nipple_seen_px, at_200_um.nipple_seen_px, strict=True):
        assert a * pitch_mm == pytest.approx(b * 0.2, abs=1.0)


@given(left=st.integers(-20, 20), top=st.integers(-20, 20), size=st.integers(30, 90))
@settings(max_examples=25, deadline=None)
def test_a_field_moves_pixels_and_points_alike(left, top, size):
    """A marked pixel is found where its middle was moved to, or not at all when it is cut off."""
    image = np.zeros((60, 50), dtype=np.uint16)
    image[31, 17] = 7
    field = Field(left, top, size, size)
    column, row = field.move((17.5, 31.5))
    cut = field.cut(image)
    if 0 <= column < size and 0 <= row < size:
        assert cut[int(row), int(column)] == 7
    assert (cut == 7).sum() == (0 <= column < size and 0 <= row < size)
