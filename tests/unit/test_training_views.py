"""Banked views, windows, crops and patches: networks see and are asked what is there."""

import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mammo_node.evaluate.datasets import load as load_data_set
from mammo_node.image.preprocess import prepare
from mammo_node.phantom import CLUSTER, MASS, TextureBank, generate_study
from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.contrast import disc_and_ring, radial_distance
from mammo_node.phantom.mass import draw_mass
from mammo_node.phantom.noise import power_law
from mammo_node.vocabulary import InputSpec, Orientation
from tests.unit import data_sets
from training import strands, texture
from training.bank import banked, render
from training.crops import CropRules, CropSource
from training.data_set_bank import fill
from training.grading import regrade
from training.insertion import insert_cluster, scatter_specks
from training.mass_insertion import insert_mass, insert_mass_anywhere
from training.pair_source import beyond, pairs
from training.patch_source import PatchRules, PatchSource, labels_in
from training.raw import raw_views
from training.realism.lesions import mass_figures
from training.targets import STRIDE, Wanted, make_targets, speck_heat
from training.view import AIR, COARSE_MM, Finding, ViewBank, decode, encode, load, save
from training.whole_views import Frame, fit_frame
from training.windows import Window, cut_window, make_channels


@pytest.fixture(scope="module")
def textures():
    """One texture bank for the module."""
    return TextureBank.from_seed(5)


@pytest.fixture(scope="module")
def bank(textures, tmp_path_factory):
    """A bank of one study, with its raw images."""
    folder = tmp_path_factory.mktemp("bank")
    render(3, folder, 0.3, textures, (3, 1), raw=True)
    return folder


def test_levels_survive_eight_bits():
    """Grey levels come back to within half a step, and air as exactly nothing."""
    level = np.random.default_rng(0).uniform(-0.24, 1.25, (40, 30)).astype(np.float32)
    level[:5] = 0.0
    assert np.abs(decode(encode(level)) - level).max() <= 0.51 * 1.5 / 255
    assert (encode(level)[:5] == AIR).all()
    assert (decode(encode(level))[:5] == 0).all()


def test_a_banked_view_reads_back(bank):
    """Every rendered view is there, with its truth inside the image."""
    views = ViewBank(bank)
    assert len(views.views) == 4
    for view in views.views.values():
        rows, columns = view.mask.shape
        assert view.fine.shape == (3 * rows, 3 * columns)
        assert view.coarse.shape == view.pectoral.shape == (rows, columns)
        assert MASS in {finding.kind for finding in view.truth.findings}
        for finding in view.truth.findings:
            assert finding.box_mm[0] < finding.box_mm[2]
            assert finding.box_mm[1] < finding.box_mm[3]


def test_the_same_bank_has_the_same_fingerprint(bank, tmp_path):
    """The data hash depends on content alone, and on all of it."""
    copy = tmp_path / "copy"
    shutil.copytree(bank, copy)
    assert ViewBank(copy).fingerprint() == ViewBank(bank).fingerprint()
    path = next(copy.glob("*.npz"))
    view = load(path)
    save(replace(view, truth=replace(view.truth, density=0.123)), copy, path.stem)
    assert ViewBank(copy).fingerprint() != ViewBank(bank).fingerprint()


def test_an_empty_bank_says_what_to_do(tmp_path):
    """A folder without views names the command that makes some."""
    with pytest.raises(SystemExit, match=r"training\.bank"):
        ViewBank(tmp_path)


def test_raw_images_keep_their_truth(bank):
    """Held-out images read back with boxes in stored pixels."""
    views = list(raw_views(bank))
    assert len(views) == 4
    for view in views:
        rows, columns = view.pixels.shape
        boxes = view.boxes((MASS, CLUSTER))
        assert (boxes[:, [2, 3]] <= [columns + 1, rows + 1]).all()
        assert (boxes[:, 0] < boxes[:, 2]).all()


def test_channels_are_those_of_the_node(textures):
    """A banked view gives the channels that preprocessing makes of the image itself."""
    options = {"pixel_spacing_mm": 0.3, "masses": 1, "clusters": 0, "views": [("R", "MLO")]}
    study = generate_study(11, bank=textures, **options)
    view = study.views[0]
    names, parameters = ("global", "local", "wide"), {"local": {"sigma_mm": 4.0}}
    spec = InputSpec(name="image", channels=names, mm_per_pixel=0.3, parameters=parameters)
    upright = Orientation(view.laterality == "R")
    node = prepare(view.pixels.astype(np.float32), (0.3, 0.3), upright, spec)
    mine = banked(study, view)
    rows, columns = mine.mask.shape
    whole = Window(decode(mine.coarse), mine.mask, COARSE_MM, (0.0, 0.0))
    made = make_channels(whole, names, parameters)
    for channel in range(len(names)):
        there = node.tensor[0, channel, :rows, :columns]
        assert np.corrcoef(made[channel].ravel(), there.ravel())[0, 1] > 0.97


def test_windows_and_boxes_agree(bank):
    """A box stays on the same tissue at any zoom."""
    view = next(iter(ViewBank(bank).views.values()))
    box = np.array([[20.0, 30.0, 32.0, 40.0]])
    for mm in (0.1, 0.25, 0.3, 0.5):
        window = cut_window(view, (15.0, 25.0), 96, mm)
        x0, _, x1, _ = window.to_window(box)[0]
        assert window.level.shape == window.mask.shape == (96, 96)
        assert (x1 - x0) * window.mm_per_pixel == pytest.approx(12.0)
        assert (x0 * window.mm_per_pixel + window.origin_mm[0]) == pytest.approx(20.0)
        inner = window.without_margin(8)
        assert inner.to_window(box)[0] == pytest.approx(window.to_window(box)[0] - 8, abs=1e-3)


def test_a_window_beyond_the_view_is_air(bank):
    """Outside of the image there is nothing, and no breast."""
    view = next(iter(ViewBank(bank).views.values()))
    window = cut_window(view, (-500.0, -500.0), 64, 0.3)
    assert not window.mask.any()
    assert (window.level == 0).all()


def test_texture_makes_detail_rarer_and_stronger(monkeypatch):
    """Above 1 the exponent raises kurtosis, below it lowers it; what is coarse stays."""
    rng = np.random.default_rng(3)
    level = (0.5 + 0.05 * power_law(rng, (320, 320), 0.1, 3.0, 40.0)).astype(np.float32)
    window = Window(level, np.ones(level.shape, dtype=bool), 0.1, (0.0, 0.0))

    def kurtosis(values):
        band = cv2.GaussianBlur(values, (0, 0), 3.0) - cv2.GaussianBlur(values, (0, 0), 6.0)
        return float(((band - band.mean()) ** 4).mean() / band.var() ** 2)

    monkeypatch.setattr(texture, "SHARE", 1.0)
    for exponent, wanted in ((0.5, 1), (-0.25, -1)):
        monkeypatch.setattr(texture, "EXPONENT", (exponent, exponent))
        made = texture.retexture(np.random.default_rng(0), window, 1.0).level
        assert np.sign(kurtosis(made) - kurtosis(level)) == wanted
        coarse = [cv2.GaussianBlur(values, (0, 0), 60.0) for values in (made, level)]
        assert np.abs(coarse[0] - coarse[1]).max() < 0.02


@pytest.mark.parametrize("change", [texture.retexture, strands.lay_strands])
def test_other_detail_leaves_air_and_the_window_as_they_were(bank, change):
    """Detail changes within the breast only, in new windows, and in none when switched off."""
    view = next(iter(ViewBank(bank).views.values()))
    window = cut_window(view, (0.0, 0.0), 256, 0.3)
    before = window.level.copy()
    changed = 0
    for seed in range(12):
        made = change(np.random.default_rng(seed), window, 1.0)
        assert (made.level[~window.mask] == window.level[~window.mask]).all()
        assert np.isfinite(made.level).all()
        changed += bool((made.level != before).any())
        assert change(np.random.default_rng(seed), window, 0.0) is window
    assert np.array_equal(window.level, before)
    assert 1 < changed < 12


def test_flat_windows_have_no_texture_to_change(monkeypatch):
    """Where all is white nothing changes, and nothing becomes NaN."""
    monkeypatch.setattr(texture, "SHARE", 1.0)
    window = flat(100)
    made = texture.retexture(np.random.default_rng(0), window, 1.0)
    assert np.allclose(made.level, window.level, atol=1e-6)


def test_a_fresh_mass_does_not_only_fill_a_hole():
    """No mass is asked for that is still darker than its ring, however little it may add."""
    rows, columns = np.indices((320, 320))
    waves = 0.5 + 0.3 * np.sin(rows / 25.0) * np.sin(columns / 25.0)
    mask = np.ones(waves.shape, dtype=bool)
    ratios = []
    for seed in range(30):
        window = Window(waves.astype(np.float32), mask, 0.3, (0.0, 0.0))
        put = insert_mass_anywhere(np.random.default_rng(seed), window, [])
        if put is not None:
            x0, y0, x1, y1 = (float(edge) / 0.3 for edge in put.box_mm)
            middle, radius = ((x0 + x1) / 2, (y0 + y1) / 2), max(x1 - x0, y1 - y0) / 2
            disc, ring = disc_and_ring(radial_distance(waves.shape, middle, radius), mask)
            contrast = window.level[disc].mean() - window.level[ring].mean()
            # What was there tells how much the ring varies; spicules reach into it.
            ratios.append(float(contrast / waves[ring].std()))
    assert 5 < len(ratios) < 30
    assert min(ratios) > 0.15


def test_strands_are_bright_and_thin(monkeypatch):
    """Strands only add, and cover little of a window."""
    monkeypatch.setattr(strands, "SHARE", 1.0)
    for seed in range(20):
        window = flat(300)
        made = strands.lay_strands(np.random.default_rng(seed), window, 1.0)
        added = made.level - window.level
        assert added.min() >= 0.0
        assert 0.001 < added.max() < 0.4
        assert (added > 0.1 * added.max()).mean() < 0.5


def test_grading_keeps_polarity_and_air(bank):
    """Whatever the look, bright stays bright and air stays nothing."""
    view = next(iter(ViewBank(bank).views.values()))
    level, mask = decode(view.coarse), view.mask
    for seed in range(30):
        made = regrade(np.random.default_rng(seed), level, mask, COARSE_MM, 1.0)
        assert np.isfinite(made).all()
        assert (made[~mask] == 0).all()
        assert np.corrcoef(made[mask], level[mask])[0, 1] > 0.3


def flat(size=200):
    """Uniform breast at 0.1 mm."""
    level = np.full((size, size), 0.5, dtype=np.float32)
    return Window(level, np.ones((size, size), dtype=bool), 0.1, (7.0, 3.0))


def test_an_inserted_cluster_is_where_it_says():
    """All that became brighter lies in the box, and there are specks enough for a cluster."""
    for seed in range(10):
        window = flat(400)
        put = insert_cluster(np.random.default_rng(seed), window, (200.0, 200.0))
        bright = np.argwhere(window.level > 0.5 + 5e-3)[:, ::-1] * 0.1 + [7.0, 3.0]
        x0, y0, x1, y1 = put.box_mm
        assert len(bright)
        assert len(put.specks_px) >= 5
        assert (bright >= [x0 - 0.6, y0 - 0.6]).all()
        assert (bright <= [x1 + 0.6, y1 + 0.6]).all()


def test_a_fresh_mass_is_where_it_says_and_stands_out():
    """A mass brightens its box, as far as masses on film do, and nothing far from it."""
    rng = np.random.default_rng(1)
    level = (0.5 + 0.05 * power_law(rng, (320, 320), 0.3, 3.0, 40.0)).astype(np.float32)
    ratios = []
    for seed in range(12):
        mask = np.ones(level.shape, dtype=bool)
        window = Window(level.copy(), mask, 0.3, (7.0, 3.0))
        put = insert_mass_anywhere(np.random.default_rng(seed), window, [])
        if put is None:
            continue
        x0, y0, x1, y1 = (float(edge) for edge in window.to_window(np.array([put.box_mm]))[0])
        row, column = np.unravel_index(int(np.argmax(window.level - level)), level.shape)
        middle, radius = ((x0 + x1) / 2, (y0 + y1) / 2), max(x1 - x0, y1 - y0) / 2
        figures = mass_figures(window.level, mask, middle, radius)
        ratios.append(figures["mass contrast / ring sd"])
        assert x0 < column < x1
        assert y0 < row < y1
        # The longest spicules reach two radii beyond the core, whose margin is soft.
        assert not (window.level - level)[radial_distance(level.shape, middle, radius) > 4.5].any()
    assert len(ratios) > 8
    assert 0.8 < np.median(ratios) < 2.5


def test_a_fresh_spiculated_mass_draws_the_tissue_in():
    """Beside what the mass adds, the tissue around it moves; farther away nothing does."""
    anatomy = draw_pair(np.random.default_rng(0))[0]
    drawn = (draw_mass(np.random.default_rng(seed)) for seed in range(99))
    spiculated = next(mass for mass in drawn if mass.pull_strength)
    mass = replace(spiculated, radius_mm=7.0, spicules=spiculated.spicules[:0], pull_strength=1.0)
    level = (0.5 + 0.05 * power_law(np.random.default_rng(1), (320, 320), 0.3, 3.0, 40.0)).astype(
        np.float32
    )
    breast, middle = np.ones(level.shape, dtype=bool), (160.0, 160.0)
    made = []
    for strength in (0.0, 1.0):
        grey = level.copy()
        one = replace(mass, pull_strength=strength)
        assert insert_mass(np.random.default_rng(4), grey, breast, 0.3, one, anatomy, middle)
        made.append(grey)
    still, pulled = made
    away = radial_distance(level.shape, middle, mass.radius_mm / 0.3)
    around = (away > 1.7) & (away < 2.1)
    assert np.abs(pulled - level)[around].max() > 5 * np.abs(still - level)[around].max() + 1e-3
    assert np.abs(pulled - level)[away > 2.3].max() < 1e-3


def test_a_fresh_mass_keeps_away_from_what_is_there():
    """There is no mass where known boxes leave no room, in air, and where all is white."""
    everywhere = [(0.0, 0.0, 200.0, 200.0)]
    bright = Window(np.ones((200, 200), np.float32), np.ones((200, 200), bool), 0.3, (0.0, 0.0))
    air = Window(np.zeros((200, 200), np.float32), np.zeros((200, 200), bool), 0.3, (0.0, 0.0))
    for window, known in ((flat(), everywhere), (bright, []), (air, [])):
        before = window.level.copy()
        for seed in range(4):
            assert insert_mass_anywhere(np.random.default_rng(seed), window, known) is None
        assert np.array_equal(window.level, before)


def test_scattered_specks_are_no_cluster():
    """A few single calcifications have no box."""
    window = flat()
    put = scatter_specks(np.random.default_rng(0), window)
    assert put.box_mm is None
    assert 1 <= len(put.specks_px) < 5
    assert window.level.max() > 0.5


def test_dust_is_no_calcification(bank):
    """Marks change the picture of a crop within the breast, and no target of it."""
    rules = CropRules(labels=("mass",), size_px=96, margin_px=0, strength=0.0)
    plain, strewn = (CropSource(bank, replace(rules, dusty=share)) for share in (0.0, 1.0))
    brighter = []
    for seed in range(6):
        clean, dusty = (source.draw(np.random.default_rng(seed)) for source in (plain, strewn))
        before, after = clean["image"][0], dusty["image"][0]
        brighter.append(float(after.sum() - before.sum()))
        assert (after == 0.0).sum() == (before == 0.0).sum()
        for name in ("heat", "care", "weight"):
            assert dusty[name].sum() == pytest.approx(clean[name].sum())
    assert min(brighter) > -0.01
    assert max(brighter) > 1.0


def test_targets_peak_at_the_centre():
    """The bump is 1 in the centre's cell and the edges there give the box back."""
    wanted = Wanted((40.0, 56.0, 88.0, 96.0), 0, asked=True, malignant=True)
    made = make_targets([wanted], 128, 2)
    row, column = np.unravel_index(np.argmax(made.heat[0]), made.heat[0].shape)
    assert made.heat[0, row, column] == 1
    assert made.heat[1].max() == 0
    assert made.suspicion[row, column] == 1
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    left, above, right, below = made.edges[:, row, column]
    assert [x - left, y - above, x + right, y + below] == pytest.approx([40, 56, 88, 96])


def test_the_extent_of_a_lesion_is_the_ellipse_in_its_box():
    """Cells in the ellipse are 1 for the lesion's label; the box's corners are not of it."""
    made = make_targets([Wanted((32.0, 32.0, 96.0, 96.0), 1, asked=True, malignant=True)], 128, 2)
    cells = made.extent[1]
    assert cells[8, 8] == 1
    assert cells[4, 4] == 0
    assert cells.sum() * STRIDE**2 == pytest.approx(np.pi * 32**2, rel=0.1)
    assert made.extent[0].max() == 0


def test_a_lesion_not_asked_for_is_ignored():
    """No bump, no box, and no penalty inside it; without a label, for no label."""
    box = (40.0, 40.0, 80.0, 80.0)
    made = make_targets([Wanted(box, 1, asked=False, malignant=False)], 128, 2)
    assert made.heat.max() == 0
    assert made.extent.max() == 0
    assert made.weight.max() == 0
    assert made.care[1, 7, 7] == 0
    assert made.care[0].min() == 1
    nobody = make_targets([Wanted(box, None, asked=False, malignant=False)], 128, 2)
    assert nobody.care[:, 7, 7].tolist() == [0, 0]


def test_a_lesion_within_an_ignored_one_is_asked_for():
    """A mass in an asymmetry that does not count is learnt, whatever the order."""
    around = Wanted((0.0, 0.0, 128.0, 128.0), None, asked=False, malignant=False)
    mass = Wanted((40.0, 40.0, 88.0, 88.0), 0, asked=True, malignant=False)
    for lesions in ([around, mass], [mass, around]):
        made = make_targets(lesions, 128, 1)
        row, column = np.unravel_index(np.argmax(made.heat[0]), made.heat[0].shape)
        assert made.heat[0, row, column] == 1
        assert made.care[0, row, column] == 1
        assert made.care[0, 0, 0] == 0


def test_specks_have_a_bump_each():
    """Every speck is 1 in its cell; one outside leaves no trace."""
    heat = speck_heat(np.array([[10.0, 22.0], [999.0, 5.0]]), 64)
    assert heat[0, 5, 2] == 1
    assert (heat == 1).sum() == 1


def test_crops_are_the_same_for_the_same_seed(bank):
    """A crop depends on the seed alone, has the right shapes and finite values."""
    rules = CropRules(labels=(MASS, CLUSTER), size_px=96, specks=True, boxes=True, inserted=0.5)
    source = CropSource(bank, rules)
    for seed in range(8):
        one, two = (source.draw(np.random.default_rng(seed)) for _ in range(2))
        assert all((one[key] == two[key]).all() for key in one)
        assert one["image"].shape == (2, 96, 96)
        assert one["image"].dtype == np.float32
        assert np.isfinite(one["image"]).all()
        assert one["heat"].shape == (2, 12, 12)
        assert one["specks"].shape == (1, 24, 24)


@pytest.mark.parametrize("fresh", [False, True])
def test_crops_show_lesions_where_the_targets_say(bank, fresh):
    """Masses in crops, fresh ones too, are brighter than around them, flips and zoom included."""
    rules = CropRules(labels=(MASS,), on_lesion=1.0, inserted=float(fresh), strength=0.0)
    source = CropSource(bank, rules)
    if fresh:
        views = source.bank.views
        for name, view in views.items():
            views[name] = replace(view, truth=replace(view.truth, findings=()))
    gains = []
    for seed in range(40):
        made = source.draw(np.random.default_rng(seed))
        level = made["image"][0]
        for row, column in np.argwhere(made["heat"][0] >= 0.999):
            left, above, right, below = made["edges"][:, row, column]
            x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
            core = level[
                int(y - above / 2) : int(y + below / 2), int(x - left / 2) : int(x + right / 2)
            ]
            ring = level[
                max(int(y - 1.5 * above), 0) : int(y + 1.5 * below),
                max(int(x - 1.5 * left), 0) : int(x + 1.5 * right),
            ]
            gains.append(float(core.mean() - ring.mean()))
    assert len(gains) > 20
    assert np.mean(gains) > 0


def test_patch_labels_follow_the_findings():
    """A patch has a finding when it shows half of it, or when the finding fills half of it."""
    findings = (
        Finding(MASS, "round", malignant=False, box_mm=(10, 10, 20, 20), contrast=1.0),
        Finding("global-asymmetry", "", malignant=False, box_mm=(0, 0, 300, 300), contrast=1.0),
    )
    kinds = ((MASS,), ("global-asymmetry",), (CLUSTER,))
    level = np.zeros((100, 100), dtype=np.float32)
    for corner, wanted in (
        ((5.0, 5.0), [1, 1, 0]),
        ((16.0, 5.0), [0, 1, 0]),
        ((400.0, 5.0), [0, 0, 0]),
    ):
        window = Window(level, level > 0, 0.3, corner)
        assert labels_in(window, findings, kinds).tolist() == wanted


def test_patches_show_every_label(bank):
    """Labels that the bank has come about as often as each other."""
    rules = PatchRules(kinds=((MASS,), (CLUSTER,)), channels=("global",), size_px=64)
    source = PatchSource(bank, rules)
    shown = np.mean([source.draw(np.random.default_rng(i))["labels"] for i in range(60)], axis=0)
    assert (shown > 0.1).all()


def test_crops_may_lie_on_the_muscle(bank, tmp_path):
    """Asked for it, crops without a lesion are centred on the muscle where there is one."""
    name, view = next((n, v) for n, v in ViewBank(bank).views.items() if v.pectoral[::8, ::8].any())
    lit = np.where(view.pectoral, 200, 60).astype(np.uint8)
    fine = np.repeat(np.repeat(lit, 3, axis=0), 3, axis=1)
    save(replace(view, coarse=lit, fine=fine), tmp_path, name)
    rules = CropRules(("mass",), ("global",), size_px=32, margin_px=0, on_lesion=0.0, strength=0.0)
    rng = np.random.default_rng(3)
    source = CropSource(tmp_path, replace(rules, on_muscle=1.0))
    middle = [source.draw(rng)["image"][0, 14:18, 14:18].max() for _ in range(12)]
    assert min(middle) > decode(np.array([150], dtype=np.uint8))[0]


def test_a_frame_without_a_pitch_is_the_letterbox_of_the_node(textures):
    """Density models see in use the very frame that they were trained on."""
    options = {"pixel_spacing_mm": 0.3, "masses": 0, "clusters": 0, "views": [("R", "CC")]}
    study = generate_study(12, bank=textures, **options)
    view = study.views[0]
    spec = InputSpec(name="cc", channels=("global",), size=(168, 112))
    upright = Orientation(view.laterality == "R")
    node = prepare(view.pixels.astype(np.float32), (0.3, 0.3), upright, spec).tensor[0, 0]
    mine = fit_frame(Frame(168, 112), banked(study, view)).image[0]
    assert np.corrcoef(mine.ravel(), node.ravel())[0, 1] > 0.98
    assert np.abs(mine - node).mean() < 0.01


def test_density_near_a_limit_is_undecided(bank):
    """A category that was told is beyond its limits for certain, a phantom on a limit half so."""
    view = next(iter(ViewBank(bank).views.values()))
    told = [
        beyond(replace(view, truth=replace(view.truth, density=density))).tolist()
        for density in (0.5, 2.5, 2.0, 3.99)
    ]
    assert told == [[0, 0, 0], [1, 1, 0], [1, 0.5, 0], [1, 1, 1]]


def test_a_frame_keeps_points_on_their_tissue(bank):
    """A point of the view is at the same tissue in the frame, however it was varied."""
    view = load(next(iter(sorted(bank.glob("*.npz")))))
    rows, columns = view.mask.shape
    spot = np.zeros((rows, columns), dtype=np.uint8)
    spot[60:67, 80:87] = 1
    point_mm = (83.5 * COARSE_MM, 63.5 * COARSE_MM)
    frame = Frame(256, 192, mm_per_pixel=0.5)
    for seed in (None, 0, 1, 2, 3):
        rng = None if seed is None else np.random.default_rng(seed)
        framed = fit_frame(frame, view, rng)
        x, y = framed.place(point_mm)
        seen = np.argwhere(framed.warp(spot) > 0)
        assert framed.image.shape == (1, 256, 192)
        if len(seen):
            assert seen.mean(axis=0) + 0.5 == pytest.approx([y, x], abs=1.0)
    assert len(seen)


def test_a_frame_loses_its_dark_rim_where_the_view_is(bank, monkeypatch):
    """Wherever a view lies in its frame, its breast shrinks from the air, and edges of it stay."""
    monkeypatch.setattr("training.dark_skin.SHARE", 1.0)
    view = load(next(iter(sorted(bank.glob("*.npz")))))
    frame = Frame(256, 192, mm_per_pixel=1.0)
    lost = []
    for seed in range(12):
        whole, rimless = (
            fit_frame(replace(frame, dark_skin=dark), view, np.random.default_rng(seed))
            for dark in (False, True)
        )
        assert not (rimless.mask & ~whole.mask).any()
        assert not rimless.image[:, ~rimless.mask].any()
        assert (rimless.matrix == whole.matrix).all()
        lost.append(whole.mask & ~rimless.mask)
    assert any(rim.any() for rim in lost)
    # The breast goes on behind the chest wall: nothing is lost there but with the skin above it.
    assert sum(rim[:, 8].sum() for rim in lost) < 0.1 * sum(rim.sum() for rim in lost)


def test_a_data_set_becomes_a_bank(tmp_path):
    """Films of a public data set, read as distributed, keep their boxes' sizes in mm."""
    records = load_data_set("mini-mias", data_sets.mini_mias(tmp_path / "mias"))
    refused = fill(records, tmp_path / "bank")
    bank = ViewBank(tmp_path / "bank")
    assert len(bank.views) + len(refused) == len(records)
    boxed = [f.box_px for r in records for f in r.findings if f.box_px is not None]
    wanted = sorted((box.x_max - box.x_min) * records[0].spacing_mm for box in boxed)
    found = [f.box_mm for view in bank.views.values() for f in view.truth.findings]
    assert sorted(box[2] - box[0] for box in found) == pytest.approx(wanted, rel=0.02)
    assert pairs(bank.views) == []
