"""``mammo-node retry``: take up parked deliveries again."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from mammo_node.commands.storage import open_journal
from mammo_node.config import load_folder


def run(options: argparse.Namespace) -> int:
    """Put parked deliveries back in the queue; a running node sends them within a second."""
    configuration = load_folder(options.config)
    if options.destination is not None:
        configuration.ae_titles.named_destination(options.destination)
    with open_journal(configuration) as journal:
        number = journal.retry(
            datetime.now(UTC),
            destination=options.destination,
            study_instance_uid=options.study,
        )
    print(json.dumps({"retried": number}) if options.json else f"{number} deliveries queued again")
    return 0
