"""Views of a breast with landmarks and findings, made by hand in millimetres from the nipple."""

from __future__ import annotations

from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    Finding,
    InstanceRef,
    Landmarks,
    Laterality,
    ModelRef,
    Orientation,
    Spacing,
    SpacingOrigin,
    View,
    ViewResult,
)

MODEL = ModelRef("seeker", "1.0", "0" * 64)
POINTER = ModelRef("pointer", "1.0", "1" * 64)
MASS = CodedConcept("129788004", "SCT", "Mammographic breast mass")
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
    box = Box(column - reach, row - reach, column + reach, row + reach)
    return Finding(label, MASS, score, box, None, size_mm, model)


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
    return ViewResult(
        ref=InstanceRef("1.2", uid or f"1.2.{laterality}.{name}", "1.2.4", "1.2.5", "0"),
        laterality=Laterality(laterality),
        view=View(name),
        rows=rows,
        columns=COLUMNS,
        spacing=Spacing(PITCH_MM, PITCH_MM, SpacingOrigin.IMAGER),
        findings=findings,
        landmarks=marks,
        by=(MODEL, POINTER),
    )
