"""What a folder of result reports says of each image: DICOM SR in, predictions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from mammo_node.encode.parse import Report, parse_report
from mammo_node.errors import EncodingError, GroundTruthError, ImageError
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

_REPORTS = frozenset({Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage})
_UNSAID = "no-result: no report speaks of it"


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
    found: list[tuple[str, Report]] = []
    unread: list[str] = []
    for path, ds in _reports(files):
        try:
            found.append((_written(ds), parse_report(ds)))
        except EncodingError as error:
            unread.append(f"{path}: {error}")
    if not found:
        why = f"; the first that was not read is {unread[0]}" if unread else ""
        raise GroundTruthError(f"{folder}: there is no result report (TID 1500) in it{why}")
    found.sort(key=lambda pair: pair[0])
    by_image: dict[str, Prediction] = {}
    for _, report in found:
        by_image.update(_predictions(report))
    every = [finding for _, report in found for finding in report.findings]
    models = dict.fromkeys(f"{f.model_name} {f.model_version}" for f in every)
    labels = dict.fromkeys(known_as(finding.label) for finding in every)
    return Results(by_image, tuple(models), tuple(labels), len(found), tuple(unread))


def _reports(files: Iterable[Path]) -> Iterator[tuple[Path, Dataset]]:
    for path in files:
        try:
            ds = read_header(path)
        except (ImageError, OSError):
            continue
        if attributes.uid(ds, "SOPClassUID") in _REPORTS:
            yield path, ds


def _written(ds: Dataset) -> str:
    parts = (attributes.text(ds, keyword) or "" for keyword in ("ContentDate", "ContentTime"))
    return " ".join(parts)


def _predictions(report: Report) -> dict[str, Prediction]:
    boxes: dict[str, list[ScoredBox]] = {uid: [] for uid in report.without_findings}
    for finding in report.findings:
        box = ScoredBox(known_as(finding.label), finding.score, finding.box_px)
        boxes.setdefault(finding.sop_instance_uid, []).append(box)
    told = {uid: Prediction("", tuple(found)) for uid, found in boxes.items()}
    unread = "not-analysed: the report says nothing about it"
    return {**{uid: Prediction("", refusal=unread) for uid in report.not_analysed}, **told}


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
