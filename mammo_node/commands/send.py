"""``mammo-node send DEST PATH...``: store files as they are, with a status for each."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing

from rich.console import Console
from rich.progress import Progress

from mammo_node.commands.skipped import tell_skipped
from mammo_node.config import load_folder
from mammo_node.deliver.files import sendable
from mammo_node.deliver.sending import send_as_they_are
from mammo_node.dimse.outcome import SendOutcome
from mammo_node.journal.retry import is_delivered, is_warning
from mammo_node.offline import existing_files


def run(options: argparse.Namespace) -> int:
    """Send every DICOM file under the paths; 1 if one was not stored."""
    configuration = load_folder(options.config)
    destination = configuration.ae_titles.named_destination(options.destination)
    files = existing_files(options.paths)
    looked_at = [(path, sendable(path)) for path in files]
    items = [item for _, item in looked_at if item is not None]
    tell_skipped([path for path, item in looked_at if item is None])
    if not items:
        print("nothing to send", file=sys.stderr)
        return 1
    outcomes = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        sending = progress.add_task(f"sending to {destination.name}", total=len(items))
        with closing(
            send_as_they_are(destination, configuration.ae_titles.local.ae_title, items)
        ) as results:
            for outcome in results:
                outcomes.append(outcome)
                progress.advance(sending)
                if not options.json:
                    print(f"{outcome.item.path}: {_words(outcome)}")
    if options.json:
        print(json.dumps([_document(outcome) for outcome in outcomes], indent=2))
    return 0 if all(map(_stored, outcomes)) else 1


def _stored(outcome: SendOutcome) -> bool:
    return outcome.status is not None and is_delivered(outcome.status)


def _words(outcome: SendOutcome) -> str:
    if outcome.failure is not None:
        return str(outcome.failure)
    if outcome.status is None:
        return "not tried: the association broke before"
    comment = f" {outcome.comment}" if outcome.comment else ""
    if not is_delivered(outcome.status):
        return f"refused with status {outcome.status:04X}{comment}"
    return f"stored, status {outcome.status:04X}{comment}"


def _document(outcome: SendOutcome) -> dict[str, object]:
    return {
        "path": str(outcome.item.path),
        "sop_instance_uid": outcome.item.sop_instance_uid,
        "stored": _stored(outcome),
        "status": None if outcome.status is None else f"{outcome.status:04X}",
        "warning": outcome.status is not None and is_warning(outcome.status),
        "message": _words(outcome),
    }
