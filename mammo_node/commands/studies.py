"""``mammo-node studies``: what became of every study, from the journal, running node or not."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from mammo_node.commands.storage import open_journal
from mammo_node.config import load_folder
from mammo_node.journal.records import DeliveryOverview, StudyOverview
from mammo_node.journal.states import DeliveryState


def run(options: argparse.Namespace) -> int:
    """Print a table, or one JSON list."""
    with open_journal(load_folder(options.config)) as journal:
        studies = journal.overview(limit=options.limit)
    if options.json:
        print(json.dumps([asdict(study) for study in studies], indent=2, default=_plain))
        return 0
    if not studies:
        print("no studies yet")
        return 0
    # Reasons quote peers: brackets in them are no markup.
    Console(markup=False).print(_table(studies))
    return 0


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _table(studies: tuple[StudyOverview, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("received", "study", "from", "views", "state", "outcome", "deliveries"):
        table.add_column(heading, overflow="fold")
    for study in studies:
        table.add_row(
            study.first_instance_at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            study.study_instance_uid,
            study.calling_ae_title,
            " ".join(study.views) or f"{study.instances} images",
            study.state.value,
            _outcome(study),
            _deliveries(study.deliveries),
        )
    return table


def _outcome(study: StudyOverview) -> str:
    word = study.outcome.value if study.outcome else "-"
    reason = study.outcome_reason or (study.job_reason if not study.outcome else None)
    return f"{word}: {reason}" if reason else word


def _deliveries(deliveries: tuple[DeliveryOverview, ...]) -> str:
    counted = Counter((d.destination, _state(d)) for d in deliveries)
    lines = [f"{name}: {number} {state}" for (name, state), number in sorted(counted.items())]
    reasons = {d.reason for d in deliveries if d.reason and d.delivered_at is None}
    return "\n".join([*lines, *sorted(reasons)])


def _state(delivery: DeliveryOverview) -> str:
    if delivery.state is DeliveryState.STORED:
        return "stored, not yet committed"
    return "committed" if delivery.committed_at else delivery.state.value
