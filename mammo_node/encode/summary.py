"""A study's result as plain JSON values, for scripts, pages and the offline command.

The keys are stable: keys may be added, none is renamed or removed without a new
``format`` number::

    format                 1
    study_instance_uid     str
    generation             int, 1 for the first answer; a late view makes the next
    outcome                "findings" | "no-findings" | "partial" | "failed" | "not-attempted"
    statement              str, the answer in a sentence
    reason                 str | null, why the outcome is not a plain one
    research_use           str, what the answer may not be used for
    configuration_hash     str
    operating_points       {label: threshold}, "label (model)" where models differ on a label
    models                 [{name, version, sha256}]
    lesions                [[{sop_instance_uid, index}, ...]], findings that are one lesion
    densities              [{laterality, category, probabilities, sop_instance_uids, model}]
                           of each breast; laterality null: of the patient; category "A" to "D",
                           probabilities of A, B, C and D
    assessments            [{laterality, score, category, light, reasons}], likewise; category is
                           the AI suspicion category (not BI-RADS) or null, light "red" | "amber" |
                           "green" | "unlit"
    remarks                [str], what could not be judged across views
    views                  [
      sop_instance_uid, sop_class_uid, series_instance_uid    str
      laterality, view     str | null
      rows, columns        int
      spacing_mm           {row, column, origin} | null
      analysed             bool, whether a model has seen the image
      statement            str
      refusal              {reason, detail} | null
      landmarks            {nipple_px, nipple_score, in_profile, pectoral_px, breast_px, model} |
                           null; points are [column, row], the outlines polygons
      scores               [{label, score, category, model}], of the image as a whole
      findings             [
        label              str
        concept            {value, scheme, meaning}
        score              float, 0..1
        box_px             {x_min, y_min, x_max, y_max}, image coordinates (column, row)
        outline_px         [[column, row], ...] | null
        members_px         [[column, row], ...], centres of a cluster's calcifications if known
        long_axis_mm       float | null
        location           {quadrant, clock, depth, nipple_mm, skin_mm} | null
        agreement          {score_before, partner, difference_mm} | null, with the other view;
                           partner is {sop_instance_uid, index} | null
        model              {name, version, sha256}
      ]
    ]
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Any, Final

from mammo_node.encode import statement
from mammo_node.vocabulary import (
    Agreement,
    Assessment,
    Density,
    Finding,
    ImageScore,
    Landmarks,
    Location,
    ModelRef,
    StudyResult,
    ViewResult,
)

FORMAT: Final = 1


def study_json(result: StudyResult) -> dict[str, Any]:
    """Return the result as values that ``json.dumps`` takes; keys as in the module's text."""
    return {
        "format": FORMAT,
        "study_instance_uid": result.study_instance_uid,
        "generation": result.generation,
        "outcome": result.outcome.value,
        "statement": statement.study_statement(result),
        "reason": result.reason,
        "research_use": statement.RESEARCH_USE,
        "configuration_hash": result.configuration_hash,
        "operating_points": {label: float(value) for label, value in result.operating_points},
        "models": [_model(model) for model in result.models],
        "lesions": [[asdict(ref) for ref in lesion] for lesion in result.lesions],
        "densities": [_density(density) for density in result.densities],
        "assessments": [_assessment(assessment) for assessment in result.assessments],
        "remarks": list(result.remarks),
        "views": [_view(result, view) for view in result.views],
    }


def _view(result: StudyResult, view: ViewResult) -> dict[str, Any]:
    refusal, spacing = view.refusal, view.spacing
    return {
        "sop_instance_uid": view.ref.sop_instance_uid,
        "sop_class_uid": view.ref.sop_class_uid,
        "series_instance_uid": view.ref.series_instance_uid,
        "laterality": view.laterality.value if view.laterality else None,
        "view": view.view.value if view.view else None,
        "rows": int(view.rows),
        "columns": int(view.columns),
        "spacing_mm": spacing
        and {
            "row": float(spacing.row_mm),
            "column": float(spacing.column_mm),
            "origin": spacing.origin.value,
        },
        "analysed": statement.is_analysed(result, view),
        "statement": statement.view_statement(result, view),
        "refusal": refusal and {"reason": refusal.reason.value, "detail": refusal.detail},
        "landmarks": _landmarks(view.landmarks),
        "scores": [_score(score) for score in view.scores],
        "findings": [_finding(finding) for finding in view.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    outline, long_axis = finding.outline_px, finding.long_axis_mm
    return {
        "label": finding.label,
        "concept": asdict(finding.concept),
        "score": float(finding.score),
        "box_px": {name: float(value) for name, value in asdict(finding.box_px).items()},
        "outline_px": None if outline is None else [[float(x), float(y)] for x, y in outline],
        "members_px": [[float(x), float(y)] for x, y in finding.members_px],
        "long_axis_mm": None if long_axis is None else float(long_axis),
        "location": finding.location and _plain(finding.location),
        "agreement": finding.agreement and _plain(finding.agreement),
        "model": _model(finding.model),
    }


def _landmarks(landmarks: Landmarks | None) -> dict[str, Any] | None:
    if landmarks is None:
        return None
    return _plain(landmarks) | {"model": _model(landmarks.model)}


def _score(score: ImageScore) -> dict[str, Any]:
    return _plain(score) | {"model": _model(score.model)}


def _density(density: Density) -> dict[str, Any]:
    return _plain(density) | {"model": _model(density.model)}


def _assessment(assessment: Assessment) -> dict[str, Any]:
    return _plain(assessment)


def _plain(
    value: Location | Agreement | Landmarks | ImageScore | Density | Assessment,
) -> dict[str, Any]:
    """Return a frozen value as JSON has it: fields by name, tuples as lists, words as words."""
    return {name: _listed(field) for name, field in asdict(value).items()}


def _listed(field: Any) -> Any:
    if isinstance(field, tuple):
        return [_listed(one) for one in field]
    return field.value if isinstance(field, StrEnum) else field


def _model(model: ModelRef) -> dict[str, Any]:
    return {"name": model.name, "version": model.version, "sha256": model.sha256}
