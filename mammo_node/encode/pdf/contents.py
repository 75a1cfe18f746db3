"""What the report says, as headings, facts and tables: pure, without a page in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mammo_node.encode import sentences, statement
from mammo_node.encode.modules import Common
from mammo_node.encode.objects import PriorResult
from mammo_node.encode.overview.capture import printed_date
from mammo_node.encode.overview.light import legend_of
from mammo_node.encode.pdf import breasts, printable
from mammo_node.encode.pdf.table import Table, told
from mammo_node.encode.typeface import written
from mammo_node.header import attributes
from mammo_node.vocabulary import Finding, FindingRef, StudyResult, ViewResult

Fact = tuple[str, str]

#: Letters that a line of the page has room for, and those of a list of UIDs.
_LINE_LENGTH: Final = 120
_MOST_LETTERS: Final = 800


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that the report says but for the pictures."""

    identity: str
    """Who and which study, in one line for the head of each page."""
    patient: tuple[Fact, ...]
    study: tuple[Fact, ...]
    tables: tuple[Table, ...]
    provenance: tuple[Fact, ...]


def contents_of(
    result: StudyResult, common: Common, predecessors: Sequence[PriorResult]
) -> Contents:
    """Gather what the report says."""
    patient, study = _patient(common), _study(common)
    tables = [
        breasts.breasts(result),
        _findings(result),
        breasts.compared(result),
        _lesions(result),
        breasts.image_scores(result),
        _images(result),
        _models(result),
    ]
    return Contents(
        identity=_identity(patient, study, common.identity.instance_uid("pdf")),
        patient=patient,
        study=study,
        tables=tuple(table for table in tables if table.rows),
        provenance=_provenance(result, common, predecessors),
    )


def _identity(patient: tuple[Fact, ...], study: tuple[Fact, ...], document_uid: str) -> str:
    """Return who and which study in one line; where they are too long, which document."""
    words = f"{patient[0][1]} \u00b7 ID {patient[1][1]} \u00b7 study {study[0][1]}"
    return words if len(words) <= _LINE_LENGTH else f"document {document_uid}"


def _patient(common: Common) -> tuple[Fact, ...]:
    header = common.header
    return (
        ("Patient", printable.text_of(header, "PatientName")),
        ("Patient ID", printable.text_of(header, "PatientID")),
        ("Born", _date(common, "PatientBirthDate")),
        ("Sex", printable.text_of(header, "PatientSex")),
    )


def _study(common: Common) -> tuple[Fact, ...]:
    header = common.header
    return (
        ("Study date", _date(common, "StudyDate")),
        ("Accession number", printable.text_of(header, "AccessionNumber")),
        ("Description", printable.text_of(header, "StudyDescription")),
        ("Referring physician", printable.text_of(header, "ReferringPhysicianName")),
    )


def _date(common: Common, keyword: str) -> str:
    text = printable.text_of(common.header, keyword)
    return text if text == printable.UNKNOWN else printed_date(text)


def _findings(result: StudyResult) -> Table:
    """Return one row a finding; the column of sites stands only where there are any."""
    found = [
        (view, index, finding)
        for view in result.views
        for index, finding in enumerate(view.findings)
    ]
    sited = any(_site(finding) for _, _, finding in found)
    columns = ("Finding", "Kind", "Score", "Operating point", "Long axis", "Site", "Model")
    shares = (0.10, 0.17, 0.07, 0.09, 0.09, 0.30, 0.18)
    rows = [_finding_row(result, view, index, finding) for view, index, finding in found]
    keep = [number for number, name in enumerate(columns) if sited or name != "Site"]
    return Table(
        "Findings",
        tuple(columns[n] for n in keep),
        tuple(shares[n] for n in keep),
        tuple(tuple(row[n] for n in keep) for row in rows),
        "Scores are the model's own, 0 to 1, and no probabilities of disease. The long axis is the"
        " longer side of the finding's box or outline, by the pixel spacing below.",
    )


def _finding_row(
    result: StudyResult, view: ViewResult, index: int, finding: Finding
) -> tuple[str, ...]:
    threshold, size = result.threshold_of(finding), finding.long_axis_mm
    return (
        statement.finding_name(result, view, index),
        told(finding.label),
        f"{finding.score:.2f}",
        printable.UNKNOWN if threshold is None else f"{threshold:.2f}",
        printable.UNKNOWN if size is None else f"{size:.1f} mm",
        told(_site(finding) or printable.UNKNOWN),
        told(f"{finding.model.name} {finding.model.version}"),
    )


def _site(finding: Finding) -> str:
    """Return where it lies: in a model's words, else by views and nipple."""
    place = sentences.location_words(finding.location)
    return place or finding.site or ""


def _lesions(result: StudyResult) -> Table:
    """Return one row for each lesion that was matched in several images."""
    names = {
        FindingRef(view.ref.sop_instance_uid, index): statement.finding_name(result, view, index)
        for view in result.views
        for index in range(len(view.findings))
    }
    rows = [
        (str(number), ", ".join(names[ref] for ref in lesion if ref in names))
        for number, lesion in enumerate(result.lesions, start=1)
    ]
    columns = ("Lesion", "Findings that are this lesion")
    return Table("Lesions seen in several views", columns, (0.13, 0.87), tuple(rows))


def _images(result: StudyResult) -> Table:
    rows = [
        (
            statement.image_name(result, view),
            told(statement.view_statement(result, view)),
            _spacing(view),
        )
        for view in result.views
    ]
    columns = ("Image", "Answer", "Pixel spacing and where it is from")
    return Table("Images", columns, (0.13, 0.49, 0.38), tuple(rows))


def _spacing(view: ViewResult) -> str:
    if view.spacing is None:
        return printable.UNKNOWN
    row, column = view.spacing.row_mm, view.spacing.column_mm
    size = f"{row:.4g} mm" if row == column else f"{row:.4g} x {column:.4g} mm"
    return f"{size}, {view.spacing.origin.value}"


def _models(result: StudyResult) -> Table:
    rows = [
        (told(f"{model.name} {model.version}"), model.sha256, told(model.description))
        for model in result.models
    ]
    return Table("Models", ("Model", "SHA-256", "Description"), (0.21, 0.40, 0.39), tuple(rows))


def _provenance(
    result: StudyResult, common: Common, predecessors: Sequence[PriorResult]
) -> tuple[Fact, ...]:
    equipment = common.equipment
    own = common.identity.instance_uid("pdf")
    older = [p.sop_instance_uid for p in predecessors if p.sop_instance_uid != own]
    facts = [
        ("Answer", result.outcome.value),
        ("Result", f"{max(common.generation, 1)} of this study"),
        ("Supersedes", statement.shortened(", ".join(older), _MOST_LETTERS)),
        ("Operating points", statement.operating_point(result)),
        ("Not judged", told(" ".join(result.remarks))),
        ("Light", "" if result.assessments else legend_of(result)),
        ("Configuration", result.configuration_hash),
        ("Made by", written(f"{equipment.model_name} {equipment.software_version}")),
        ("Made at", _made_at(common)),
        ("Institution", written(equipment.institution_name)),
        ("Study Instance UID", result.study_instance_uid),
        ("Document UID", own),
    ]
    return tuple((name, value) for name, value in facts if value)


def _made_at(common: Common) -> str:
    when = common.content_datetime.strftime("%Y-%m-%d %H:%M")
    known = attributes.text(common.header, "TimezoneOffsetFromUTC")
    return f"{when} {common.content_datetime.strftime('%z')}".rstrip() if known else when
