"""What a folder of result reports says of each image: DICOM SR in, predictions out.

Our reports and other makers', TID 1500 and CAD (:mod:`mammo_node.reports`). What a report marks as
not to be shown is left out; a finding without a score counts as certain; one that is a bare point
can be a hit by its centre only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydicom.dataset import Dataset

from mammo_node.errors import GroundTruthError, ImageError, NotAReport, ReportUnreadable
from mammo_node.evaluate.images import complete
from mammo_node.evaluate.labels import known_as
from mammo_node.evaluate.predictions import Prediction, ScoredBox
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.run import Judged
from mammo_node.evaluate.samples import Truth
from mammo_node.header import attributes
from mammo_node.header.part10 import read_header
from mammo_node.image.policy import Policy
from mammo_node.image.spacing import spacing_from
from mammo_node.reports.document import read_report
from mammo_node.reports.files import read_document
from mammo_node.reports.found import ReadFinding, ReadReport
from mammo_node.vocabulary import Box

_UNSAID = "no-result: no report speaks of it"
_UNREAD = "not-analysed: the report says so"
_NOT_SHOWN = "not"
_MEASUREMENTS = "1500"
_CERTAIN = 1.0
#: Half the side of the box that a bare point is given.
_POINT_PX = 0.5


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that the reports in a folder say.

    ``by_image`` has a prediction for each SOP Instance UID that a report speaks of, ``models`` who
    made them, ``unread`` the reports that could not be read, with the reason.
    """

    by_image: Mapping[str, Prediction]
    models: tuple[str, ...]
    labels: tuple[str, ...]
    reports: int
    unread: tuple[str, ...] = field(default=())

    def judge(self, truth: Truth, policy: Policy) -> Iterator[Judged]:
        """Pair each image's truth with what the reports say of it."""
        for sample in truth.samples(policy):
            record, header = sample.record, _header(sample.record)
            uid = record.sop_instance_uid
            if header is not None:
                uid = uid or str(attributes.uid(header, "SOPInstanceUID") or "")
                words = " ".join(attributes.words(header, "Manufacturer"))
                record = replace(record, vendor=record.vendor or words or None)
            said = self.by_image.get(uid or "", Prediction("", refusal=_UNSAID))
            spacing = _spacing(record, header)
            yield Judged(record, replace(said, image_id=record.image_id, spacing_mm=spacing))


def read_results(folder: Path) -> Results:
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
    return Results(by_image, tuple(filter(None, models)), tuple(labels), len(reports), unread)


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
    return refused | {uid: Prediction("", tuple(found)) for uid, found in boxes.items()}


def _place(finding: ReadFinding) -> Box | None:
    if finding.box_px is not None or finding.centre_px is None:
        return finding.box_px
    x, y = finding.centre_px
    return Box(x - _POINT_PX, y - _POINT_PX, x + _POINT_PX, y + _POINT_PX)


def _header(record: ImageRecord) -> Dataset | None:
    if record.path is None:
        return None
    try:
        return read_header(record.path)
    except (ImageError, OSError):
        return None


def _spacing(record: ImageRecord, header: Dataset | None) -> tuple[float, float] | None:
    if header is not None:
        complete(header, record)
        found = spacing_from(header)
        if found is not None:
            return found.row_mm, found.column_mm
    return None if record.spacing_mm is None else (record.spacing_mm, record.spacing_mm)
