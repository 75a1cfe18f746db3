"""A report that was read back becomes a study result again, to be drawn and compared."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from mammo_node.encode.parse import Report, ReportedFinding
from mammo_node.header import summarise
from mammo_node.vocabulary import (
    Finding,
    InstanceRef,
    ModelRef,
    Outcome,
    StudyResult,
    ViewResult,
)


def study_result_of(report: Report, headers: Sequence[Dataset]) -> StudyResult:
    """Return what the report says of the images with these headers.

    Parameters
    ----------
    report : Report
        As :func:`mammo_node.encode.parse.parse_report` reads it.
    headers : sequence of Dataset
        Headers of images of one study; those that the report does not analyse are left out.
    """
    analysed = {f.sop_instance_uid for f in report.findings} | set(report.without_findings)
    views = tuple(_view(report, ds) for ds in headers if str(ds.SOPInstanceUID) in analysed)
    found = any(view.findings for view in views)
    return StudyResult(
        study_instance_uid=str(headers[0].StudyInstanceUID),
        generation=1,
        outcome=Outcome.FINDINGS if found else Outcome.NO_FINDINGS,
        views=views,
        models=tuple(dict.fromkeys(map(_model, report.findings))),
    )


def _view(report: Report, ds: Dataset) -> ViewResult:
    uid, summary = str(ds.SOPInstanceUID), summarise(ds)
    return ViewResult(
        ref=InstanceRef(
            str(ds.SOPClassUID), uid, str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), ""
        ),
        laterality=summary.laterality,
        view=summary.view,
        rows=int(ds.Rows),
        columns=int(ds.Columns),
        spacing=None,
        findings=tuple(_finding(f) for f in report.findings if f.sop_instance_uid == uid),
    )


def _finding(reported: ReportedFinding) -> Finding:
    return Finding(
        label=reported.label,
        concept=reported.concept,
        score=reported.score,
        box_px=reported.box_px,
        outline_px=reported.region_px,
        long_axis_mm=reported.long_axis_mm,
        model=_model(reported),
    )


def _model(reported: ReportedFinding) -> ModelRef:
    return ModelRef(reported.model_name, reported.model_version, reported.model_sha256)
