"""The answer in words: every sentence that a reader of results sees, in one place.

All of it is plain ASCII, so that it can stand in an object of any character set.
"""

from __future__ import annotations

from typing import Final

from mammo_node.vocabulary import Finding, Outcome, StudyResult, ViewResult

RESEARCH_USE: Final = "Research use only. Not a medical device. Not for diagnosis."


def plain(text: str) -> str:
    """Return printable ASCII on one line; anything else becomes a question mark or a space."""
    one_line = " ".join(text.split())
    ascii_only = one_line.encode("ascii", "replace").decode("ascii")
    return "".join(c if c.isprintable() else "?" for c in ascii_only)


def shortened(text: str, length: int) -> str:
    """Return at most so many characters, with dots where something is left out."""
    return text if len(text) <= length else text[: length - 3].rstrip() + "..."


def view_name(view: ViewResult) -> str:
    """Return side and view as on a film marker, such as 'R MLO', as far as they are known."""
    known = [part.value for part in (view.laterality, view.view) if part is not None]
    return " ".join(known) or "unknown view"


def image_name(result: StudyResult, view: ViewResult) -> str:
    """Return the name of an image in reports: 'R-MLO', and 'R-MLO.2' for the second of its kind."""
    name = view_name(view)
    alike = [v.ref.sop_instance_uid for v in result.views if view_name(v) == name]
    place = alike.index(view.ref.sop_instance_uid)
    return name.replace(" ", "-") + (f".{place + 1}" if place else "")


def is_analysed(result: StudyResult, view: ViewResult) -> bool:
    """Whether a model has seen this image: a silence on others must not read as a negative."""
    if view.refusal is not None:
        return False
    return bool(view.findings) or result.outcome not in (Outcome.FAILED, Outcome.NOT_ATTEMPTED)


def finding_count(result: StudyResult) -> int:
    """Return the number of findings in all views."""
    return sum(len(view.findings) for view in result.views)


def count(number: int, noun: str) -> str:
    """Return '1 finding', '2 findings', 'no findings'."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def operating_point(result: StudyResult) -> str:
    """Return the thresholds in force, such as 'mass >= 0.35'."""
    return plain(", ".join(f"{label} >= {value:g}" for label, value in result.operating_points))


def view_statement(result: StudyResult, view: ViewResult) -> str:
    """Return what there is to say of one image."""
    if view.refusal is not None:
        reason = view.refusal.reason.value
        return f"Not analysed ({reason}): {plain(view.refusal.detail)}"
    if not is_analysed(result, view):
        failed = result.outcome is Outcome.FAILED
        return "Analysis failed, no result" if failed else "Analysis not attempted, no result"
    return f"{count(len(view.findings), 'finding').capitalize()} above the operating point"


def study_statement(result: StudyResult) -> str:
    """Return the answer to the whole study in a few sentences."""
    sentences = _headline(result)
    if result.reason:
        sentences += f" Reason: {plain(result.reason).rstrip('.')}."
    if result.outcome not in (Outcome.FINDINGS, Outcome.NO_FINDINGS):
        sentences += " Nothing is said about images that were not analysed."
    return sentences


def _headline(result: StudyResult) -> str:
    match result.outcome:
        case Outcome.FINDINGS | Outcome.NO_FINDINGS:
            return _success(result)
        case Outcome.PARTIAL:
            return _partial(result)
        case Outcome.FAILED:
            return "AI analysis FAILED: there is no result for this study."
        case Outcome.NOT_ATTEMPTED:
            return "AI analysis was NOT ATTEMPTED: there is no result for this study."


def _success(result: StudyResult) -> str:
    analysed = [view for view in result.views if is_analysed(result, view)]
    names = ", ".join(view_name(view) for view in analysed)
    found = count(finding_count(result), "finding")
    text = f"AI result: {found} above the operating point in {count(len(analysed), 'image')}"
    left_out = len(result.views) - len(analysed)
    return f"{text} ({names})." + (f" {left_out} not analysed." if left_out else "")


def _partial(result: StudyResult) -> str:
    analysed = sum(is_analysed(result, view) for view in result.views)
    found = count(finding_count(result), "finding")
    return (
        f"AI result is PARTIAL: {analysed} of {len(result.views)} images analysed;"
        f" {found} above the operating point in these."
    )


def finding_name(result: StudyResult, view: ViewResult, index: int) -> str:
    """Return the name of a finding in reports and on images: 'R-MLO-1', counted from 1."""
    return f"{image_name(result, view)}-{index + 1}"


def finding_caption(index: int, finding: Finding) -> str:
    """Return the caption of a finding on an image, such as '1 mass 0.87 12 mm'."""
    size = "" if finding.long_axis_mm is None else f" {finding.long_axis_mm:.0f} mm"
    return f"{index + 1} {plain(finding.label)} {finding.score:.2f}{size}"
