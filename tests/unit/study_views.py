"""Views, findings and scores of a study, made by hand."""

from __future__ import annotations

from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Box,
    CodedConcept,
    Finding,
    ImageScore,
    InstanceRef,
    Laterality,
    ModelRef,
    Refusal,
    RefusalReason,
    View,
    ViewResult,
)

MODEL = ModelRef("seeker", "1.0", "0" * 64)
BLIND = ModelRef("density", "1.0", "1" * 64)
CONCEPT = CodedConcept("129788004", "SCT", "Mammographic breast mass")


def finding(
    score: float,
    label: str = "mass",
    *,
    model: ModelRef = MODEL,
    at: tuple[float, float] = (10.0, 10.0),
    size: float = 20.0,
) -> Finding:
    box = Box(at[0], at[1], at[0] + size, at[1] + size)
    return Finding(label, CONCEPT, score, box, None, None, model)


def image_score(score: float, category: int | None = None, model: ModelRef = MODEL) -> ImageScore:
    return ImageScore("mass", score, category, model)


def view(
    laterality: str,
    name: str,
    *findings: Finding,
    scores: tuple[ImageScore, ...] = (),
    by: tuple[ModelRef, ...] = (MODEL,),
    refused: RefusalReason | None = None,
) -> ViewResult:
    return ViewResult(
        ref=InstanceRef("1.2", f"1.2.{laterality}.{name}", "1.2.4", "1.2.5", "0"),
        laterality=Laterality(laterality),
        view=View(name),
        rows=100,
        columns=100,
        spacing=None,
        findings=findings,
        scores=scores,
        refusal=Refusal(refused, "for a test") if refused else None,
        by=() if refused else by,
    )


def four(**findings: tuple[Finding, ...]) -> list[ViewResult]:
    """The standard views; findings by name, such as ``R_CC=(finding(0.9),)``."""
    return [view(s, v, *findings.get(f"{s}_{v}", ())) for s, v in STANDARD_VIEWS]
