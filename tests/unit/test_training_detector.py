"""The trainer: the loss falls, runs resume, and the exported file answers like the network."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'training' (torch)")
pytest.importorskip("tqdm", reason="needs the extra 'training' (tqdm)")

from training.bank import BankedView  # noqa: E402
from training.detector import Config, train  # noqa: E402

TINY = {"batch": 2, "crop_px": 96, "width": 8, "warm_up": 2, "learning_rate": 3e-3}


@pytest.fixture
def bank(tmp_path):
    """A bank of one easy view: a bright disc on grey."""
    y, x = np.mgrid[:160, :160]
    disc = np.hypot(x - 80, y - 80) < 20
    image = np.stack([90 + 120 * disc, 100 + 120 * disc, 0 * disc]).astype(np.uint8)
    view = BankedView(
        image=image,
        mask=np.ones((160, 160), dtype=bool),
        boxes=np.array([[60, 60, 100, 100]], dtype=np.float32),
        labels=np.array([0]),
        contrast=np.array([2.0], dtype=np.float32),
        fine=np.asarray(True),
    )
    folder = tmp_path / "bank"
    folder.mkdir()
    np.savez(folder / "a.npz", **{key: getattr(view, key) for key in BankedView.__slots__})
    return folder


def test_loss_falls_and_the_run_is_recorded(bank, tmp_path):
    """After a few dozen steps the loss is lower, and run.json says what was done on what."""
    run = train(Config(steps=60, **TINY), bank, tmp_path / "out")
    first, last = run.curve[0], run.curve[-1]
    assert last[1] + last[2] < first[1] + first[2]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["steps_done"] == 60
    assert record["views"] == 1
    assert len(record["data_sha256"]) == 64


def test_a_run_resumes_where_it_stopped(bank, tmp_path):
    """Stopping half-way and going on gives the weights of an unbroken run."""
    whole = train(Config(steps=6, **TINY), bank, tmp_path / "whole")
    part = tmp_path / "part"
    train(Config(steps=6, **TINY), bank, part, stop_at=3)
    resumed = train(Config(steps=6, **TINY), bank, part)
    for a, b in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_unknown_keys_are_refused(tmp_path):
    """A typing error in a configuration is named."""
    path = tmp_path / "c.toml"
    path.write_text("stepz = 3\n")
    with pytest.raises(SystemExit, match="stepz"):
        Config.read(path)


@pytest.mark.slow
def test_export_answers_like_torch(tmp_path):
    """The ONNX file keeps to its contract, at sizes it was not traced with."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra 'training'")
    from training.export import build, export, parity  # noqa: PLC0415
    from training.network import LesionNet  # noqa: PLC0415

    torch.manual_seed(0)
    model = build(LesionNet(width=8).state_dict(), 8)
    path = tmp_path / "model.onnx"
    export(model, path)
    box, score = parity(model, path)
    assert box < 0.01
    assert score < 1e-4
