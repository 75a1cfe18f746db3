"""What was read, as plain JSON values for scripts.

The keys are stable: keys may be added, none is renamed or removed without a new ``format``
number::

    format                 1
    path                   str
    title, template        {value, scheme, meaning} | null, str | null
    sop_class_uid, sop_instance_uid, study_instance_uid    str | null
    manufacturer, model_name, software_versions, completion_flag    str | null
    summary, detections, analyses    {value, scheme, meaning} | null
    measured, qualities    [{concept, value, unit}], [{concept, value}] of the study as such
    densities              [{laterality, category, composition, certainty, probabilities,
                             sop_instance_uids, algorithm}], laterality null: of the patient
    scores                 [{sop_instance_uid, image, label, score, category, algorithm}]
    assessments            [{laterality, score, category, light, reasons}]
    statements             [str], what is said of the whole study
    images                 [{sop_instance_uid, laterality, view}]
    without_findings, not_analysed   [SOP Instance UID], of which the report says so
    predecessors           [SOP Instance UID]
    missing                [str], what such a report should have and this one has not
    findings               [
      concept, label       {value, scheme, meaning} | null, our name for it | null
      name, tracking_uid   str | null
      sop_instance_uid     str | null
      frame                int | null, of a multi-frame image, from 1
      laterality, view     "L" | "R" | null, str | null
      site                 {value, scheme, meaning} | null
      location             {quadrant, clock, depth, nipple_mm, skin_mm} | null
      box_px               {x_min, y_min, x_max, y_max} | null
      region               {graphic_type, points_px} | null
      centre_px            [column, row] | null
      members_px           [[column, row], ...]
      score                float 0..1 | null
      size_mm              float | null
      measured             [{concept, value, unit}]
      qualities            [{concept, value}]
      words                [str]
      rendering            "required" | "optional" | "not" | null
      lesion               int | null, the same for findings of one lesion
      algorithm            {name, version, parameters}
    ]
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mammo_node.reports.found import ReadFinding, ReadReport

FORMAT: Final = 1


def report_json(path: Path, report: ReadReport) -> dict[str, Any]:
    """Return the report as values that ``json.dumps`` takes; keys as in the module's text."""
    said = asdict(report)
    said["findings"] = [_finding(finding) for finding in report.findings]
    return {"format": FORMAT, "path": str(path), **said}


def _finding(finding: ReadFinding) -> dict[str, Any]:
    said = asdict(finding)
    image = said.pop("image")
    box = finding.box_px
    return said | {
        "sop_instance_uid": image and image["sop_instance_uid"],
        "view": image and image["view"],
        "box_px": box and asdict(box),
    }
