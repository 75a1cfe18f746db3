"""``mammo-node analyse``: files in; result objects, JSON and overlays out, without a node."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import Progress

from mammo_node.commands.skipped import tell_skipped
from mammo_node.composition import pipeline_settings
from mammo_node.config import load_folder
from mammo_node.encode.summary import study_json
from mammo_node.engine import narrowed
from mammo_node.errors import EncodingError, InferenceError
from mammo_node.offline import analyse, gather, write_answer
from mammo_node.pipeline import Answer, Pipeline
from mammo_node.vocabulary import Outcome

_FULL = (Outcome.FINDINGS, Outcome.NO_FINDINGS)


def run(options: argparse.Namespace) -> int:
    """Analyse every study under the paths; 1 if one was not answered in full."""
    configuration = load_folder(options.config)
    console = Console(stderr=True)
    with Progress(console=console, transient=True) as progress:
        reading = progress.add_task("reading headers", total=None)
        gathered = gather(options.paths, lambda: progress.advance(reading))
        settings = pipeline_settings(configuration, device_serial_number="offline")
        names = tuple(options.model or configuration.settings.models.use)
        if names != settings.models.use:
            models, light = narrowed(settings.models, settings.traffic_light, names)
            settings = replace(settings, models=models, traffic_light=light)
        pipeline = Pipeline.start(settings)
        progress.remove_task(reading)
        work = progress.add_task("analysing studies", total=len(gathered.studies))
        answers: list[Answer] = []
        for number, (uid, instances) in enumerate(gathered.studies.items(), start=1):
            progress.advance(work)
            try:
                answer = analyse(pipeline, uid, instances, datetime.now(UTC).astimezone())
            except (InferenceError, EncodingError) as error:
                # The other studies are worth their answers all the same.
                print(f"{uid}: failed: {error}", file=sys.stderr)
                continue
            folder = options.out / f"study-{number:03d}"
            write_answer(answer, instances, settings.policy, folder)
            answers.append(answer)
            for kind, reason in answer.not_leaving:
                print(f"{uid}: no valid {kind.value}: {reason}", file=sys.stderr)
            if not options.json:
                _tell(answer, str(folder))
    tell_skipped(gathered.skipped)
    if options.json:
        print(json.dumps([study_json(answer.result) for answer in answers], indent=2))
    if not gathered.studies:
        print("no DICOM instance was found", file=sys.stderr)
    in_full = sum(answer.result.outcome in _FULL for answer in answers)
    return 0 if answers and in_full == len(gathered.studies) else 1


def _tell(answer: Answer, folder: str) -> None:
    result = answer.result
    print(f"{result.study_instance_uid}: {result.outcome.value} -> {folder}")
    if result.reason:
        print(f"  {result.reason}")
    for view in result.views:
        name = f"{view.laterality or '?'} {view.view or '?'}"
        if view.refusal is not None:
            print(f"  {name}: refused, {view.refusal.detail}")
        for finding in view.findings:
            box = finding.box_px
            size = f", {finding.long_axis_mm:.0f} mm" if finding.long_axis_mm else ""
            print(
                f"  {name}: {finding.label} {finding.score:.2f}{size} at"
                f" ({box.x_min:.0f}, {box.y_min:.0f})-({box.x_max:.0f}, {box.y_max:.0f})"
            )
        if view.refusal is None and not view.findings:
            print(f"  {name}: no findings")
