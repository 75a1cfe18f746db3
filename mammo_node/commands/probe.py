"""``mammo-node probe DEST``: whether results can be delivered there, as a go-live report."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from time import sleep

from mammo_node import __version__
from mammo_node.config import Configuration, load_folder
from mammo_node.destination import AnyDestination, WebDestination
from mammo_node.errors import ConfigurationError
from mammo_node.journal.journal import JOURNAL_NAME
from mammo_node.probe.dimse import DimseProbe
from mammo_node.probe.report import conclusion, document, line, markdown, page
from mammo_node.probe.round_trip import RoundTrip
from mammo_node.probe.steps import ProbeReport, Step
from mammo_node.probe.test_object import make_test_object
from mammo_node.probe.web import WebProbe

_WRITERS = {".md": markdown, ".html": page}


def run(options: argparse.Namespace) -> int:
    """Probe, tell each step as it is done, and file the report; 1 if something needed failed."""
    configuration = load_folder(options.config)
    destination = configuration.ae_titles.named_destination(options.destination)
    if options.out is not None and options.out.suffix not in _WRITERS:
        raise ConfigurationError(f"--out {options.out}: a name in .md or .html is needed")
    at = datetime.now(UTC)
    calling_ae_title = _calling_ae_title(configuration, destination)
    steps = []
    for step in _steps(configuration, destination, calling_ae_title, at):
        steps.append(step)
        if not options.json:
            print(line(step), flush=True)
    report = ProbeReport(
        destination=destination.name,
        address=destination.address,
        calling_ae_title=calling_ae_title,
        outputs=tuple(kind.value for kind in destination.outputs),
        software_version=__version__,
        at=at.astimezone(),
        steps=tuple(steps),
    )
    print(json.dumps(document(report), indent=2) if options.json else conclusion(report))
    if options.out is not None:
        options.out.write_text(_WRITERS[options.out.suffix](report), encoding="utf-8")
    return 0 if report.passed else 1


def _calling_ae_title(configuration: Configuration, destination: AnyDestination) -> str:
    if isinstance(destination, WebDestination):
        return ""
    return destination.calling_ae_title or configuration.ae_titles.local.ae_title


def _steps(
    configuration: Configuration,
    destination: AnyDestination,
    calling_ae_title: str,
    at: datetime,
) -> Iterator[Step]:
    test = make_test_object(destination.address, __version__, at)
    if isinstance(destination, WebDestination):
        return WebProbe(destination, test, os.environ, sleep).steps()
    round_trip = RoundTrip(
        local=configuration.ae_titles.local,
        journal=configuration.settings.storage.folder / JOURNAL_NAME,
        now=lambda: datetime.now(UTC),
        pause=sleep,
    )
    return DimseProbe(destination, calling_ae_title, test, round_trip, sleep).steps()
