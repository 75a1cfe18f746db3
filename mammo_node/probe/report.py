"""A probe's report: for the terminal, as JSON, and as a page to file."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from mammo_node.probe.steps import ProbeReport, Step, Verdict

_NOTICE = "mammo_node is research software, not a medical device."
_MARKS = {
    Verdict.OK: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_SUPPORTED: "not supported",
    Verdict.NOT_TRIED: "not tried",
}
_COLOURS = {
    Verdict.OK: "#1b7f3b",
    Verdict.FAILED: "#b3261e",
    Verdict.NOT_SUPPORTED: "#8a6d00",
    Verdict.NOT_TRIED: "#555555",
}


def line(step: Step) -> str:
    """Return one step for a terminal."""
    advice = f"\n{'':>15}{step.advice}" if step.advice else ""
    return f"{_MARKS[step.verdict]:<14} {step.name}: {step.detail}{advice}"


def conclusion(report: ProbeReport) -> str:
    """Return in one sentence what the report comes to."""
    failed = [step.name for step in report.steps if step.verdict is Verdict.FAILED]
    if failed:
        return f"Not ready: {', '.join(failed)} failed."
    return "Ready: everything that the configuration needs works."


def document(report: ProbeReport) -> dict[str, Any]:
    """Return the report for JSON."""
    return {
        "destination": report.destination,
        "address": report.address,
        "calling_ae_title": report.calling_ae_title,
        "outputs": list(report.outputs),
        "software_version": report.software_version,
        "at": report.at.isoformat(timespec="seconds"),
        "passed": report.passed,
        "steps": [
            {
                "name": step.name,
                "verdict": step.verdict.value,
                "detail": step.detail,
                "advice": step.advice,
            }
            for step in report.steps
        ],
    }


def markdown(report: ProbeReport) -> str:
    """Return the report as a Markdown page."""
    lines = [f"# Go-live report: {report.destination}", "", f"**{conclusion(report)}**", ""]
    lines += [f"- {name}: {_cell(value)}" for name, value in _facts(report)]
    lines += ["", "| step | result | what was seen | what to do |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {step.name} | {_MARKS[step.verdict]} | {_cell(step.detail)} | {_cell(step.advice)} |"
        for step in report.steps
    ]
    return "\n".join([*lines, "", _NOTICE, "", "Checked by: ____________________", ""])


def page(report: ProbeReport) -> str:
    """Return the report as a self-contained HTML page."""
    facts = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in _facts(report)
    )
    steps = "".join(_row(step) for step in report.steps)
    return _PAGE.format(
        title=html.escape(f"Go-live report: {report.destination}"),
        conclusion=html.escape(conclusion(report)),
        facts=facts,
        steps=steps,
        notice=html.escape(_NOTICE),
    )


def _facts(report: ProbeReport) -> Iterator[tuple[str, str]]:
    yield "destination", f"{report.destination} ({report.address})"
    if report.calling_ae_title:
        yield "our AE title", report.calling_ae_title
    yield "outputs", ", ".join(report.outputs)
    yield "time", report.at.isoformat(timespec="seconds")
    yield "software", f"mammo_node {report.software_version}"


def _cell(text: str) -> str:
    """Keep a peer's words from breaking the table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _row(step: Step) -> str:
    cells = (step.name, _MARKS[step.verdict], step.detail, step.advice)
    name, mark, detail, advice = map(html.escape, cells)
    colour = _COLOURS[step.verdict]
    return (
        f'<tr><td>{name}</td><td style="color:{colour};font-weight:bold">{mark}</td>'
        f"<td>{detail}</td><td>{advice}</td></tr>"
    )


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 62em; color: #1a1a1a; }}
table {{ border-collapse: collapse; margin: 1em 0; width: 100%; }}
th, td {{ border: 1px solid #bbb; padding: .35em .6em; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
</style></head><body><h1>{title}</h1><p><strong>{conclusion}</strong></p>
<table>{facts}</table>
<table><tr><th>step</th><th>result</th><th>what was seen</th><th>what to do</th></tr>{steps}</table>
<p>{notice}</p><p>Checked by: ____________________</p></body></html>
"""
