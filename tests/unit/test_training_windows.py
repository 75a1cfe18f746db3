"""Windows that slide: judged by their cores, learned cell by cell, measured by what counts."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mammo_node.analyse.suspicion import derive_limits
from mammo_node.phantom import CLUSTER, MASS
from training import dense_source
from training.cell_targets import EMPTY_WEIGHT, UNASKED, cell_targets
from training.core import judged_by_core
from training.dense_source import DenseRules, DenseSource
from training.mass_insertion import insert_mass_anywhere
from training.measures import images, maps
from training.patch_source import PatchRules, PatchSource
from training.raw import RawView
from training.shape import Shape
from training.view import BankedView, Finding, Truth, save
from training.windows import Window

KINDS = ((MASS,), (CLUSTER, "vascular-calcification"))
CELL, CELLS = 64, 8
BLANK = np.zeros((4, 4), dtype=np.uint16)
#: A breast everywhere.
FULL = np.ones((CELL * CELLS, CELL * CELLS), dtype=bool)


def finding(box_mm, kind=MASS):
    """One finding at a place."""
    return Finding(kind, "", malignant=False, box_mm=box_mm, contrast=1.0)


def judged(*findings):
    """A window of 80 mm with a core of 30 mm, from 25 to 55 mm."""
    level = np.zeros((160, 160), dtype=np.float32)
    made = judged_by_core(Window(level, level > 0, 0.5, (0.0, 0.0)), findings, KINDS, 60.0)
    return made.present[0], made.counted[0]


@pytest.mark.parametrize(
    ("box_mm", "present", "counted"),
    [
        ((35, 35, 45, 45), 1, 1),  # small, in the core
        ((20, 30, 30, 40), 1, 1),  # half of it in the core
        ((18, 30, 28, 40), 0, 0),  # less than half
        ((10, 30, 25, 40), 0, 1),  # up to the core, not into it
        ((2, 2, 8, 8), 0, 1),  # in the window's corner
        ((0, 0, 80, 80), 1, 1),  # all over the window
        ((0, 0, 40, 80), 1, 1),  # over half of the core
        ((0, 0, 39, 80), 0, 0),  # over less
        ((38, 0, 42, 80), 1, 1),  # narrow and long: as much as a core can hold of it
        ((38, 41, 42, 80), 0, 0),  # its end, less than half of what a core can hold
    ],
)
def test_a_window_is_judged_by_its_core(box_mm, present, counted):
    """Half of what a core can show is enough, touching it is not counted, the rest is context."""
    assert judged(finding(box_mm)) == (present, counted)


def test_findings_of_a_window_are_judged_one_by_one():
    """Any finding of a kind is enough, one in between hides none, other kinds count not."""
    inside, between, outside = (35, 35, 45, 45), (18, 30, 28, 40), (2, 2, 8, 8)
    assert judged(finding(between), finding(inside)) == (1, 1)
    assert judged(finding(outside), finding(between)) == (0, 0)
    assert judged(finding(inside, CLUSTER)) == (0, 1)
    assert judged() == (0, 1)


def targets(*boxes_px, mask=FULL):
    """Targets of the first of two labels."""
    wanted, weight = cell_targets([(Shape.rounded(box), 0) for box in boxes_px], mask, CELL, 2)
    return wanted[0], weight[0]


def test_cells_in_a_finding_are_asked_for_it():
    """Centres of cells lie at multiples of their side; a box's corners show none of the finding."""
    wanted, weight = targets((140, 140, 372, 372))
    assert np.argwhere(wanted).tolist() == [[i, j] for i in (3, 4, 5) for j in (3, 4, 5)]
    wide, _ = targets((120, 120, 392, 392))
    assert wide[2, 2] == 0
    assert wide[2, 4] == 1
    # All of a finding weighs as the root of its cells, and cells around it nothing.
    assert weight[wanted > 0] == pytest.approx(1 / 3)
    assert weight[2, 4] == 0
    assert weight[6, 4] == 0


def test_a_finding_between_centres_has_the_nearest_cell():
    """However small, it is asked for once; cells that its box touches otherwise weigh nothing."""
    wanted, weight = targets((270, 200, 290, 220))
    assert np.argwhere(wanted).tolist() == [[3, 4]]
    assert weight[3, 4] == 1
    assert weight[3, 5] == 0
    assert weight[2, 4] == pytest.approx(EMPTY_WEIGHT)


def test_another_label_is_asked_everywhere():
    """What is there of one label is a plain place for the others."""
    wanted, weight = cell_targets([(Shape.rounded((140, 140, 372, 372)), 0)], FULL, CELL, 2)
    assert not wanted[1].any()
    before, behind = UNASKED
    assert weight[1, before:-behind, before:-behind] == pytest.approx(EMPTY_WEIGHT)


def test_cells_at_the_border_and_away_from_the_breast_weigh_nothing():
    """Findings there are asked for by no cell but those that see them and the breast."""
    breast = FULL.copy()
    breast[:, 200:] = False
    wanted, weight = targets((0, 0, 512, 40), mask=breast)
    assert not weight[0].any()
    assert not weight[:, 0].any()
    assert weight[4, 2] > 0
    assert weight[4, 4] > 0  # next to the breast: what is off its outline is seen there
    assert not weight[:, 5:].any()
    assert not wanted[UNASKED[0] :].any()


def test_two_findings_of_one_label_weigh_what_each_would():
    """Where two overlap, a cell weighs as in the one where it weighs more."""
    small, large = (244, 244, 270, 270), (140, 140, 372, 372)
    for boxes in ((small, large), (large, small)):
        wanted, weight = targets(*boxes)
        assert wanted.sum() == 9
        assert weight[4, 4] == 1
        assert weight[3, 3] == pytest.approx(1 / 3)


@pytest.fixture
def bank(tmp_path):
    """One breast of 120 x 120 mm with a bright mass that fills its box."""
    coarse = np.full((400, 400), 90, dtype=np.uint8)
    coarse[220:280, 120:180] = 210
    truth = Truth(1, "L", "CC", "film", 0.1, 1.5, (30.0, 24.0), True, (finding((36, 66, 54, 84)),))
    fine = np.repeat(np.repeat(coarse, 3, axis=0), 3, axis=1)
    mask = np.ones((400, 400), dtype=bool)
    save(BankedView(fine, coarse, mask, mask & False, truth), tmp_path, "1-LCC-film")
    return tmp_path


RULES = DenseRules(KINDS, ("global",), cells=10, on_finding=1.0, strength=0.0)


@pytest.mark.parametrize("turned", [0.0, 1.0])
def test_crops_ask_for_what_their_cells_show(bank, turned):
    """Cells that are asked for the mass are bright, in flipped crops too, and those around dark."""
    source = DenseSource(bank, replace(RULES, turned=turned))
    for seed in range(6):
        drawn = source.draw(np.random.default_rng(seed))
        assert drawn["image"].shape == (1, 640, 640)
        at_cells = drawn["image"][0, ::CELL, ::CELL]
        wanted, weight = drawn["wanted"][0], drawn["weight"][0]
        assert (wanted * weight).any()
        assert at_cells[wanted > 0].min() > at_cells[(wanted == 0) & (weight > 0)].max()


def test_crops_change_rows_for_columns(bank):
    """A turned crop is the other one's picture, to be flipped or not, with rows for columns."""
    for seed in range(4):
        plain, turned = (
            DenseSource(bank, replace(RULES, turned=share)).draw(np.random.default_rng(seed))
            for share in (0.0, 1.0)
        )
        image, other = plain["image"][0], turned["image"][0]
        assert not np.array_equal(image, other)
        ways = (image, image[::-1])
        assert any(np.array_equal(other, w) for way in ways for w in (way.T, way.T[::-1]))


def test_fresh_clusters_are_asked_for(bank):
    """A crop that gets a cluster asks for it, one that gets single specks does not."""
    rules = replace(RULES, on_finding=0.0, inserted=1.0)
    drawn = [DenseSource(bank, rules).draw(np.random.default_rng(i)) for i in range(6)]
    # Where too few specks of it would fall into the breast there is none.
    assert sum(one["wanted"][1].any() for one in drawn) >= 4
    rules = replace(RULES, on_finding=0.0, scattered=1.0)
    drawn = [DenseSource(bank, rules).draw(np.random.default_rng(i)) for i in range(3)]
    assert not any(one["wanted"][1].any() for one in drawn)


def test_fresh_masses_are_asked_for(bank, monkeypatch):
    """A crop that gets a mass asks for it there, and for its own mass as before."""
    put = []

    def insert(*args):
        put.append(insert_mass_anywhere(*args))
        return put[-1]

    monkeypatch.setattr(dense_source, "insert_mass_anywhere", insert)
    rules = replace(RULES, kinds=(("asymmetry",), (MASS,)), on_finding=0.0, massed=1.0)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        fresh = DenseSource(bank, rules).draw(rng)["wanted"][1]
        # Now and then a mass finds no place.
        assert put[-1] is None or fresh.sum() >= 1
        own = DenseSource(bank, replace(rules, massed=0.0)).draw(np.random.default_rng(seed))
        assert not own["wanted"][0].any()
    assert sum(mass is not None for mass in put) >= 4


def test_windows_on_a_finding_have_it(bank):
    """Windows to measure on are centred where their cores show what they were drawn for."""
    rules = PatchRules(KINDS, ("global",), size_px=128, on_finding=1.0, strength=0.0, core=0.375)
    source = PatchSource(bank, rules)
    drawn = [source.draw(np.random.default_rng(i)) for i in range(20)]
    assert all(one["labels"][0] == 1 or one["counted"][0] == 0 for one in drawn)
    assert np.mean([one["labels"][0] for one in drawn]) > 0.5


def test_what_is_not_counted_changes_no_figure():
    """Neither F1 nor AUC, specificity or thresholds know of a window that is not counted."""
    pytest.importorskip("torch", reason="needs the extra 'training' (torch)")
    from training.measures.classify import _figures  # noqa: PLC0415

    rng = np.random.default_rng(0)
    scores, truth = rng.uniform(size=(80, 2)), rng.uniform(size=(80, 2)) < 0.4
    patients = [str(i % 5) for i in range(80)]
    counted = rng.uniform(size=(80, 2)) < 0.7
    truth &= counted
    one = _figures(scores, truth, counted, patients)
    other = _figures(np.where(counted, scores, 1 - scores), truth, counted, patients)
    assert one == other
    every = _figures(scores, truth, np.ones_like(counted), patients)
    assert every["specificity"] != one["specificity"]


def test_categories_keep_limits_that_hardly_differ():
    """What a manifest is told of images is what was derived: rounded, two limits became one."""
    scores = np.float32(0.5) + np.arange(200, dtype=np.float32) * np.float32(1e-6)
    truth = np.arange(200) >= 80
    figures = images._figures(scores, truth, [str(i % 9) for i in range(200)])
    told = [(limit["category"], limit["threshold"]) for limit in figures["suspicion"]]
    assert told == [(limit.category, limit.threshold) for limit in derive_limits(scores, truth)]
    assert len({threshold for _, threshold in told}) == len(told) == 3


def test_windows_are_drawn_of_all_banks(bank, tmp_path):
    """Held-out views of several folders are measured together."""
    rules = PatchRules(KINDS, ("global",), size_px=64)
    other = tmp_path / "other"
    other.mkdir()
    for path in bank.glob("1-LCC-film.np*"):
        (other / path.name.replace("1-L", "2-R")).write_bytes(path.read_bytes())
    source = PatchSource(bank, rules)
    source.extend(other)
    assert len(source) == 2
    assert len(source.by_label[0]) == 2


def test_few_images_without_a_finding_reach_its_threshold(tmp_path, monkeypatch):
    """Thresholds are read off the best window of each image that lacks the finding."""
    scores = np.linspace(0.01, 1.0, 100, dtype=np.float32)
    grids = iter(np.stack([scores, 1.0 - scores], axis=1)[:, None, None])
    runner = SimpleNamespace(
        package=SimpleNamespace(labels={0: "mass", 1: "asymmetry"}, input_spec=None),
        run=lambda *_: SimpleNamespace(scores=next(grids)),
    )
    monkeypatch.setattr(maps, "packaged", lambda *_: runner)
    monkeypatch.setattr(maps, "prepared", lambda *_: SimpleNamespace(tensor=0, mask=0))
    box = (0.0, 0.0, 9.0, 9.0)
    seen = [(("mass", False, box),) if i >= 80 else () for i in range(100)]
    views = [RawView("", str(i), BLANK, 0.1, "L", "CC", "film", 1.0, f) for i, f in enumerate(seen)]
    made = maps.measure_maps(tmp_path, views)
    assert made["images_with"] == [20, 0]
    # Two labels have the 5 % together: 2.5 % of 80 and of 100 images.
    assert made["share"] == 0.025
    assert 0.77 < made["image_thresholds"][0] < 0.8
    assert 0.96 < made["image_thresholds"][1] < 0.99
    assert made["image_sensitivity"] == [1.0, None]
    assert made["images_without"] == 80
    assert 0.02 < made["marked_without"] < 0.08
    assert made["ordinary"] == 0
    assert made["raised"] == [False, False]
    with pytest.raises(SystemExit, match="no image with a breast"):
        maps.measure_maps(tmp_path, [])
    runner.package.labels = {0: "nodule"}
    with pytest.raises(SystemExit, match="nodule"):
        maps.measure_maps(tmp_path, views)


def test_thresholds_of_signs_lie_above_what_ordinary_films_reach(tmp_path, monkeypatch):
    """A film may show a mass that nobody told of; signs are rare, and none of them has one."""
    phantoms = np.linspace([0.1, 0.1, 0.1], [0.6, 0.5, 0.7], 20)
    films = np.array([[0.9, 0.8, 0.3], [0.2, 0.5, 0.4]])
    grids = iter(np.concatenate([phantoms, films]).astype(np.float32)[:, None, None])
    runner = SimpleNamespace(
        package=SimpleNamespace(
            labels={0: "mass", 1: "skin-retraction", 2: "asymmetry"}, input_spec=None
        ),
        run=lambda *_: SimpleNamespace(scores=next(grids)),
    )
    monkeypatch.setattr(maps, "packaged", lambda *_: runner)
    monkeypatch.setattr(maps, "prepared", lambda *_: SimpleNamespace(tensor=0, mask=0))
    view = RawView("", "", BLANK, 0.1, "L", "CC", "film", 1.0, ())
    made = maps.measure_maps(tmp_path, [view] * 20, None, [view] * 2)
    assert json.loads(json.dumps(made)) == made
    assert made["ordinary"] == 2
    assert made["raised"] == [False, True, False]
    mass, skin, asymmetry = made["image_thresholds"]
    assert 0.58 < mass <= 0.6
    assert skin == 0.8001
    assert 0.68 < asymmetry <= 0.7
