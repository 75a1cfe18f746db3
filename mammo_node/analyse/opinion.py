"""What one model says of a study by itself, to be compared with what another says.

Scores are the model's own, before views were compared, and the light is judged from this model
alone: what else runs beside it must not show. Kept as JSON; keys are added, never renamed.
No patient data: UIDs, boxes and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from mammo_node.analyse.assessment import Rules, assess
from mammo_node.analyse.fuse import outcome_of
from mammo_node.vocabulary import (
    Assessment,
    Density,
    Finding,
    Light,
    ModelRef,
    Outcome,
    Refusal,
    RefusalReason,
    ViewResult,
)

FORMAT: Final = 1
_UNSEEN = Refusal(RefusalReason.MODEL, "this model is not intended for it")


@dataclass(frozen=True, slots=True)
class Mark:
    """One finding: label, score, and its box as (x_min, y_min, x_max, y_max)."""

    label: str
    score: float
    box_px: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """One image as the model saw it; ``refusal`` is the reason where it did not."""

    sop_instance_uid: str
    laterality: str | None
    view: str | None
    refusal: str | None
    score: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """One model's word on one study.

    ``score``, ``category`` and ``light`` are the patient's; ``densities`` categories by side,
    and of the patient under ``""``.
    """

    model: ModelRef
    outcome: Outcome
    score: float
    category: int | None
    light: Light
    reasons: tuple[str, ...]
    densities: dict[str, str]
    views: tuple[Seen, ...]

    def to_json(self) -> str:
        """Return it as it is kept."""
        document = asdict(self) | {"format": FORMAT}
        model = self.model
        document["model"] = {"name": model.name, "version": model.version, "sha256": model.sha256}
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Opinion:
        """Return it again; keys of later versions are passed over."""
        document = json.loads(text)
        return cls(
            model=ModelRef(**document["model"]),
            outcome=Outcome(document["outcome"]),
            score=document["score"],
            category=document["category"],
            light=Light(document["light"]),
            reasons=tuple(document["reasons"]),
            densities=document["densities"],
            views=tuple(_seen(view) for view in document["views"]),
        )


def opinion_of(
    views: Sequence[ViewResult], densities: Sequence[Density], model: ModelRef, rules: Rules
) -> Opinion:
    """Return what one of the models that saw these views says by itself."""
    own = [_own(view, model) for view in views]
    densities = [density for density in densities if density.model == model]
    mine = {key: point for key, point in rules.points.items() if key[0] == model.name}
    assessments = assess(own, densities, replace(rules, points=mine))
    patient = assessments[-1] if assessments else Assessment(None, 0.0, None, Light.UNLIT)
    outcome, _ = outcome_of(own)
    return Opinion(
        model=model,
        outcome=outcome,
        score=float(patient.score),
        category=patient.category,
        light=patient.light,
        reasons=patient.reasons,
        densities={d.laterality.value if d.laterality else "": d.category.value for d in densities},
        views=tuple(_of_view(view) for view in own),
    )


def _own(view: ViewResult, model: ModelRef) -> ViewResult:
    if view.refusal is not None:
        return view
    if model not in view.by:
        return replace(view, findings=(), scores=(), by=(), refusal=_UNSEEN)
    findings = tuple(_before_comparison(f) for f in view.findings if f.model == model)
    scores = tuple(score for score in view.scores if score.model == model)
    return replace(view, findings=findings, scores=scores, by=(model,))


def _before_comparison(finding: Finding) -> Finding:
    if finding.agreement is None:
        return finding
    return replace(finding, score=finding.agreement.score_before, agreement=None)


def _of_view(view: ViewResult) -> Seen:
    marks = tuple(_mark(finding) for finding in view.findings)
    scores = [*(mark.score for mark in marks), *(float(one.score) for one in view.scores)]
    return Seen(
        sop_instance_uid=view.ref.sop_instance_uid,
        laterality=view.laterality,
        view=view.view,
        refusal=None if view.refusal is None else view.refusal.reason.value,
        score=max(scores, default=0.0),
        marks=marks,
    )


def _mark(finding: Finding) -> Mark:
    box = finding.box_px
    edges = (float(box.x_min), float(box.y_min), float(box.x_max), float(box.y_max))
    return Mark(finding.label, float(finding.score), edges)


def _seen(document: dict[str, Any]) -> Seen:
    marks = (Mark(m["label"], m["score"], tuple(m["box_px"])) for m in document["marks"])
    known = {k: document[k] for k in ("sop_instance_uid", "laterality", "view", "refusal", "score")}
    return Seen(**known, marks=tuple(marks))
