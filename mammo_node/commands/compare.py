"""``mammo-node compare A B``: where two models disagree, from the journal or on files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mammo_node.analyse.opinion import Opinion
from mammo_node.commands.skipped import tell_skipped
from mammo_node.commands.storage import open_journal
from mammo_node.composition import pipeline_settings
from mammo_node.config import Configuration, load_folder
from mammo_node.engine import narrowed
from mammo_node.errors import ConfigurationError, InferenceError
from mammo_node.evaluate.disagreement import compare
from mammo_node.evaluate.disagreement_report import (
    COLUMNS,
    LIGHTS,
    Document,
    Sides,
    document,
    light_rows,
    page,
    study_rows,
    summary,
)
from mammo_node.journal.records import RecordedOpinion
from mammo_node.offline import gather
from mammo_node.pipeline import Pipeline, StudyRequest

#: By Study Instance UID and generation: a late view makes another set of images of a study.
Opinions = dict[tuple[str, int], Opinion]
_FILE_WIDTH = 160


def run(options: argparse.Namespace) -> int:
    """Compare, print, and file the page if asked; 1 if there was nothing to compare."""
    _check(options)
    configuration = load_folder(options.config)
    names = (options.model_a, options.model_b)
    if options.path:
        a, b = _on_files(configuration, names, options.path)
    else:
        a, b = _recorded(configuration, names, options.study, since(options.since))
    both = {uid: (a[uid, number], b[uid, number]) for uid, number in a if (uid, number) in b}
    sides = Sides(*names, only_a=len(a) - len(both), only_b=len(b) - len(both))
    found = document(compare(both), sides, options.limit)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _tell(found)
    if options.html is not None:
        options.html.write_text(page(found), encoding="utf-8")
    return 0 if both else 1


def _check(options: argparse.Namespace) -> None:
    """Hold that there is something to compare.

    Raises
    ------
    ConfigurationError
        Saying which options go together.
    """
    if options.model_a == options.model_b:
        raise ConfigurationError(f"{options.model_a}: is named twice; two models are compared")
    if options.limit < 0:
        raise ConfigurationError(f"--limit {options.limit}: 0 or more is needed")
    if options.path and (options.study or options.since):
        raise ConfigurationError("--study and --since choose from the journal: not with --path")


def since(text: str | None) -> datetime | None:
    """Return the time that a person wrote: a day, or a time of day with it; local by default.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise ConfigurationError(f"--since {text}: a day such as 2026-01-31 is needed") from None


def _recorded(
    configuration: Configuration,
    names: tuple[str, str],
    study: str | None,
    at: datetime | None,
) -> tuple[Opinions, Opinions]:
    with open_journal(configuration) as journal:
        known = journal.models_with_opinions()
        for name in names:
            if name not in known:
                words = ", ".join(known) or "of none"
                raise ConfigurationError(
                    f"{name}: nothing is recorded of this model (recorded: {words}): put it in"
                    " [models] shadow, or compare on files with --path"
                )
        a, b = (journal.opinions(name, study_instance_uid=study, since=at) for name in names)
    return _read(a), _read(b)


def _read(recorded: Sequence[RecordedOpinion]) -> Opinions:
    return {
        (one.study_instance_uid, one.generation): Opinion.from_json(one.document)
        for one in recorded
        if one.document is not None
    }


def _on_files(
    configuration: Configuration, names: tuple[str, str], paths: Sequence[Path]
) -> tuple[Opinions, Opinions]:
    settings = pipeline_settings(configuration, device_serial_number="offline")
    models, light = narrowed(settings.models, settings.traffic_light, names)
    models = models.model_copy(update={"explain": "none"})
    pipeline = Pipeline.start(replace(settings, models=models, traffic_light=light))
    found: tuple[Opinions, Opinions] = ({}, {})
    with Progress(console=Console(stderr=True), transient=True) as progress:
        gathered = gather(paths)
        tell_skipped(gathered.skipped)
        work = progress.add_task("analysing studies", total=len(gathered.studies))
        for uid, instances in gathered.studies.items():
            for name, opinions in zip(names, found, strict=True):
                now = datetime.now(UTC)
                request = StudyRequest(uid, 1, instances, (), now, models=(name,))
                try:
                    opinions[uid, request.generation] = pipeline.opinion(request)
                except InferenceError as error:
                    # The other studies are worth comparing all the same.
                    print(f"{uid}: {name} failed: {error}", file=sys.stderr)
            progress.advance(work)
    return found


def _tell(found: Document) -> None:
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_FILE_WIDTH)  # whole UIDs, one line a study
    for name, value in summary(found):
        print(f"{name:26} {value}")
    print()
    console.print(_table(("A \\ B", *LIGHTS), light_rows(found)))
    print()
    console.print(_table(("study", *COLUMNS), study_rows(found)))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
