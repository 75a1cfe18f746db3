"""Views of a breast with landmarks and findings, made by hand in millimetres from the nipple."""

from __future__ import annotations

from dataclasses import replace

from mammo_node.vocabulary import (
    Finding,
    Landmarks,
    ModelRef,
    Orientation,
    Spacing,
    SpacingOrigin,
    ViewResult,
)
from tests.unit import study_views
from tests.unit.study_views import MODEL

POINTER = ModelRef("pointer", "1.0", "1" * 64)
PITCH_MM = 0.5
ROWS, COLUMNS = 400, 300
#: Upright, chest wall at the left: the nipple 90 mm in front of the image's edge.
NIPPLE = (180.0, 200.0)
BREAST = ((0.0, 20.0), (120.0, 60.0), NIPPLE, (120.0, 340.0), (0.0, 380.0))
#: A triangle at the upper left: at the nipple's level it would be 45 mm behind it.
MUSCLE = ((0.0, 0.0), (140.0, 0.0), (130.0, 40.0), (0.0, 380.0))


def finding(
    back: float,
    up: float,
    score: float = 0.5,
    *,
    label: str = "mass",
    size_mm: float = 10.0,
    model: ModelRef = MODEL,
) -> Finding:
    """A finding so many mm behind and above the nipple, in an upright image."""
    column, row = NIPPLE[0] - back / PITCH_MM, NIPPLE[1] - up / PITCH_MM
    reach = size_mm / 2 / PITCH_MM
    found = study_views.finding(
        score, label, model=model, at=(column - reach, row - reach), size=2 * reach
    )
    return replace(found, long_axis_mm=size_mm)


def view(
    laterality: str,
    name: str,
    *findings: Finding,
    muscle: tuple[tuple[float, float], ...] = (),
    nipple: tuple[float, float] | None = NIPPLE,
    uid: str = "",
    rows: int = ROWS,
) -> ViewResult:
    """An upright view with the chest wall at the left, whatever the breast."""
    marks = Landmarks(nipple, 0.9, 0.9, muscle, BREAST, POINTER, Orientation(False))
    bare = study_views.view(laterality, name, *findings, by=(MODEL, POINTER))
    return replace(
        bare,
        ref=replace(bare.ref, sop_instance_uid=uid or bare.ref.sop_instance_uid),
        rows=rows,
        columns=COLUMNS,
        spacing=Spacing(PITCH_MM, PITCH_MM, SpacingOrigin.IMAGER),
        landmarks=marks,
    )
