"""Which findings are one lesion: they share a Tracking Unique Identifier."""

from __future__ import annotations

from dataclasses import replace

from mammo_node.reports.found import ReadFinding


def numbered(findings: tuple[ReadFinding, ...]) -> tuple[ReadFinding, ...]:
    """Return the findings, those in several images with one tracking UID numbered as one lesion.

    Numbers that composite features gave stay.
    """
    images: dict[str, set[str]] = {}
    for finding in findings:
        if finding.tracking_uid and finding.image:
            images.setdefault(finding.tracking_uid, set()).add(finding.image.sop_instance_uid)
    shared = [uid for uid, seen_in in images.items() if len(seen_in) > 1]
    taken = max((f.lesion for f in findings if f.lesion is not None), default=0)
    numbers = {uid: number for number, uid in enumerate(shared, start=taken + 1)}
    return tuple(
        replace(f, lesion=numbers.get(f.tracking_uid or "")) if f.lesion is None else f
        for f in findings
    )
