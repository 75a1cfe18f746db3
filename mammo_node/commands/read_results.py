"""``mammo-node read-results``: what reports say, ours and other vendors', as a table or JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mammo_node.encode import sentences
from mammo_node.errors import NotAReport, ReportUnreadable
from mammo_node.offline import existing_files
from mammo_node.reports.document import read_report
from mammo_node.reports.files import read_document
from mammo_node.reports.found import ReadFinding, ReadReport
from mammo_node.reports.summary import report_json
from mammo_node.vocabulary import CodedConcept

#: Where the output is no terminal, tables are not folded into eighty columns.
_WIDTH_OF_A_FILE = 160
_PLACE = "place"
_HEADINGS = (
    "image",
    "finding",
    "score",
    "size",
    "at (column, row)",
    "place",
    "show",
    "lesion",
    "by",
)


def run(options: argparse.Namespace) -> int:
    """Print every report under the paths; 1 if one cannot be read, or there is none."""
    read: list[tuple[Path, ReadReport]] = []
    failures = passed_over = 0
    for path in existing_files(options.paths):
        try:
            read.append((path, read_report(read_document(path))))
        except ReportUnreadable as error:
            if isinstance(error, NotAReport) and path not in options.paths:
                passed_over += 1
                continue
            print(f"{path}: {error}", file=sys.stderr)
            failures += 1
    if options.json:
        print(json.dumps([report_json(path, report) for path, report in read], indent=2))
    else:
        _print(read)
    if passed_over:
        print(f"{passed_over} other files passed over", file=sys.stderr)
    if not read and not failures:
        print("no report of findings was found", file=sys.stderr)
    return 1 if failures or not read else 0


def _print(read: list[tuple[Path, ReadReport]]) -> None:
    # Reports say what they like: brackets in it are no markup.
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    console = Console(markup=False, highlight=False, width=width)
    for number, (path, report) in enumerate(read):
        if number:
            console.print()
        for line in _lines(path, report):
            console.print(line, soft_wrap=True)
        if report.findings:
            console.print(_table(report))


def _lines(path: Path, report: ReadReport) -> Iterator[str]:
    yield f"{path}: {_words(report.title)}"
    maker = (report.manufacturer, report.model_name, report.software_versions)
    yield f"  by {' '.join(part for part in maker if part) or 'nobody named'}"
    yield f"  study {report.study_instance_uid or 'not named'}"
    for what, code in (
        ("summary", report.summary),
        ("detections", report.detections),
        ("analyses", report.analyses),
    ):
        if code is not None:
            yield f"  {what}: {code.meaning or code.value}"
    for number in report.measured:
        yield f"  {_words(number.concept)}: {number.value:g} {number.unit}"
    for quality in report.qualities:
        yield f"  {_words(quality.concept)}: {_words(quality.value)}"
    yield from _of_wholes(report)
    for statement in report.statements:
        yield f"  {statement}"
    for uid in report.without_findings:
        yield f"  no findings in image {_image_name(report, uid)}"
    for uid in report.not_analysed:
        yield f"  not analysed: image {_image_name(report, uid)}"
    for words in report.missing:
        yield f"  missing: {words}"
    if not report.findings:
        yield "  no findings are listed"


def _of_wholes(report: ReadReport) -> Iterator[str]:
    """Yield what is said of breasts, the patient and images."""
    for assessment in report.assessments:
        yield f"  {sentences.assessment_words(assessment)}"
    for density in report.densities:
        what = density.category or _words(density.composition)
        certain = "" if density.certainty is None else f", {density.certainty:.2f}"
        yield f"  {sentences.who(density.laterality)}: density {what}{certain}"
    for score in report.scores:
        said = "" if score.category is None else f", {sentences.category_words(score.category)}"
        yield f"  {score.image or 'an image'}: {score.label} {score.score:.2f}{said}"


def _image_name(report: ReadReport, uid: str) -> str:
    named = {image.sop_instance_uid: image.name for image in report.images}
    return f"{named.get(uid) or 'of unknown view'} ({uid})"


def _table(report: ReadReport) -> Table:
    """Return one row a finding; the column of places stands only where there are any."""
    placed = any(finding.location is not None for finding in report.findings)
    keep = [n for n, heading in enumerate(_HEADINGS) if placed or heading != _PLACE]
    table = Table(box=None, pad_edge=False)
    for number in keep:
        table.add_column(_HEADINGS[number], overflow="fold")
    for finding in report.findings:
        row = _row(finding)
        table.add_row(*(row[number] for number in keep))
    return table


def _row(finding: ReadFinding) -> tuple[str, ...]:
    image = finding.image
    algorithm = finding.algorithm
    return (
        (image.name or image.sop_instance_uid) if image else finding.laterality or "?",
        _what(finding),
        "-" if finding.score is None else f"{finding.score:.2f}",
        "-" if finding.size_mm is None else f"{finding.size_mm:.1f} mm",
        _where(finding),
        sentences.location_words(finding.location) or "-",
        finding.rendering or "-",
        "-" if finding.lesion is None else str(finding.lesion),
        " ".join(part for part in (algorithm.name, algorithm.version) if part) or "-",
    )


def _what(finding: ReadFinding) -> str:
    words = finding.label or _words(finding.concept)
    members = len(finding.members_px)
    return f"{words}, {members} members" if members else words


def _words(code: CodedConcept | None) -> str:
    if code is None:
        return "not said what"
    return code.meaning or f"({code.value}, {code.scheme})"


def _where(finding: ReadFinding) -> str:
    box = finding.box_px
    if box is not None:
        return f"({box.x_min:.0f}, {box.y_min:.0f})-({box.x_max:.0f}, {box.y_max:.0f})"
    if finding.centre_px is not None:
        column, row = finding.centre_px
        return f"({column:.0f}, {row:.0f})"
    return "?"
