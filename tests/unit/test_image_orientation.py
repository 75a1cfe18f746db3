"""Orientation: the chest wall's side from header and pixels, up and down from the header."""

from __future__ import annotations

import numpy as np
import pytest

from mammo_node.image.orientation import (
    air_is_bright,
    header_chest_wall_right,
    header_head_down,
    orient,
    pixel_chest_wall_right,
    rotated,
)
from mammo_node.vocabulary import Laterality, OrientationOrigin
from tests.synthetic import breast, header

R, L = Laterality.RIGHT, Laterality.LEFT
TOWARDS_RIGHT = breast(right=True) / 4095
TOWARDS_LEFT = breast(right=False) / 4095
NOTHING = np.zeros((200, 160))


@pytest.mark.parametrize(
    ("orientation", "right", "turned"),
    [
        (["P", "L"], True, False),
        (["P", "FL"], True, False),
        (["A", "FR"], False, False),
        (["AR", "F"], False, False),
        (["a", "foot"], False, False),
        (["F", "P"], None, True),
        (["HL", "A"], None, True),
        (["L", "F"], None, False),
        (["P"], None, False),
        (["P", ""], None, False),
        (["P", "X"], None, False),
        (None, None, False),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_chest_wall_by_patient_orientation(
    orientation: list[str] | None, right: bool | None, turned: bool
) -> None:
    """Rows that lead to posterior end at the chest wall; columns that do are a turned image."""
    ds = header(PatientOrientation=orientation)
    assert header_chest_wall_right(ds) is right
    assert rotated(ds) is turned


@pytest.mark.parametrize(
    ("laterality", "columns", "down"),
    [
        (R, "F", False),
        (R, "FL", False),
        (R, "H", True),
        (R, "HR", True),
        (R, "L", False),
        (R, "R", True),
        (L, "R", False),
        (L, "L", True),
        (L, "FR", False),
        (L, "FL", False),
    ],
)
def test_head_down(laterality: Laterality, columns: str, down: bool) -> None:
    """Upright is head up, or lateral up in a CC view, whose side depends on the breast."""
    assert header_head_down(header(PatientOrientation=["P", columns]), laterality) is down


def test_head_is_up_when_nothing_says_otherwise() -> None:
    """Without Patient Orientation an image is taken for upright, as modalities store it."""
    assert header_head_down(header(PatientOrientation=None), R) is False


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("right", [True, False])
def test_the_breast_touches_the_chest_wall_edge(right: bool, seed: int) -> None:
    """The pixels show the side, with a bright label on the air side and a bright film rim."""
    greys = breast(right=right, seed=seed) / 4095
    air = slice(2, 30) if right else slice(-30, -2)
    greys[5:25, air] = 1.0
    greys[:, :1] = greys[:, -1:] = 1.0
    assert pixel_chest_wall_right(greys, None) is right


def test_padding_counts_as_air() -> None:
    """Bright padding on the air side is not mistaken for the breast."""
    greys = TOWARDS_RIGHT.copy()
    greys[:, :40] = 1.0
    padding = np.zeros(greys.shape, bool)
    padding[:, :40] = True
    assert pixel_chest_wall_right(greys, padding) is True


@pytest.mark.parametrize(
    "greys", [NOTHING, np.ones((200, 160)), np.random.default_rng(1).random((200, 160))]
)
def test_pixels_without_a_breast_say_nothing(greys: np.ndarray) -> None:
    """A blank or structureless image has no side."""
    assert pixel_chest_wall_right(greys, None) is None
    assert pixel_chest_wall_right(greys, np.ones(greys.shape, bool)) is None


def test_bright_air_is_seen() -> None:
    """A negative is told from a positive by the air, in either direction."""
    for greys in (TOWARDS_RIGHT, TOWARDS_LEFT):
        assert air_is_bright(greys, None) is False
        assert air_is_bright(1 - greys, None) is True
    assert air_is_bright(NOTHING, None) is None


@pytest.mark.parametrize(
    ("orientation", "greys", "right", "origin"),
    [
        (["P", "L"], TOWARDS_RIGHT, True, OrientationOrigin.HEADER),
        (["P", "L"], NOTHING, True, OrientationOrigin.HEADER),
        (["A", "R"], NOTHING, False, OrientationOrigin.HEADER),
        (None, TOWARDS_LEFT, False, OrientationOrigin.PIXELS),
        (["A", "R"], TOWARDS_RIGHT, True, OrientationOrigin.PIXELS_OVER_HEADER),
        (["P", "L"], TOWARDS_LEFT, False, OrientationOrigin.PIXELS_OVER_HEADER),
    ],
)
def test_clear_pixels_win_and_the_origin_is_kept(
    orientation: list[str] | None, greys: np.ndarray, right: bool, origin: OrientationOrigin
) -> None:
    """The header stands where the pixels are unclear; the result says what decided."""
    found = orient(header(PatientOrientation=orientation), R, greys, None)
    assert found is not None
    assert (found.chest_wall_right, found.origin) == (right, origin)


def test_no_evidence_is_no_orientation() -> None:
    """Neither header nor pixels: there is no orientation, and the caller refuses."""
    assert orient(header(PatientOrientation=None), R, NOTHING, None) is None
