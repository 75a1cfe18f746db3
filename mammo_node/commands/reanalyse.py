"""``mammo-node reanalyse UID``: analyse a study anew; what comes of it supersedes its results."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from mammo_node.commands.storage import open_journal
from mammo_node.config import load_folder


def run(options: argparse.Namespace) -> int:
    """Queue the analysis; a running node begins within a second."""
    with open_journal(load_folder(options.config)) as journal:
        study_id = journal.study_to_analyse_again(options.study)
        queued = journal.analyse_again(study_id, datetime.now(UTC), "asked for by a person")
    print("queued" if queued else "it is being analysed already")
    return 0
