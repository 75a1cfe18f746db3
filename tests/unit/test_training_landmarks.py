"""Landmarks on labelled films: read as the node reads them, judged on the film's own pixels."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo_node.analyse.landmarks import LandmarkFinder
from mammo_node.phantom import generate_study
from training.measures.detect import prepared
from training.measures.packaged import packaged
from training.realism import landmarks
from training.realism.real import Mammogram, as_raw
from training.realism.view import BACKGROUND, PECTORAL

PACKAGE = Path("mammo_node/models/landmarks")
PITCH_MM = 0.25


@pytest.fixture(scope="module")
def phantom():
    """A phantom film with a muscle: 8 bit grey levels, where the muscle is, the nipple (x, y)."""
    plain = {"masses": 0, "clusters": 0, "signs": (), "implant": "none", "look": "film"}
    study = generate_study(8, pixel_spacing_mm=PITCH_MM, views=[("L", "MLO")], **plain)
    (view,) = study.views
    grey = view.pixels.astype(np.float32)
    return np.uint8(255 * grey / grey.max()), view.landmarks.pectoral, view.landmarks.nipple_px


def measured(folder, monkeypatch, capsys, *more):
    line = ["landmarks", "--real", str(folder), "--package", str(PACKAGE), *more]
    monkeypatch.setattr(sys, "argv", line)
    landmarks.main()
    return json.loads(capsys.readouterr().out)


def written(folder, name, grey, muscle):
    """A film with its label, as they are distributed."""
    labels = np.where(muscle, PECTORAL, BACKGROUND).astype(np.uint8)
    for kind, image in (("images", grey), ("labels", labels)):
        (folder / "ddsm-tissue" / kind).mkdir(parents=True, exist_ok=True)
        suffix = "_LI" if kind == "labels" else ""
        cv2.imwrite(str(folder / "ddsm-tissue" / kind / f"{name}{suffix}.png"), image)


def test_either_side_is_judged_as_stored(phantom, tmp_path, monkeypatch, capsys):
    """A film and its mirror image agree with their labels alike, nipples at mirrored places."""
    grey, muscle, nipple_px = phantom
    assert muscle.any()
    written(tmp_path, "a", grey, muscle)
    written(tmp_path, "b", grey[:, ::-1], muscle[:, ::-1])
    written(tmp_path, "c", grey, np.zeros_like(muscle))
    told = measured(tmp_path, monkeypatch, capsys)
    one, mirrored, unlabelled = told["images"]
    assert one["dice"] > 0.6
    assert mirrored["dice"] == pytest.approx(one["dice"], abs=0.02)
    assert unlabelled["dice"] == told["dice"]["least"] == 0.0
    assert one["nipple_px"] == pytest.approx(nipple_px, abs=10.0 / PITCH_MM)
    column, row = one["nipple_px"]
    assert mirrored["nipple_px"] == pytest.approx([grey.shape[1] - column, row], abs=3)
    used = [image["score"] >= 0.3 for image in told["images"]]
    assert told["nipples_used"] == sum(used)


def test_more_air_around_the_breast_changes_nothing(phantom):
    """The node cuts a view to its breast: the shipped model errs no more at that edge."""
    grey, _, _ = phantom
    finder = packaged(PACKAGE, LandmarkFinder)
    image = Mammogram("a", "film", grey.astype(np.float32), PITCH_MM)
    cut = prepared(as_raw(image), finder.package.input_spec).tensor
    tight, wide = (
        finder.run(np.pad(cut, ((0, 0), (0, 0), (0, more), (0, more)))) for more in (0, 64)
    )
    assert tight.nipple == pytest.approx(wide.nipple, abs=0.3)
    assert tight.score == pytest.approx(wide.score, abs=0.05)
    assert tight.in_profile == pytest.approx(wide.in_profile, abs=0.05)
    rows, columns = cut.shape[2:]
    assert tight.pectoral == pytest.approx(wide.pectoral[:rows, :columns], abs=0.05)


def test_a_score_is_compared_before_it_is_rounded(phantom):
    """A nipple just below the least score is not used, though it is told as that score."""
    grey, muscle, _ = phantom
    image = Mammogram("a", "film", grey.astype(np.float32), PITCH_MM)
    seen = landmarks.landmarked(packaged(PACKAGE, LandmarkFinder), image, muscle)
    scored = [replace(seen, found=replace(seen.found, score=score)) for score in (0.2996, 0.3)]
    told = landmarks.figures(scored, 0.3)
    assert [one["score"] for one in told["images"]] == [0.3, 0.3]
    assert told["nipples_used"] == 1


def test_the_sheet_shows_what_was_found(phantom, tmp_path, monkeypatch, capsys):
    """Red where muscle was found, and a ring around the nipple."""
    grey, muscle, _ = phantom
    written(tmp_path, "a", grey, muscle)
    measured(tmp_path, monkeypatch, capsys, "--sheet", str(tmp_path / "sheet.png"))
    blue, green, red = (
        part.astype(int) for part in cv2.split(cv2.imread(str(tmp_path / "sheet.png")))
    )
    assert ((red == 255) & (green < 255)).sum() > 500
    assert (abs(green - red) + blue > 200).any()


def test_a_folder_without_films_is_said(tmp_path, monkeypatch, capsys):
    """Not an empty answer."""
    with pytest.raises(SystemExit, match="there is no film"):
        measured(tmp_path, monkeypatch, capsys)
