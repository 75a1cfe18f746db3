"""What the demonstration shows in tables: all of it read back from what the PACS received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mammo_node.analyse.package import ModelPackage
from mammo_node.dimse.archive import StoredObject
from mammo_node.encode.parse import Report
from mammo_node.phantom import PhantomStudy
from mammo_node.reports.found import ReadFinding, ReadReport
from mammo_node.summary_page import Table
from mammo_node.vocabulary import DensityCategory, Laterality


def models_table(packages: Sequence[ModelPackage], report: ReadReport) -> Table:
    """Return what each model said of the study, one row a model."""
    rows = tuple(
        (f"{p.name} {p.manifest.version}", p.manifest.family, _said(p, report)) for p in packages
    )
    return Table("One study, every family", ("model", "family", "what it said"), rows)


def _said(package: ModelPackage, report: ReadReport) -> str:
    match package.manifest.family:
        case "density":
            return "; ".join(
                f"{_side(d.laterality)} {d.category}"
                for d in report.densities
                if isinstance(d.category, DensityCategory)
            )
        case "landmarks":
            placed = sum(f.location is not None for f in report.findings)
            return f"places of {placed} of {len(report.findings)} findings"
        case _:
            return "; ".join((*_found(package.name, report), *_scored(package.name, report)))


def _found(name: str, report: ReadReport) -> list[str]:
    found = [f for f in report.findings if f.algorithm.name == name]
    if not found:
        return ["no findings"]
    return [
        f"{f.image.name if f.image else '?'} {_named(f)} {f.score or 0.0:.2f}"
        for f in sorted(found, key=lambda f: -(f.score or 0.0))
    ]


def _named(finding: ReadFinding) -> str:
    return finding.label or (finding.concept.meaning if finding.concept else "finding")


def _scored(name: str, report: ReadReport) -> list[str]:
    scores = [s for s in report.scores if s.algorithm.name == name]
    return [
        f"{s.image} as a whole {s.score:.2f}"
        + (f", AI suspicion category {s.category}" if s.category is not None else "")
        for s in scores
    ]


def breasts_table(report: ReadReport) -> Table:
    """Return the assessments of breasts and patient."""
    rows = tuple(
        (
            _side(a.laterality),
            a.light.value,
            f"{a.score:.2f}",
            "" if a.category is None else str(a.category),
            " ".join(a.reasons),
        )
        for a in report.assessments
    )
    columns = ("breast", "light", "score", "AI suspicion category", "reasons")
    return Table("Breasts", columns, rows)


def _side(laterality: Laterality | None) -> str:
    return {Laterality.LEFT: "left", Laterality.RIGHT: "right", None: "patient"}[laterality]


def findings_table(report: Report, names: Mapping[str, str]) -> Table:
    """Return the findings; ``names`` of images by SOP Instance UID."""
    rows = tuple(
        (
            names.get(finding.sop_instance_uid, "?"),
            finding.label,
            f"{finding.score:.2f}",
            "" if finding.long_axis_mm is None else f"{finding.long_axis_mm:.0f}",
            f"{finding.model_name} {finding.model_version}",
        )
        for finding in sorted(report.findings, key=lambda finding: -finding.score)
    )
    columns = ("view", "finding", "score", "long axis, mm", "model")
    return Table("Findings, read back from the SR", columns, rows, "none above the threshold")


def truth_table(study: PhantomStudy) -> Table:
    """Return what there was to find."""
    rows = tuple(
        (f"{view.laterality}-{view.view}", lesion.kind, lesion.variety, f"{lesion.size_mm:.0f}")
        for view in study.views
        for lesion in view.findings
    )
    return Table("What was put into the phantom", ("view", "finding", "variety", "size, mm"), rows)


def objects_table(stored: tuple[StoredObject, ...], out: Path) -> Table:
    """Return the objects that came back."""
    rows = tuple((o.modality, str(o.path.relative_to(out)), o.sop_instance_uid) for o in stored)
    return Table("Objects in the PACS", ("modality", "file", "SOP Instance UID"), rows)
