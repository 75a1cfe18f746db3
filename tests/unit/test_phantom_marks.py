"""What lies on a picture but is not breast: on the film, on the skin, over the breast."""

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.phantom import draw_recipe, finish, generate_study
from mammo_node.phantom.anatomy import draw_anatomy
from mammo_node.phantom.dust import HAIR_MM, _hair, add_dust
from mammo_node.phantom.ground import lay_ground
from mammo_node.phantom.kinds import SKIN_MARKER
from mammo_node.phantom.look import BLACK, WHITE, FilmSheet, Spot
from mammo_node.phantom.metal import BALL, RING, WIRE, add_skin_marker
from mammo_node.phantom.paddle import add_paddle_edge, spot_image
from mammo_node.phantom.physics import Attenuation
from mammo_node.phantom.scene import build_scene
from mammo_node.phantom.sheet import add_sheet
from mammo_node.phantom.study import grid_of

PITCH_MM = 0.8
CLEAN = FilmSheet(
    labels=0.0,
    tape=0.0,
    scratches=0.0,
    streaks=0.0,
    streak_depth=0.02,
    frame_mm=0.0,
    frame_shade=WHITE,
    canvas=None,
    levels=4096,
)


@pytest.fixture(scope="module")
def scene(texture_bank):
    """A left craniocaudal view up to the detector."""
    anatomy = draw_anatomy(np.random.default_rng(6), "L")
    rng = np.random.default_rng(7)
    return build_scene(
        lay_ground(rng, anatomy, texture_bank, "CC", grid_of(PITCH_MM), Attenuation.at(20.0))
    )


def marked(seed=1, **changes):
    """A grey sheet, 0.3 everywhere with a breast on the left, with these things on it."""
    grey = np.full((300, 240), 0.3, dtype=np.float32)
    inside_mm = np.zeros(grey.shape, dtype=np.float32)
    inside_mm[80:220, :90] = 10.0
    add_sheet(np.random.default_rng(seed), replace(CLEAN, **changes), grey, inside_mm, PITCH_MM)
    return grey, inside_mm > 0


def test_marks_on_magnified_film_keep_their_size(monkeypatch, texture_bank):
    """A hair lies on the film: a breast that is magnified does not make it longer."""
    pitches = []
    monkeypatch.setattr(finish, "add_film_marks", lambda _rng, _grey, pitch: pitches.append(pitch))
    recipe = draw_recipe(3, "film", spot=True)
    for magnification in (1.0, 1.8):
        look = replace(recipe, spot=replace(recipe.spot, magnification=magnification))
        generate_study(3, pixel_spacing_mm=0.9, look=look, views=[("L", "CC")], bank=texture_bank)
    assert pitches == pytest.approx([0.9, 0.9])


def test_a_clean_sheet_stays_clean():
    """Without marks nothing changes."""
    grey, _ = marked()
    assert (grey == np.float32(0.3)).all()


def test_labels_lie_beside_the_breast():
    """Paper labels are bright, have dark strokes, and never cover the breast."""
    grey, breast = marked(labels=6.0)
    assert (grey[breast] == np.float32(0.3)).all()
    assert grey.max() > 0.5
    assert grey.min() < 0.25


def test_tape_brightens_a_corner_a_little():
    """Tape adds a little light, and to less than half of the sheet."""
    grey, _ = marked(tape=4.0)
    changed = grey != np.float32(0.3)
    assert 0.001 < changed.mean() < 0.5
    assert grey[changed].mean() > 0.3


@pytest.mark.parametrize(("shade", "low", "high"), [(WHITE, 0.75, 1.0), (BLACK, 0.0, 0.05)])
def test_frames_are_at_the_edges(shade, low, high):
    """A border lies within 20 mm of the edges, bright or dark as the recipe says."""
    grey, _ = marked(seed=3, frame_mm=6.0, frame_shade=shade)
    inner = int(20 / PITCH_MM)
    assert (grey[inner:-inner, inner:-inner] == np.float32(0.3)).all()
    edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert ((edges >= low) & (edges <= high)).mean() > 0.3


def test_streaks_run_through_the_whole_film():
    """Each changed pixel belongs to a row or a column that changed from end to end."""
    grey, _ = marked(streaks=5.0)
    changed = grey != np.float32(0.3)
    through = changed.all(axis=1)[:, None] | changed.all(axis=0)[None, :]
    assert changed.any()
    assert (changed == through).all()


@pytest.mark.parametrize("kind", [BALL, WIRE, RING])
def test_skin_markers_are_opaque_and_told(scene, kind):
    """A marker lets almost nothing through within its box and changes nothing outside of it."""
    image = scene.log_attenuation.copy()
    truth = add_skin_marker(np.random.default_rng(2), scene, image, kind, 201)
    added = image - scene.log_attenuation
    assert added.max() > 2.0
    assert (truth.kind, truth.variety, truth.malignant_looking) == (SKIN_MARKER, kind, False)
    x0, y0, x1, y1 = (round(edge) for edge in truth.box_px)
    added[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 0.0
    assert np.abs(added).max() < 1e-6


def test_the_paddle_edge_is_a_line_at_the_chest_wall(scene):
    """Attenuation grows along the chest wall, and nowhere beyond 15 mm from it."""
    image = scene.log_attenuation.copy()
    add_paddle_edge(np.random.default_rng(2), scene, image)
    added = image - scene.log_attenuation
    assert added.max() > 0.02
    assert np.abs(added[:, int(15 / PITCH_MM) :]).max() < 1e-4


@pytest.mark.parametrize("round_paddle", [True, False])
def test_a_spot_paddle_thins_what_is_under_it(scene, round_paddle):
    """The breast is thinner under the paddle, as it was far from it, and its rim shows."""
    centre = np.array([0.5 * scene.nipple_px[0], scene.nipple_px[1]])
    spot = Spot(1.0, round_paddle, 60.0)
    made = spot_image(np.random.default_rng(4), scene, scene.log_attenuation, spot, centre)
    ratio = made / np.maximum(scene.log_attenuation, 1e-3)
    column, row = (int(c) for c in centre)
    assert 0.8 < ratio[row, column] < 0.97
    far = np.zeros(made.shape, dtype=bool)
    far[:, int(centre[0] + 60.0 / PITCH_MM) :] = True
    far &= scene.inside_mm > 2.0
    assert np.allclose(ratio[far], 1.0, atol=0.02)
    assert (made > scene.log_attenuation + 0.02).any()


def test_film_recipes_differ_in_every_mark():
    """Over 200 film recipes the rate of every mark varies by a third of its mean or more."""
    sheets = [draw_recipe(seed, "film").film for seed in range(200)]
    for name in ("labels", "tape", "scratches", "streaks", "streak_depth", "frame_mm"):
        values = [getattr(sheet, name) for sheet in sheets]
        assert np.std(values) > np.mean(values) / 3 > 0, name
    assert 0.2 < np.mean([sheet.frame_mm > 0 for sheet in sheets]) < 0.4
    assert 0.3 < np.mean([sheet.streaks > 0 for sheet in sheets]) < 0.5


def test_dust_is_white_and_crisp_and_covers_little():
    """Marks only brighten, none beyond white, and their edges are a pixel wide."""
    grey = np.full((800, 800), 0.3, dtype=np.float32)
    add_dust(np.random.default_rng(3), grey, 0.1, marks=200.0)
    there = grey > np.float32(0.3)
    assert 20 < there.sum() < 0.02 * grey.size
    assert grey.min() == np.float32(0.3)
    assert 0.8 < grey.max() <= 1.0
    assert np.abs(np.diff(grey, axis=1)).max() > 0.4


def test_small_dust_covers_only_part_of_a_pixel():
    """A speck as wide as half a pixel does not become a white pixel."""
    fine, coarse = (np.zeros((size, size), dtype=np.float32) for size in (2000, 200))
    for image, pitch_mm in ((fine, 0.05), (coarse, 0.5)):
        for seed in range(8):
            add_dust(np.random.default_rng(seed), image, pitch_mm, marks=40.0)
    assert 0.5 < coarse.sum() * 0.5**2 / (fine.sum() * 0.05**2) < 2.0


def test_a_hair_is_as_long_as_it_was_drawn():
    """The way along its points is the length that was drawn for it, whatever the pitch."""
    for seed in range(20):
        points = _hair(np.random.default_rng(seed), 0.1)
        drawn = np.random.default_rng(seed).uniform(*HAIR_MM)
        assert np.linalg.norm(np.diff(points, axis=0), axis=1).sum() * 0.1 == pytest.approx(drawn)
