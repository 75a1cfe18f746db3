"""What a folder of result reports says of each image: DICOM SR in, predictions out.

Our reports and other makers', TID 1500 and CAD (:mod:`mammo_node.reports`). What a report marks as
not to be shown is left out; a finding without a score counts as certain; one that is a bare point
can be a hit by its centre only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from mammo_node.errors import GroundTruthError, NotAReport, ReportUnreadable
from mammo_node.evaluate.labels import known_as
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.results import Results
from mammo_node.header import attributes
from mammo_node.reports.document import read_report
from mammo_node.reports.files import read_document
from mammo_node.reports.found import ReadFinding, ReadReport
from mammo_node.vocabulary import Box

_UNREAD = "not-analysed: the report says so"
_NOT_SHOWN = "not"
_MEASUREMENTS = "1500"
_CERTAIN = 1.0
#: Half the side of the box that a bare point is given.
_POINT_PX = 0.5


def read_reports(folder: Path) -> Results:
    """Read every report under `folder`; of two on one image the later one holds.

    Raises
    ------
    GroundTruthError
        If there is no such folder, or no report in it.
    """
    if not folder.exists():
        raise GroundTruthError(f"{folder}: there is no such folder")
    files = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if p.is_file())
    found: list[tuple[str, ReadReport]] = []
    unread: list[str] = []
    for path in files:
        try:
            ds = read_document(path)
            found.append((_written(ds), read_report(ds)))
        except NotAReport:
            continue
        except ReportUnreadable as error:
            unread.append(f"{path}: {error}")
    if not found:
        why = f"; the first that was not read is {unread[0]}" if unread else ""
        raise GroundTruthError(f"{folder}: there is no report of findings in it{why}")
    return _results([report for _, report in sorted(found, key=_order)], tuple(unread))


def _written(ds: Dataset) -> str:
    parts = (attributes.text(ds, keyword) or "" for keyword in ("ContentDate", "ContentTime"))
    return " ".join(parts)


def _order(dated: tuple[str, ReadReport]) -> tuple[str, bool]:
    """By time; of one time the measurement report last, which tells places more exactly."""
    written, report = dated
    return written, report.template == _MEASUREMENTS


def _results(reports: Sequence[ReadReport], unread: tuple[str, ...]) -> Results:
    by_image: dict[str, Prediction] = {}
    for report in reports:
        by_image.update(_predictions(report))
    every = [finding for report in reports for finding in report.findings]
    models = dict.fromkeys(_by(finding) for finding in every)
    labels = dict.fromkeys(_label(finding) for finding in every)
    # A report does not say what its maker looks for: without findings nothing is known of that.
    return Results(
        by_image,
        tuple(filter(None, models)),
        tuple(labels) or None,
        len(reports),
        unread=unread,
    )


def _by(finding: ReadFinding) -> str:
    algorithm = finding.algorithm
    return " ".join(part for part in (algorithm.name, algorithm.version) if part)


def _label(finding: ReadFinding) -> str:
    meaning = "finding" if finding.concept is None else finding.concept.meaning
    return known_as(finding.label or meaning)


def _predictions(report: ReadReport) -> dict[str, Prediction]:
    boxes: dict[str, list[ScoredBox]] = {uid: [] for uid in report.without_findings}
    for finding in report.findings:
        if finding.image is None:
            continue
        mine = boxes.setdefault(finding.image.sop_instance_uid, [])
        box = _place(finding)
        if box is not None and finding.rendering != _NOT_SHOWN:
            score = _CERTAIN if finding.score is None else finding.score
            mine.append(ScoredBox(_label(finding), score, box))
    refused = {uid: Prediction("", refusal=_UNREAD) for uid in report.not_analysed}
    return refused | {uid: _prediction(report, uid, tuple(found)) for uid, found in boxes.items()}


def _prediction(report: ReadReport, uid: str, boxes: tuple[ScoredBox, ...]) -> Prediction:
    """Return what a report says of an image: its findings, its scores, its breast's density."""
    of_breast = (d for d in report.densities if d.laterality and uid in d.sop_instance_uids)
    density = next(of_breast, None)
    return Prediction(
        "",
        boxes,
        {one.label: one.score for one in report.scores if one.sop_instance_uid == uid},
        density=density.probabilities if density else None,
        density_category=density.category if density else None,
    )


def _place(finding: ReadFinding) -> Box | None:
    if finding.box_px is not None or finding.centre_px is None:
        return finding.box_px
    x, y = finding.centre_px
    return Box(x - _POINT_PX, y - _POINT_PX, x + _POINT_PX, y + _POINT_PX)
