"""Boxes in model pixels become findings on the stored image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mammo_node.analyse.package import load_package
from mammo_node.findings import findings_from
from mammo_node.image.geometry import ViewTransform
from mammo_node.vocabulary import Detections, Spacing, SpacingOrigin
from tests.unit.analyse_graphs import write_package

SPACING = Spacing(0.1, 0.2, SpacingOrigin.IMAGER)
#: Crop at (100, 50), half size, mirrored.
TRANSFORM = ViewTransform(100, 50, 400, 600, 200, 300, flip_x=True)


def findings(tmp_path: Path, *boxes: tuple[float, float, float, float], suspicion=None):
    detections = Detections(
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.5, dtype=np.float32),
        np.zeros(len(boxes), dtype=np.int64),
        suspicion=suspicion,
    )
    package = load_package(write_package(tmp_path / "blobs"))
    return findings_from(detections, TRANSFORM, package, SPACING, (1000, 480))


def test_a_box_is_mapped_back(tmp_path: Path):
    """Crop, flip and scale are undone, and the size in mm takes the pitch of each direction."""
    (found,) = findings(tmp_path, (100, 20, 120, 50))
    box = found.box_px
    assert (box.x_min, box.y_min, box.x_max, box.y_max) == (260, 90, 300, 150)
    assert found.long_axis_mm == pytest.approx(max(40 * 0.2, 60 * 0.1))
    assert (found.label, found.concept.value, found.model.name) == ("mass", "129788004", "blobs")


def test_a_box_is_cut_to_the_image(tmp_path: Path):
    """What stands over the edge of the image is cut off."""
    (found,) = findings(tmp_path, (0, 0, 20, 20))
    assert found.box_px.x_max == 480


def test_a_box_outside_is_dropped(tmp_path: Path):
    """A box wholly outside the image is no finding."""
    assert findings(tmp_path, (0, 0, 5, 5)) == []


def test_a_box_keeps_how_suspicious_it_is(tmp_path: Path):
    """Where the model tells; one that is dropped takes its suspicion with it."""
    boxes = ((0, 0, 5, 5), (100, 20, 120, 50))
    assert [found.suspicion for found in findings(tmp_path, *boxes)] == [None]
    (found,) = findings(tmp_path, *boxes, suspicion=np.array([0.25, 0.75], dtype=np.float32))
    assert found.suspicion == 0.75
