"""The trainer: losses fall, runs resume, phases follow each other, exports answer like torch."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'training' (torch)")

from mammo_node.analyse.manifest import DetectorManifest  # noqa: E402
from mammo_node.analyse.package import load_package  # noqa: E402
from training.average import average, renormalised  # noqa: E402
from training.begin import read_weights  # noqa: E402
from training.card import write_package  # noqa: E402
from training.config import Config  # noqa: E402
from training.measures.views import measure_landmarks  # noqa: E402
from training.nets.density import DensityNet, DeployedDensity  # noqa: E402
from training.nets.findings import CELL_PX, CELLS, TRIM, FindingsNet  # noqa: E402
from training.nets.landmark import DeployedLandmarks, LandmarkNet  # noqa: E402
from training.nets.lesion import Deployed  # noqa: E402
from training.tables import int8_holds  # noqa: E402
from training.task import drawn_batch, make_task  # noqa: E402
from training.trainer import train  # noqa: E402
from training.view import BankedView, Finding, Truth, save  # noqa: E402

TASK = {"kind": "detector", "labels": ["mass"], "crop_px": 96, "width": 8, "strength": 0.0}
RUN = {"name": "tiny", "batch": 2, "warm_up": 2, "learning_rate": 3e-3}


def config(steps, task=TASK, **more):
    """A small run."""
    return Config.from_values({**RUN, "steps": steps, "task": task, **more})


def disc_view(seed=1, view="CC", density=1.5):
    """An easy view: a bright disc on grey."""
    y, x = np.mgrid[:160, :160]
    coarse = (90 + 120 * (np.hypot(x - 80, y - 80) < 20)).astype(np.uint8)
    finding = Finding("mass", "round", malignant=True, box_mm=(18, 18, 30, 30), contrast=2.0)
    truth = Truth(seed, "L", view, "film", 0.1, density, (30.0, 24.0), True, (finding,))
    fine = np.repeat(np.repeat(coarse, 3, axis=0), 3, axis=1)
    mask = np.ones((160, 160), dtype=bool)
    return BankedView(fine, coarse, mask, x + y < 60, truth)


@pytest.fixture
def bank(tmp_path):
    """Two breasts, each in two views."""
    folder = tmp_path / "bank"
    folder.mkdir()
    for seed in (1, 2):
        for view in ("CC", "MLO"):
            save(disc_view(seed, view, density=seed + 0.5), folder, f"{seed}-L{view}-film")
    return folder


def test_loss_falls_and_the_run_is_recorded(bank, tmp_path):
    """After a few dozen steps the loss is lower, and run.json says what was done on what."""
    run = train(config(60), bank, tmp_path / "out")
    assert run.curve[-1]["loss"] < run.curve[0]["loss"]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["steps_done"] == 60
    assert record["samples"] == 4
    assert len(record["data_sha256"]) == 64
    assert record["phase"]["task"]["labels"] == ["mass"]
    assert "<polyline" in (tmp_path / "out" / "curves.svg").read_text()


def test_convolutions_of_16_bits_learn_alike(bank, tmp_path):
    """The first loss is that of 32 bits to within rounding, it falls, and weights keep 32."""
    whole = train(config(1), bank, tmp_path / "whole").curve[0]["loss"]
    run = train(config(60), bank, tmp_path / "half", precision="bfloat16")
    first = train(config(1), bank, tmp_path / "first", precision="bfloat16").curve[0]["loss"]
    assert first != whole
    assert first == pytest.approx(whole, rel=0.02)
    assert run.curve[-1]["loss"] < run.curve[0]["loss"]
    assert {p.dtype for p in run.net.parameters()} == {torch.float32}
    assert json.loads((tmp_path / "half" / "run.json").read_text())["precision"] == "bfloat16"


def test_a_run_resumes_where_it_stopped(bank, tmp_path):
    """Stopping half-way and going on gives the weights of an unbroken run."""
    whole = train(config(6), bank, tmp_path / "whole")
    train(config(6), bank, tmp_path / "part", stop_at=3)
    resumed = train(config(6), bank, tmp_path / "part")
    assert resumed.step == 6
    for a, b in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_loss_that_is_not_finite_ends_a_run(bank, tmp_path):
    """It stops before a weight is lost, and says so."""
    with pytest.raises(SystemExit, match=r"loss is (nan|inf)"):
        train(config(30, learning_rate=1e25, clip=1e30, warm_up=0), bank, tmp_path / "run")
    assert not (tmp_path / "run" / "weights.pt").exists()


def test_minutes_end_a_run(bank, tmp_path):
    """A run that is out of time stops after its step, and leaves its weights."""
    run = train(config(10_000), bank, tmp_path / "out", minutes=1e-9)
    assert run.step == 1
    assert (tmp_path / "out" / "weights.pt").exists()


def test_weights_to_start_from_are_taken(bank, tmp_path):
    """What fits is copied; what does not stays fresh."""
    first = train(config(2), bank, tmp_path / "first")
    other = config(1, {**TASK, "labels": ["mass", "calcification-cluster"]}, learning_rate=0.0)
    given = read_weights([tmp_path / "first" / "weights.pt"])
    second = train(other, bank, tmp_path / "second", init=given)
    stem = first.average.state_dict()["stem.0.0.weight"]
    assert torch.equal(second.net.state_dict()["stem.0.0.weight"], stem)
    assert second.net.classes[-1].weight.shape[0] == 2


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ({"name": "x", "stepz": 3, "task": {"kind": "detector"}}, "stepz"),
        ({"task": {"kind": "detector"}}, "name"),
        ({"name": "x"}, "task.kind"),
    ],
)
def test_a_wrong_configuration_is_named(text, word):
    """A typing error or a missing key is named."""
    with pytest.raises(SystemExit, match=word):
        Config.from_values(text)


@pytest.mark.parametrize("flips", ["rows", ["row"]])
def test_wrong_flips_are_named_before_training(flips):
    """What is no list of flips is refused when the configuration is read, not hours later."""
    with pytest.raises(SystemExit, match=r"task\.flips"):
        make_task(config(1, {**TASK, "flips": flips}).phases[0])


def test_a_wrong_task_is_named():
    """So is an unknown kind of task, and an unknown key of one."""
    with pytest.raises(SystemExit, match="nonsense"):
        make_task(config(1, {"kind": "nonsense"}).phases[0])
    with pytest.raises(SystemExit, match="widht"):
        make_task(config(1, {**TASK, "widht": 3}).phases[0])


def test_the_four_phases_train_what_they_should(bank, tmp_path):
    """Last layer, all, heads, all: each phase starts from the one before and freezes the rest."""
    net = {"backbone": [1, 1, 1, 1], "bottleneck": False, "width": 8}
    patches = {"kind": "patches", "labels": ["mass"], "kinds": ["mass"], "size_px": 64, **net}
    retina = {
        "kind": "retina",
        "labels": ["mass"],
        "crop_px": 128,
        "pyramid": 16,
        "depth": 1,
        **net,
    }
    heads = {"train": ["pyramid", "classes", "boxes"], "freeze_norm": True, "task": retina}
    last_layer = {"task": patches, "optimiser": "radam", "train": ["head"], "freeze_norm": True}
    phases = [last_layer, {"task": patches, "optimiser": "radam"}, heads]
    phases.append({"task": retina, "optimiser": "sgd", "freeze_norm": True})
    whole = Config.from_values(
        {"name": "four", "steps": 2, "batch": 2, "ema": 0.0, "phase": phases}
    )
    run = train(whole, bank, tmp_path / "out")
    states = [
        torch.load(tmp_path / "out" / part / "weights.pt", weights_only=True)
        for part in ("phase-1", "phase-2", "phase-3", ".")
    ]
    stem = [state["backbone.stem.0.weight"] for state in states]
    assert not torch.equal(stem[0], stem[1])
    assert torch.equal(stem[1], stem[2])
    assert not torch.equal(stem[2], stem[3])
    assert not torch.equal(states[2]["classes.last.weight"], states[3]["classes.last.weight"])
    assert run.step == 2


TASKS = {
    "detector": {**TASK, "specks": True, "extent_weight": 1.0},
    "retina": {
        "kind": "retina",
        "labels": ["mass"],
        "backbone": [1, 1, 1, 1],
        "bottleneck": True,
        "width": 8,
        "pyramid": 16,
        "depth": 1,
        "crop_px": 128,
    },
    "patches": {
        "kind": "patches",
        "labels": ["mass"],
        "kinds": ["mass"],
        "size_px": 64,
        "width": 8,
    },
    "windows": {
        "kind": "patches",
        "labels": ["mass", "asymmetry"],
        "kinds": ["mass", "asymmetry"],
        "channels": ["global", "local", "wide"],
        "size_px": 1024,
        "window_mm": 102.4,
        "width": 8,
        "inner": True,
        "cells": 6,
        "strength": 0.0,
    },
    "density": {"kind": "density", "rows": 96, "columns": 64, "width": 8},
    "landmarks": {"kind": "landmarks", "rows": 64, "columns": 64, "width": 8},
}


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_learns_something(bank, tmp_path, kind):
    """A few steps lower the loss on the same samples, whatever is trained."""
    small = config(25, TASKS[kind], batch=4, ema=0.0)
    run = train(small, bank, tmp_path / "out")
    task = make_task(small.phases[0])
    rng = np.random.default_rng(9)
    drawn = [task.source(bank).draw(rng) for _ in range(4)]
    batch = {key: torch.from_numpy(np.stack([d[key] for d in drawn])) for key in drawn[0]}
    with torch.no_grad():
        torch.manual_seed(0)
        fresh = sum(task.losses(task.network().train(), batch).values())
        trained = sum(task.losses(run.net.train(), batch).values())
    assert trained < fresh


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["patches", "windows"])
def test_export_answers_like_torch(tmp_path, kind):
    """The ONNX file keeps to its contract, at sizes it was not traced with."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.export import build, export_checked  # noqa: PLC0415

    torch.manual_seed(0)
    made = config(1, TASKS[kind])
    model, task = build(made, make_task(made.phases[0]).network().state_dict())
    worst = export_checked(model, task.contract, tmp_path / "model.onnx")
    # Nor does the file tell of the machine that it was made on.
    checkout = str(Path(__file__).parents[2]).encode()
    assert checkout not in (tmp_path / "model.onnx").read_bytes()
    assert worst < 1e-3
    if task.contract.half:
        values = sum(p.numel() for p in model.parameters())
        assert (tmp_path / "model.onnx").stat().st_size < 3 * values


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["detector", "windows", "density"])
def test_an_exported_model_learns_on(bank, tmp_path, kind):
    """The network that a file gives answers as the file does, and learns on from there."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.export import build, export_checked  # noqa: PLC0415
    from training.restore import restore  # noqa: PLC0415
    from training.task import drawn_batch  # noqa: PLC0415

    made = config(8, TASKS[kind], ema=0.0)
    trained = train(made, bank, tmp_path / "first").net.state_dict()
    model, task = build(made, trained)
    export_checked(model, task.contract, tmp_path / "model.onnx")
    batch = drawn_batch(task, bank, seed=4, samples=2)
    again = restore(task, tmp_path / "model.onnx", batch)
    before = task.network().eval()
    before.load_state_dict(trained)
    with torch.no_grad():
        found = task.losses(again, batch)
        for name, wanted in task.losses(before, batch).items():
            if name not in {"specks", "extent"}:
                assert float(found[name]) == pytest.approx(float(wanted), rel=2e-3), name
    given = {name: value.clone() for name, value in again.state_dict().items()}
    on = train(config(2, TASKS[kind], ema=0.0), bank, tmp_path / "second", init=given).net
    learned = dict(on.named_parameters())
    assert all(torch.isfinite(value).all() for value in learned.values())
    assert not all(torch.equal(value, given[name]) for name, value in learned.items())


@pytest.mark.slow
def test_a_model_is_restored_with_its_own_configuration(bank, tmp_path):
    """A file of another network is refused, and the tensor that does not fit is named."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.export import build, export  # noqa: PLC0415
    from training.restore import restore  # noqa: PLC0415
    from training.task import drawn_batch  # noqa: PLC0415

    made = config(1, TASKS["landmarks"])
    model, task = build(made, make_task(made.phases[0]).network().state_dict())
    export(model, task.contract, tmp_path / "model.onnx")
    other = make_task(config(1, {**TASKS["landmarks"], "width": 16}).phases[0])
    with pytest.raises(
        SystemExit, match=r"model\.onnx: down\.0.*the configuration's network has no"
    ):
        restore(other, tmp_path / "model.onnx", drawn_batch(other, bank, seed=4, samples=2))


@pytest.mark.slow
@pytest.mark.parametrize("flips", [[], ["rows"]])
def test_a_package_is_one_that_the_node_loads(bank, tmp_path, flips):
    """From weights to a package with manifest, self-test and card that the node accepts."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.export import build, export  # noqa: PLC0415
    from training.quantise import quantise  # noqa: PLC0415

    made = config(2, {**TASK, "flips": flips})
    out = tmp_path / "run"
    train(made, bank, out)
    model, task = build(made, out / "weights.pt")
    export(model, task.contract, out / "model.onnx")
    quantise(made, out / "model.onnx", bank, out / "int8.onnx", count=2)
    assert (out / "int8.onnx").stat().st_size < (out / "model.onnx").stat().st_size
    (out / "figures.json").write_text(json.dumps(FIGURES))
    (out / "figures-int8.json").write_text(json.dumps(FIGURES))
    write_package(made, out, tmp_path / "tiny", "1.2.3")
    package = load_package(tmp_path / "tiny")
    assert package.ref.version == "1.2.3"
    assert package.thresholds() == {"mass": 0.3}
    assert list(package.manifest_of(DetectorManifest).output.flips) == flips
    card = (tmp_path / "tiny" / "README.md").read_text()
    line = "- The package runs an image as it is and with its rows turned over, and averages"
    assert (f"\n{line} the answers.\n" in card) == bool(flips)
    assert "Not validated clinically" in card
    assert "| masses, IoU >= 0.2, int8 | 0.50 |" in card


_TABLE = {
    "iou": [0.5] * 6,
    "centre": [0.5] * 6,
    "thresholds": [0.3] * 6,
    "interval_iou": [[0.4, 0.6]] * 6,
    "iou_film": [0.5] * 6,
}
FIGURES = {
    "images": 4,
    "patients": 2,
    "seconds_per_image": 0.1,
    "rates": [0.25, 0.5, 1.0, 2.0, 2.22, 4.0],
    "labels": ["mass"],
    "mass": _TABLE,
    "blobs": _TABLE,
}


def test_windows_read_off_a_whole_image_are_nearly_those_windows():
    """The cells that make a window's score hardly change with what lies around the window."""
    torch.manual_seed(0)
    net = FindingsNet(3, width=8).eval()
    side, (before, behind) = CELLS * CELL_PX, TRIM
    image = torch.randn(1, 3, side + 2 * CELL_PX, side + CELL_PX)
    with torch.no_grad():
        whole = net(image)[1]
        for i, j in ((0, 0), (1, 1), (2, 0)):
            down, across = (slice(CELL_PX * n, CELL_PX * n + side) for n in (i, j))
            inner = net(image[:, :, down, across])[1][:, :, before:-behind, before:-behind]
            there = whole[:, :, i + before : i + CELLS - behind, j + before : j + CELLS - behind]
            assert (inner - there).abs().max() < 0.1 * there.std(dim=(2, 3)).min()


def test_cells_lie_where_their_pixels_are():
    """A spot changes the cells around it most: cell (i, j) is centred at pixel (64 i, 64 j)."""
    torch.manual_seed(0)
    net = FindingsNet(3, width=8).eval()
    plain = torch.zeros(1, 3, 12 * CELL_PX, 12 * CELL_PX)
    spot = plain.clone()
    spot[:, :, 6 * CELL_PX - 8 : 6 * CELL_PX + 8, 4 * CELL_PX - 8 : 4 * CELL_PX + 8] = 3.0
    with torch.no_grad():
        change = (net(spot)[1] - net(plain)[1]).abs().amax(dim=(0, 1))
    assert divmod(int(change.argmax()), 12) == (6, 4)


def test_a_part_that_is_given_stays_or_learns_slowly(bank, tmp_path):
    """A rate of 0 leaves weights and statistics as given; without given ones the part learns."""
    task = make_task(config(1, TASKS["windows"]).phases[0])
    torch.manual_seed(5)
    given = {n: v.clone() for n, v in task.network().state_dict().items() if n[:5] == "fine."}
    made = config(2, TASKS["windows"], rates={"fine": 0.0, "coarse": 0.5})
    kept = train(made, bank, tmp_path / "kept", init=given).net.state_dict()
    fresh = train(made, bank, tmp_path / "fresh")
    assert all(torch.equal(kept[name], value) for name, value in given.items())
    assert fresh.rates == {}
    assert all(p.requires_grad for p in fresh.net.parameters())
    name = "fine.stem.0.1.running_mean"
    assert not torch.equal(fresh.net.state_dict()[name], torch.zeros_like(kept[name]))


def test_rates_are_shares_of_the_learning_rate(bank, tmp_path):
    """A given part learns at its share of the rate, the rest at all of it; a run resumes so."""
    task = make_task(config(1).phases[0])
    given = {n: v for n, v in task.network().state_dict().items() if n.startswith("stem.")}
    made = config(4, rates={"stem": 0.25})
    train(made, bank, tmp_path / "run", init=given, stop_at=2)
    run = train(made, bank, tmp_path / "run", init=given)
    rates = {group["factor"]: group["lr"] for group in run.optimiser.param_groups}
    assert run.step == 4
    assert rates[0.25] == pytest.approx(0.25 * rates[1.0])


def test_a_run_resumes_as_it_began_without_the_weights_it_began_with(bank, tmp_path):
    """What a part began with is known from the checkpoint: a resumed run keeps its rates."""
    task = make_task(config(1).phases[0])
    given = {n: v for n, v in task.network().state_dict().items() if n.startswith("stem.")}
    made = config(4, rates={"stem": 0.0})
    begun = train(made, bank, tmp_path / "run", init=given, stop_at=2).rates
    run = train(made, bank, tmp_path / "run")
    assert run.step == 4
    assert run.rates == begun == {"stem": 0.0}
    assert not any(p.requires_grad for p in run.net.stem.parameters())


def test_parts_begin_with_models_that_are_made_before():
    """What a configuration names as a beginning is made earlier, and fits all of that part."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.models import CONFIGS, MODELS  # noqa: PLC0415

    seen = {}
    for name in MODELS:
        made = Config.read(CONFIGS / f"{name}.toml")
        net = make_task(made.phases[-1]).network()
        for part, model in made.begin.items():
            given = seen[model]
            own = net.get_submodule(part).state_dict()
            assert {n: v.shape for n, v in own.items()}.items() <= given.items()
        assert all(part in dict(net.named_children()) for part in made.phases[-1].rates)
        seen[name] = {n: v.shape for n, v in net.state_dict().items()}


def test_weights_are_read_for_parts_of_a_network(tmp_path):
    """PART=FILE puts a part's name before the file's; a plain file keeps its names."""
    for name in ("a", "b"):
        torch.save({"stem.weight": torch.ones(1)}, tmp_path / name)
    made = read_weights([tmp_path / "a", f"fine={tmp_path / 'b'}"])
    assert set(made) == {"stem.weight", "fine.stem.weight"}


def test_unasked_cells_teach_nothing():
    """What weighs nothing changes no loss; what is asked does."""
    task = make_task(config(1, TASKS["windows"]).phases[0])
    torch.manual_seed(0)
    net = task.network().eval()
    image, cells = torch.randn(1, 3, 384, 384), torch.zeros(1, 2, 6, 6)
    weight = torch.zeros_like(cells)
    weight[0, 0, 2, 3] = 1.0

    def loss(wanted):
        batch = {"image": image, "wanted": wanted, "weight": weight}
        with torch.no_grad():
            return float(sum(task.losses(net, batch).values()))

    other, asked = cells.clone(), cells.clone()
    other[0, 0, 3, 3] = other[0, 1, 2, 3] = 1.0
    asked[0, 0, 2, 3] = 1.0
    assert loss(other) == loss(cells) > 0
    assert loss(asked) != loss(cells)


def test_int8_is_kept_only_where_it_holds():
    """One point of sensitivity may be lost, and no more."""
    lower = {"labels": ["mass"], "mass": {"iou": [0.49] * 6}}
    assert int8_holds(FIGURES, lower)
    lower["mass"]["iou"][3] = 0.48
    assert not int8_holds(FIGURES, lower)


def test_averaged_weights_lie_in_the_middle():
    """Every tensor is the mean; what only one run has is taken from it; other shapes are named."""
    a, b = {"x": torch.zeros(2), "y": torch.ones(1)}, {"x": torch.full((2,), 4.0)}
    made = average([a, b])
    assert made["x"].tolist() == [2.0, 2.0]
    assert made["y"].tolist() == [1.0]
    with pytest.raises(ValueError, match="x has different shapes"):
        average([a, {"x": torch.zeros(3)}])


def test_boxes_are_answered_as_large_as_configured():
    """A scale for boxes keeps scores and order, and grows boxes about their cells."""
    torch.manual_seed(0)
    net = make_task(config(1, TASKS["detector"]).phases[0]).network().eval()
    image = torch.rand(1, 2, 64, 64)
    plain, grown = (Deployed(net, top=20, box_scale=scale) for scale in (1.0, 1.5))
    with torch.no_grad():
        (boxes, scores, *_), (larger, same, *_) = plain(image), grown(image)
    assert torch.equal(scores, same)
    found = scores > 0
    assert found.any()
    sides, longer = ((b[found, 2:] - b[found, :2]) for b in (boxes, larger))
    assert torch.allclose(longer, 1.5 * sides, rtol=1e-4)


def test_landmarks_are_measured_on_views_that_end_at_the_breast(bank):
    """As the node cuts them, not in the wide frames of training."""
    seen = []

    class Recorder:
        def run(self, names, images):
            rows, columns = images["image"].shape[2:]
            seen.append((rows, columns))
            middle = np.array([[columns / 2, rows / 2, 1.0]])
            return middle, np.zeros((1, 1, rows, columns)), np.zeros((1, 1))

    task = make_task(config(1, {"kind": "landmarks", "mm_per_pixel": 0.5}).phases[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.measures.views.open_model", lambda _: Recorder())
        found = measure_landmarks(task, Path("none.onnx"), bank)
    # 160 pixels of 0.3 mm are 96 of 0.5 mm, and the nipple lies at 60, 48 of them.
    assert seen == [(96, 96)] * 4
    assert found["nipple_error_mm"]["median"] == pytest.approx(6.0, abs=0.1)


def test_landmarks_cover_the_image_and_no_more():
    """Air that a network is given beside its image is cut off again."""
    torch.manual_seed(0)
    deployed = DeployedLandmarks(LandmarkNet(1, 8).eval())
    nipple, muscle, profile = deployed(torch.rand(1, 1, 48, 32))
    assert (nipple.shape, muscle.shape, profile.shape) == ((1, 3), (1, 1, 48, 32), (1, 1))


def test_a_view_upside_down_has_the_same_density():
    """Upside down or not, what is exported for density answers the same."""
    torch.manual_seed(0)
    net = DeployedDensity(DensityNet(width=4).eval())
    cc, mlo = torch.rand(2, 1, 1, 96, 64)
    with torch.no_grad():
        told = net(cc, mlo)
        turned = [net(cc.flip(2), mlo), net(cc, mlo.flip(2)), net(cc.flip(2), mlo.flip(2))]
    assert told.sum() == pytest.approx(1.0, abs=1e-5)
    for other in turned:
        assert torch.allclose(told, other, atol=1e-6)


def test_averaged_weights_get_statistics_of_their_own(bank):
    """Batch normalisation sees what the averaged network sees; weights stay as they were."""
    task = make_task(config(1).phases[-1])
    batches = [drawn_batch(task, bank, seed, 2) for seed in range(3)]
    state = task.network().state_dict()
    kept = {name: tensor.clone() for name, tensor in state.items()}
    made = renormalised(task, state, batches)
    first = torch.stack([_stem_mean(state, batch["image"]) for batch in batches]).mean(dim=0)
    assert torch.allclose(made["stem.0.1.running_mean"], first, atol=1e-5)
    assert all(torch.equal(state[name], tensor) for name, tensor in kept.items())
    assert all(torch.equal(made[n], t) for n, t in kept.items() if n.endswith("weight"))


def _stem_mean(state, image):
    """Mean of what the first batch normalisation is given, by channel."""
    weight = state["stem.0.0.weight"]
    seen = torch.nn.functional.conv2d(image, weight, stride=2, padding=weight.shape[-1] // 2)
    return seen.mean(dim=(0, 2, 3))
