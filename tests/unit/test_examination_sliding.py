"""Regions of a window classifier's heatmap are findings on the stored image, however turned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo_node.analyse.dense_agreement import compared, dense_agreement
from mammo_node.analyse.package import load_package
from mammo_node.analyse.session import open_session
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.config import Models, Worker
from mammo_node.engine import Engine
from mammo_node.examination import Subject, examine
from mammo_node.vocabulary import (
    Laterality,
    MammoImage,
    Orientation,
    Presentation,
    Spacing,
    SpacingOrigin,
    View,
)
from tests.synthetic import REF, breast
from tests.unit.window_graphs import write_windows
from tests.unit.window_network import network, write_network

SPACING = Spacing(0.25, 0.25, SpacingOrigin.IMAGER)
#: Rows and columns of a bright square in a left breast, stored pixels.
SQUARE = (slice(300, 500), slice(80, 280))
CENTRE = (180.0, 400.0)


def image(*, right: bool = False) -> MammoImage:
    """A breast with a bright square, its chest wall at the right for a right breast."""
    pixels = breast(800, 600, right=False)
    pixels[SQUARE] = 4000
    return MammoImage(
        ref=REF,
        stored=np.ascontiguousarray(pixels[:, ::-1]) if right else pixels,
        padding=None,
        laterality=Laterality.RIGHT if right else Laterality.LEFT,
        view=View.CC,
        orientation=Orientation(chest_wall_right=right),
        spacing=SPACING,
        presentation=Presentation(bits_stored=12),
        manufacturer="ACME",
    )


def engine(folder: Path, **manifest) -> Engine:
    """An engine with one package, as the node starts it; the square scores 0.6 to 0.7."""
    write_windows(folder / "bright-windows", **manifest)
    models = Models(folder=folder, use=["bright-windows"], thresholds={"mass": 0.3})
    return Engine.start(models, Worker(threads=1))


@pytest.mark.parametrize("right", [False, True])
def test_a_bright_square_is_one_finding_in_its_place(tmp_path, right):
    """Box, outline and heatmap lie on the square, in the coordinates of the stored image."""
    (model,) = engine(tmp_path).loaded
    subject = image(right=right)
    examined = examine(Subject(subject), model)
    found = [finding for finding in examined.findings if finding.label == "mass"]
    assert len(found) == 1
    x, y = (600.0 - CENTRE[0], CENTRE[1]) if right else CENTRE
    box = found[0].box_px
    assert box.x_min < x < box.x_max
    assert box.y_min < y < box.y_max
    outline = np.array(found[0].outline_px)
    assert outline.min(axis=0) == pytest.approx((box.x_min, box.y_min), abs=3)
    assert outline.max(axis=0) == pytest.approx((box.x_max, box.y_max), abs=3)
    between = np.hypot(*(outline[:, None] - outline).T)
    assert found[0].long_axis_mm == pytest.approx(between.max() * 0.25)
    heat = examined.heatmap.stored(subject.shape)
    assert heat.max() == pytest.approx(found[0].score, abs=0.02)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert np.hypot(row - y, column - x) < 60
    assert not heat[subject.stored == 0].max() > 0.5 * heat.max()


def test_both_engines_find_the_same(tmp_path):
    """Findings of the dense engine are those of the exact one."""
    (exact,) = engine(tmp_path / "exact").loaded
    changes = (('engine = "exact"', 'engine = "dense"'),)
    (dense,) = engine(tmp_path / "dense", changes=changes).loaded
    one, other = (examine(Subject(image()), model) for model in (exact, dense))
    assert len(one.findings) == len(other.findings) > 0
    for ours, theirs in zip(one.findings, other.findings, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=1e-4)
        assert ours.box_px.centre == pytest.approx(theirs.box_px.centre, abs=1)
    assert np.allclose(one.heatmap.values, other.heatmap.values, atol=1e-4)


def test_small_regions_are_no_findings(tmp_path):
    """The manifest's least area counts in mm on the stored image's own spacing."""
    (model,) = engine(tmp_path / "a").loaded
    (finding,) = examine(Subject(image()), model).findings
    outline = np.array(finding.outline_px)
    x, y = outline.T
    area_mm2 = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) * 0.25**2
    for least, count in ((0.9 * area_mm2, 1), (1.1 * area_mm2, 0)):
        changes = (("min_area_mm2 = 20.0", f"min_area_mm2 = {least:.1f}"),)
        (other,) = engine(tmp_path / str(count), changes=changes).loaded
        assert len(examine(Subject(image()), other).findings) == count


def random_network(folder: Path, model: bytes | None = None, **output) -> WindowClassifier:
    """Windows of 256 pixels, within the image, through a network of a realistic depth."""
    package = load_package(write_network(folder, model))
    tables = {
        "output": package.manifest.output.model_copy(update=output),
        "window": package.manifest.window.model_copy(update={"margin_px": 0}),
    }
    package = replace(package, manifest=package.manifest.model_copy(update=tables))
    session = open_session(package.model_bytes(), provider="cpu", threads=1, name="test")
    return WindowClassifier(package, session)


def noise() -> tuple[np.ndarray, np.ndarray]:
    """A tensor with structure at several scales, and a mask that is all breast."""
    rng = np.random.default_rng(5)
    tensor = rng.normal(0, 0.3, (1, 2, 384, 352))
    for block in (8, 32, 64):
        coarse = rng.normal(0, 0.4, (1, 2, 384 // block, 352 // block + 1))
        tensor += np.repeat(np.repeat(coarse, block, 2), block, 3)[..., :352]
    return tensor.astype(np.float32), np.ones((384, 352), dtype=bool)


def test_a_trimmed_network_agrees_whatever_its_weights(tmp_path):
    """Cells whose field lies in the window make dense and exact the same function."""
    agreement = dense_agreement(random_network(tmp_path / "m"), [noise()])
    assert agreement.windows == 20
    assert agreement.least > 0.999
    assert agreement.largest_difference < 1e-5


def test_a_share_of_the_windows_may_stand_for_all(tmp_path):
    """Large windows are compared on some places, spread over the breast from end to end."""
    classifier = random_network(tmp_path / "m")
    some = classifier.run_exact(*noise(), most=7).looked_at
    places = np.flatnonzero(some)
    assert len(places) == 7
    assert (places[0], places[-1]) == (0, some.size - 1)
    assert np.ptp(np.diff(places)) <= 1
    agreement = dense_agreement(classifier, [noise(), noise()], most=7)
    assert agreement.windows == 14
    assert agreement.least > 0.999
    assert dense_agreement(classifier, [noise()], most=999).windows == 20


def test_an_untrimmed_network_is_seen_to_disagree(tmp_path):
    """The measure tells when zeros at the windows' borders spoil the agreement."""
    classifier = random_network(tmp_path / "m", network(trim=(0, 0)), map_trim=(0, 0))
    agreement = dense_agreement(classifier, [noise()])
    assert agreement.least < 0.98
    assert agreement.largest_difference > 1e-3


def test_constant_scores_agree_only_with_each_other():
    """Without ranks there is no correlation: the same constancy is agreement, else it is not."""
    rising = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    flat = np.zeros((5, 1), dtype=np.float32)
    assert compared(flat, flat, {0: "mass"}).least == 1.0
    assert compared(rising, flat, {0: "mass"}).least == 0.0
    assert compared(rising, 0.5 * rising, {0: "mass"}).least == pytest.approx(1.0)
    assert compared(rising, -rising, {0: "mass"}).least == pytest.approx(-1.0)
