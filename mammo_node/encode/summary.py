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
    operating_points       {label: threshold}
    models                 [{name, version, sha256}]
    lesions                [[{sop_instance_uid, index}, ...]], findings that are one lesion
    views                  [
      sop_instance_uid, sop_class_uid, series_instance_uid    str
      laterality, view     str | null
      rows, columns        int
      spacing_mm           {row, column, origin} | null
      analysed             bool, whether a model has seen the image
      statement            str
      refusal              {reason, detail} | null
      findings             [
        label              str
        concept            {value, scheme, meaning}
        score              float, 0..1
        box_px             {x_min, y_min, x_max, y_max}, image coordinates (column, row)
        outline_px         [[column, row], ...] | null
        members_px         [[column, row], ...], centres of a cluster's calcifications if known
        long_axis_mm       float | null
        model              {name, version, sha256}
      ]
    ]
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from mammo_node.encode import statement
from mammo_node.vocabulary import Finding, ModelRef, StudyResult, ViewResult

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
        "model": _model(finding.model),
    }


def _model(model: ModelRef) -> dict[str, Any]:
    return {"name": model.name, "version": model.version, "sha256": model.sha256}
