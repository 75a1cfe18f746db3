"""The measures of realism: each finds what was put into a made-up picture."""

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn")

from mammo_node.phantom import TextureBank
from mammo_node.phantom.noise import power_law
from training.realism.classifier import tell_apart
from training.realism.lesions import cluster_figures, mass_figures
from training.realism.phantoms import phantom_views
from training.realism.real import Mammogram
from training.realism.sheets import write_sheets
from training.realism.statistics import (
    direction,
    fat_profile,
    measure,
    pectoral_shape,
    spectral_slope,
    texture,
)
from training.realism.table import as_text, compare
from training.realism.view import (
    BACKGROUND,
    FAT,
    PECTORAL,
    PITCH_MM,
    TissueView,
    make_view,
)
from training.realism.with_clusters import mammograms_with_clusters
from training.realism.with_masses import films_with_masses

SHAPE = (640, 400)


def flat(grey):
    """A view that is fat everywhere."""
    return TissueView("flat", grey.astype(np.float32), np.full(grey.shape, FAT, np.uint8))


def half_disc(radius_mm=70.0):
    """A breast like a half disc, chest wall on the left: its view, and depth inside the skin."""
    rows, columns = np.indices(SHAPE)
    distance = np.hypot(rows - SHAPE[0] / 2, columns) * PITCH_MM
    tissue = np.where(distance < radius_mm, FAT, BACKGROUND).astype(np.uint8)
    grey = np.clip((radius_mm - distance) / radius_mm, 0, 1).astype(np.float32)
    return TissueView("disc", grey, tissue), radius_mm - distance


@pytest.mark.parametrize("beta", [2.5, 3.2, 4.0])
def test_spectral_slope_of_a_known_field(beta):
    """The exponent of a power-law field is read back to a quarter."""
    field = power_law(np.random.default_rng(1), (512, 512), PITCH_MM, beta, 500.0)
    assert spectral_slope(field, np.ones(field.shape, bool)) == pytest.approx(beta, abs=0.25)


def test_bands_grow_with_contrast_and_tell_the_sign():
    """Twice the contrast, twice the deviation; bright lines on fat have positive skew."""
    field = np.random.default_rng(2).normal(size=(300, 300)).astype(np.float32)
    region = np.ones(field.shape, bool)
    one, two = texture(field, region, "x"), texture(2 * field, region, "x")
    assert two["x sd 1.2"] == pytest.approx(2 * one["x sd 1.2"], rel=1e-3)
    lines = np.zeros_like(field)
    lines[::40] = 1.0
    assert texture(lines, region, "x")["x skew 0.3"] > 1.0
    assert texture(-lines, region, "x")["x skew 0.3"] < -1.0


def test_lines_to_the_nipple_are_aligned_and_lines_across_are_not():
    """Horizontal lines on a breast whose nipple is far to the right run to it."""
    rows, columns = np.indices(SHAPE)
    near_axis = np.zeros(SHAPE, bool)
    near_axis[250:390, :200] = True
    view = half_disc(90.0)[0]
    along = TissueView("a", np.sin(rows / 3.0).astype(np.float32), view.tissue)
    across = TissueView("b", np.sin(columns / 3.0).astype(np.float32), view.tissue)
    found, crossed = (direction(v, near_axis, "x") for v in (along, across))
    assert found["x to nipple"] > 0.8
    assert crossed["x to nipple"] < -0.8
    assert found["x coherence"] > 0.9


def test_pectoral_wedge_is_measured():
    """A drawn wedge of 25 degrees and 100 mm comes back."""
    view, _ = half_disc(90.0)
    rows, columns = np.indices(SHAPE)
    length = 100.0 / PITCH_MM
    edge = np.tan(np.radians(25.0)) * (length - rows)
    tissue = np.where((columns < edge) & (view.tissue == FAT), PECTORAL, view.tissue)
    tissue = np.where((columns < edge) & (rows < length), PECTORAL, tissue).astype(np.uint8)
    shape = pectoral_shape(TissueView("p", view.grey, tissue))
    assert shape["pectoral angle"] == pytest.approx(25.0, abs=1.0)
    assert shape["pectoral length mm"] == pytest.approx(100.0, abs=1.0)


def test_fat_profile_follows_the_depth():
    """Grey that rises linearly with depth is read at each depth."""
    view, _ = half_disc(70.0)
    figures = fat_profile(view, view.depth_mm)
    for depth in (2, 10, 24):
        assert figures[f"fat at {depth} mm"] == pytest.approx(depth / 70.0, abs=0.02)


def test_a_right_breast_is_turned_and_scaled():
    """Views come out with the chest wall on the left, at 0.25 mm, 0..1 over the breast."""
    view, _ = half_disc()
    made = make_view("r", 500 + 3000 * view.grey[:, ::-1], view.tissue[:, ::-1], 0.125)
    assert made.grey.shape == (SHAPE[0] // 2, SHAPE[1] // 2)
    assert made.breast[:, 0].mean() > made.breast[:, -1].mean()
    low, high = np.percentile(made.grey[made.breast], (1, 99.5))
    assert (low, high) == (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01))


def test_mass_figures_of_a_disc():
    """A disc of known contrast on noise: its contrast, its visibility, its sharp edge."""
    rng = np.random.default_rng(3)
    rows, columns = np.indices((300, 300))
    inside = np.hypot(rows - 149.5, columns - 149.5) < 45
    grey = 0.3 + 0.05 * rng.standard_normal(inside.shape) + 0.2 * inside
    figures = mass_figures(grey.astype(np.float32), np.ones(inside.shape, bool), (150, 150), 45.0)
    assert figures["mass contrast"] == pytest.approx(0.2, abs=0.01)
    assert figures["mass contrast / ring sd"] == pytest.approx(4.0, rel=0.1)
    assert figures["mass steepest fall"] > 2.0
    assert figures["mass core / normal fine sd"] == pytest.approx(1.0, abs=0.1)


def test_cluster_figures_find_the_speck():
    """The peak of a bright speck on quiet ground is its height."""
    grey = np.full((120, 120), 0.4, np.float32)
    grey[60:63, 60:63] += 0.1
    figures = cluster_figures(grey, (20.0, 20.0, 100.0, 100.0))
    assert figures["calcification peak"] == pytest.approx(0.1, rel=0.15)
    assert figures["calcification FWHM mm"] == pytest.approx(0.6, abs=0.01)


def test_classifier_tells_unlike_textures_and_not_like_ones():
    """Fields of one kind cannot be told apart, fields of two kinds can."""

    def views(beta, first):
        return [
            flat(power_law(np.random.default_rng(first + i), (256, 256), PITCH_MM, beta, 40.0))
            for i in range(8)
        ]

    same = tell_apart(views(3.0, 0), views(3.0, 100), count=4)
    other = tell_apart(views(3.0, 0), views(3.8, 100), count=4)
    assert other["auc structure"] > 0.95
    assert same["auc structure"] < 0.75


def test_table_marks_what_is_off():
    """A median beyond a quarter is marked, one that scatters around zero goes by the spread."""
    real = [{"a": 1.0, "b": x} for x in (-1.0, 0.1, 1.0)]
    rows = {r.name: r for r in compare(real, [{"a": 1.4, "b": 0.6}])}
    assert not rows["a"].good
    assert rows["b"].good
    assert "| a | 1 | 1.4 | 1.40 | off |" in as_text(rows.values())


def test_phantom_films_measure_like_film(tmp_path):
    """A few phantoms lie within the spread of real films in what detectors see first.

    The bounds are the 10th and 90th percentiles of 30 labelled films, widened by a half.
    """
    made = phantom_views(range(2), TextureBank.from_seed(1))
    figures = [measure(v) for v in made.smoothed]
    for name, low, high in (
        ("interior beta", 4.28, 4.75),
        ("interior sd 0.6", 0.0084, 0.0150),
        ("interior sd 2.4", 0.0151, 0.0302),
        ("fat coherence", 0.39, 0.56),
        ("pectoral grey", 0.65, 1.29),
    ):
        middle = float(np.median([f[name] for f in figures]))
        assert low / 1.5 < middle < high * 1.5, name
    assert all(p.stat().st_size > 1000 for p in write_sheets(tmp_path, "x", [], made.film))


def test_masses_among_real_tissue_stand_out_as_published_ones_do():
    """Each film gets its masses, the same each time: brightest within the boxes that are told."""
    rng = np.random.default_rng(2)
    tissue = half_disc(90.0)[0].tissue
    grey = 0.5 + 0.05 * power_law(rng, tissue.shape, PITCH_MM, 3.0, 40.0)
    film = TissueView("film", grey * (tissue != BACKGROUND), tissue)
    made = list(films_with_masses([film], 6))
    again = list(films_with_masses([film], 6))
    assert len(made) > 3
    ratios = []
    for view, same in zip(made, again, strict=True):
        assert np.array_equal(view.pixels, same.pixels)
        (x0, y0, x1, y1) = view.boxes(("mass",))[0]
        change = view.pixels.astype(float) - np.clip(700 + 3000 * film.grey, 0, None)
        change[film.tissue == BACKGROUND] = 0.0
        row, column = np.unravel_index(np.argmax(change), change.shape)
        assert x0 < column < x1
        assert y0 < row < y1
        middle, radius = ((x0 + x1) / 2, (y0 + y1) / 2), max(x1 - x0, y1 - y0) / 2
        zoomed = (view.pixels.astype(np.float32) - 700) / 3000
        figures = mass_figures(zoomed, film.breast, middle, radius)
        ratios.append(figures["mass contrast / ring sd"])
    assert 0.3 < np.median(ratios) < 3.0


def test_clusters_among_real_tissue_are_where_it_says():
    """Each mammogram gets its clusters, the same each time, and nothing else is changed."""
    tissue = half_disc(90.0)[0].tissue
    breast = cv2.resize((tissue != BACKGROUND).astype(np.float32), None, fx=2.5, fy=2.5)
    rng = np.random.default_rng(2)
    grey = 400 + 1000 * breast + 20 * rng.standard_normal(breast.shape) * breast
    image = Mammogram("one", "digital", grey.astype(np.float32), 0.1)
    made, again = (list(mammograms_with_clusters([image], 3)) for _ in range(2))
    assert len(made) == 3
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(made, again, strict=True))
    one, two = (view.pixels.astype(float) for view in made[:2])
    changed = np.argwhere(one != two)[:, ::-1]
    boxes = np.concatenate([view.boxes(("calcification-cluster",)) for view in made[:2]])
    inside = [((changed > box[:2] - 8) & (changed < box[2:] + 8)).all(axis=1) for box in boxes]
    assert np.any(inside, axis=0).all()
    assert all(mine.sum() > 5 for mine in inside)
