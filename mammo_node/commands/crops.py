"""``mammo-node crops``: lesions cut out of images, with masks and an index, for labelling."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mammo_node.commands.skipped import tell_skipped
from mammo_node.commands.storage import open_journal
from mammo_node.composition import pipeline_settings, policy
from mammo_node.config import Configuration, load_folder
from mammo_node.crops.collect import Collected, collect
from mammo_node.crops.cutting import Settings
from mammo_node.crops.sources import Analyst, Source, from_files, from_journal, from_pacs
from mammo_node.destination import Destination
from mammo_node.errors import ConfigurationError
from mammo_node.offline import gather
from mammo_node.pipeline import Pipeline

#: Range Matching of a date (PS3.4 C.2.2.2.5).
_DATES = re.compile(r"\d{8}(-\d{8})?")
_LEAST_PX, _MOST_PX = 16, 8192


def run(options: argparse.Namespace) -> int:
    """Cut out the lesions of every study; 1 if one could not be done, or there was none."""
    _check(options)
    configuration = load_folder(options.config)
    settings = Settings(options.margin_mm, options.size_px, options.keep_uids)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        looking = progress.add_task("looking for studies", total=None)
        sources = _sources(options, configuration)
        progress.remove_task(looking)
        work = progress.add_task("studies", total=len(sources))
        collected = collect(
            sources,
            settings,
            policy(configuration.settings.suitability),
            options.out,
            lambda: progress.advance(work),
        )
    return _told(collected, str(options.out))


def _check(options: argparse.Namespace) -> None:
    """Hold that one source of studies is named.

    Raises
    ------
    ConfigurationError
        Saying which options go together.
    """
    if options.pacs and (options.paths or not (options.study or options.date)):
        raise ConfigurationError("--pacs NAME goes with --study UID or --date, and without paths")
    if not options.pacs and (bool(options.paths) == bool(options.study) or options.date):
        raise ConfigurationError(
            "name paths, or --study UID (of this node), or --pacs NAME with --study UID or --date"
        )
    if options.date and not _DATES.fullmatch(options.date):
        raise ConfigurationError(f"--date {options.date}: YYYYMMDD or YYYYMMDD-YYYYMMDD is needed")
    if options.margin_mm < 0:
        raise ConfigurationError(f"--margin-mm {options.margin_mm:g}: 0 or more is needed")
    if options.size_px is not None and not _LEAST_PX <= options.size_px <= _MOST_PX:
        raise ConfigurationError(f"--size-px {options.size_px}: {_LEAST_PX} to {_MOST_PX}")


def _sources(options: argparse.Namespace, configuration: Configuration) -> list[Source]:
    if options.paths:
        return _of_files(options, configuration)
    if options.pacs:
        return _of_pacs(options, configuration)
    with open_journal(configuration) as journal:
        kept = journal.kept(options.study)
    if kept is None:
        raise ConfigurationError(f"--study {options.study}: this node has never had that study")
    return [from_journal(kept, options.study, lambda: _analyst(configuration))]


def _of_files(options: argparse.Namespace, configuration: Configuration) -> list[Source]:
    gathered = gather(options.paths)
    tell_skipped(gathered.skipped)
    return from_files(gathered, _analyst(configuration)) if gathered.studies else []


def _of_pacs(options: argparse.Namespace, configuration: Configuration) -> list[Source]:
    destination = configuration.ae_titles.named_destination(options.pacs)
    if not isinstance(destination, Destination):
        raise ConfigurationError(
            f"--pacs {options.pacs}: is a DICOMweb server; studies are fetched by C-FIND and C-GET:"
            " name a DICOM destination, or fetch the files and name their folder"
        )
    keys = {"StudyInstanceUID": options.study, "StudyDate": options.date}
    given = {keyword: value for keyword, value in keys.items() if value}
    calling = configuration.ae_titles.local.ae_title
    return from_pacs(destination, calling, given, _analyst(configuration))


def _analyst(configuration: Configuration) -> Analyst:
    settings = pipeline_settings(configuration, device_serial_number="offline")
    return Analyst(Pipeline.start(settings), datetime.now(UTC).astimezone())


def _told(collected: Collected, folder: str) -> int:
    for failure in collected.failures:
        print(failure, file=sys.stderr)
    if not collected.studies and not collected.failures:
        print("no study with mammograms was found", file=sys.stderr)
        return 1
    before = f" ({collected.there_before} done before)" if collected.there_before else ""
    print(f"{collected.studies} studies{before}; {collected.crops} crops in {folder}")
    return 1 if collected.failures else 0
