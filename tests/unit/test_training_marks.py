"""Marks on images without truth: read as the node reads them, told where they lie as stored."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.realism import marks
from training.realism.marks import measure_marks
from training.realism.real import LABELLED_PITCH_MM, Mammogram

MODELS = Path("mammo_node/models")
MASS_PX = (180, 330)
FILMS = Path("ddsm-tissue") / "images"


def film():
    """A breast of fat at the left edge with one round mass, (rows, columns) grey levels."""
    rng = np.random.default_rng(1)
    rows, columns = np.indices((720, 480), dtype=np.float32)
    depth = np.clip((320.0 - np.hypot(rows - 360.0, columns)) / 40.0, 0.0, 1.0)
    texture = cv2.GaussianBlur(rng.standard_normal(depth.shape, dtype=np.float32), (0, 0), 6.0)
    ball = np.hypot(columns - MASS_PX[0], rows - MASS_PX[1]) / 28.0
    mass = np.sqrt(np.clip(1.0 - ball**2, 0.0, 1.0))
    grey = depth * (90.0 + 60.0 * texture / texture.std() / 6.0 + 90.0 * mass)
    return np.clip(grey, 0.0, 255.0).astype(np.float32)


def measured(*greys, package="lesion-detector"):
    """What is told of films of those grey levels."""
    films = [Mammogram(str(n), "film", grey, LABELLED_PITCH_MM) for n, grey in enumerate(greys)]
    return measure_marks(MODELS / package, films)


def test_a_mark_is_told_where_it_lies_as_stored():
    """The same breast with its chest wall at the other edge has the same mark, mirrored."""
    told = measured(film(), np.ascontiguousarray(film()[:, ::-1]))
    left, right = told["images"]
    assert told["marked"] == {"mass": 2, "any": 2, "images": 2}
    (mark,) = left["marks"]
    assert mark["score"] >= told["thresholds"]["mass"]
    assert mark["at_px"] == pytest.approx(MASS_PX, abs=12)
    assert left["best"][0] == mark
    (mirrored,) = right["marks"]
    assert mirrored["score"] == pytest.approx(mark["score"], abs=0.01)
    assert mirrored["at_px"] == pytest.approx((480 - mark["at_px"][0], mark["at_px"][1]), abs=2)


def test_signed_pixels_are_read():
    """Greys below zero are the darkest, not the brightest."""
    shifted = measured(np.round(film()) - 100.0)["images"][0]
    assert shifted["best"] == measured(np.round(film()))["images"][0]["best"]


def test_heatmaps_have_their_highest_place():
    """A classifier of windows tells every label's highest cell, marked or not."""
    told = measured(film(), package="findings-classifier")
    (image,) = told["images"]
    best = {one["label"]: one for one in image["best"]}
    assert set(best) == set(told["thresholds"])
    assert best["mass"]["at_px"] == pytest.approx(MASS_PX, abs=40)
    assert [one["score"] for one in image["best"]] == sorted(
        (one["score"] for one in image["best"]), reverse=True
    )
    marked = {one["label"] for one in image["marks"]}
    assert marked == {
        name for name, one in best.items() if one["score"] >= told["thresholds"][name]
    }


def test_an_image_without_a_breast_is_told():
    """Nothing is marked there, and it counts among the images."""
    told = measured(np.zeros((300, 200), dtype=np.float32))
    assert told["images"] == [{"name": "0", "breast": False, "best": [], "marks": []}]
    assert told["marked"] == {"mass": 0, "any": 0, "images": 1}


def test_other_packages_are_refused():
    """Landmarks and densities mark nothing."""
    with pytest.raises(SystemExit, match="Reporter"):
        measured(film(), package="density")
    with pytest.raises(SystemExit, match="neither a detector nor"):
        measured(film(), package="nodule-patches")


def test_the_command_reads_a_folder(tmp_path, monkeypatch, capsys):
    """Films lie as the README of training says; a folder without any is said so."""
    (tmp_path / FILMS).mkdir(parents=True)
    line = ["marks", "--real", str(tmp_path), "--package", str(MODELS / "lesion-detector")]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit, match="there is no image"):
        marks.main()
    cv2.imwrite(str(tmp_path / FILMS / "a.png"), film().astype(np.uint8))
    marks.main()
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["images"]] == ["a"]
    assert told["marked"]["mass"] == 1
