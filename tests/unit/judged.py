"""A small evaluation whose figures can be worked out by hand."""

from __future__ import annotations

from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.records import Density, ImageRecord, TrueFinding
from mammo_node.evaluate.run import Judged
from mammo_node.vocabulary import Box, Laterality, View

MASS, CLUSTER = "mass", "calcification-cluster"
SPACING = (0.1, 0.1)


def square(x: float, y: float, side: float = 100) -> Box:
    """A box by its corner; at 0.1 mm a side of 100 is 10 mm."""
    return Box(x, y, x + side, y + side)


def record(
    name: str, *findings: TrueFinding, patient: str = "", side: str = "L", **more: object
) -> ImageRecord:
    """A left CC annotated for masses and clusters."""
    facts = {
        "view": View.CC,
        "annotated": frozenset({MASS, CLUSTER}),
        "vendor": "ACME",
        "malignant": any(f.malignant for f in findings),
        **more,
    }
    who = patient or name
    return ImageRecord(name, None, who, who, Laterality(side), findings=findings, **facts)


def judged(truth: ImageRecord, *boxes: ScoredBox, **more: object) -> Judged:
    """A record with what was found there."""
    return Judged(truth, Prediction(truth.image_id, boxes, spacing_mm=SPACING, **more))


def example() -> list[Judged]:
    """Five images of four women; one image was refused.

    Masses: a (15 mm) hit at 0.9, b (8 mm) hit at 0.5, c (25 mm) missed. False: 0.8 on b, 0.4 on d.
    """
    a = TrueFinding(MASS, "mass", square(0, 0, 150), malignant=True)
    b = TrueFinding(MASS, "mass", square(500, 500, 80), malignant=False)
    c = TrueFinding(MASS, "mass", square(0, 0, 250), malignant=True)
    cluster = TrueFinding(CLUSTER, "calc", square(900, 900), malignant=False)
    lost = TrueFinding(MASS, "mass", square(5, 5), malignant=True)
    return [
        judged(
            record("a", a, patient="1", density=Density.A, nipple_px=(100, 200)),
            ScoredBox(MASS, 0.9, square(0, 0, 150), suspicion=0.7),
            density=(0.7, 0.1, 0.1, 0.1),
            nipple_px=(130, 240),
        ),
        judged(
            record("b", b, patient="1", side="R", density=Density.B, vendor="Other"),
            ScoredBox(MASS, 0.5, square(500, 500, 80), suspicion=0.1),
            ScoredBox(MASS, 0.8, square(0, 900), suspicion=0.2),
            density=(0.1, 0.1, 0.1, 0.7),
        ),
        judged(record("c", c, cluster, patient="2", density=Density.C)),
        judged(
            record("d", patient="3", nipple_px=(10, 10)),
            ScoredBox(MASS, 0.4, square(300, 300)),
            ScoredBox(CLUSTER, 0.3, square(600, 600)),
            nipple_px=(10, 20),
        ),
        Judged(record("e", lost, patient="4"), Prediction("e", refusal="pixel-data: broken")),
    ]
