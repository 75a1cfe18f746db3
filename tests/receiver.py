"""The node's own receiver processes, on the journal of a bench."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mammo_node.config import Configuration, Destination
from mammo_node.journal.journal import JOURNAL_NAME
from mammo_node.receive.supervisor import Receiver
from tests.unit.journal_cases import Bench


@contextmanager
def running_receiver(bench: Bench, destination: Destination, **local: Any) -> Iterator[int]:
    """Run receiver processes on the bench's journal; yield their port."""
    configuration = Configuration.model_validate(
        {
            "ae_titles": {
                "local": {"bind": "127.0.0.1", "port": 0, **local},
                "destination": [destination.model_dump(mode="json")],
            },
            "settings": {
                "storage": {"folder": str(bench.spool.root), "min_free_mb": 0},
                "receive": {"processes": 1},
                "retry": {"first_s": 0.1, "max_s": 0.5, "jitter": 0.0},
            },
        }
    )
    receiver = Receiver(configuration, bench.spool.root / JOURNAL_NAME, bench.spool.root)
    port = receiver.start()
    try:
        yield port
    finally:
        receiver.stop()
