"""The journal of a configuration, for commands that look at it beside a running node."""

from __future__ import annotations

from mammo_node.config import Configuration
from mammo_node.errors import ConfigurationError
from mammo_node.journal.journal import JOURNAL_NAME, Journal


def open_journal(configuration: Configuration) -> Journal:
    """Open the journal that is there; a command never makes a new one.

    Raises
    ------
    ConfigurationError
        If there is none in the configured storage folder.
    """
    path = configuration.settings.storage.folder / JOURNAL_NAME
    if not path.is_file():
        raise ConfigurationError(
            f"mammo_node.toml: storage.folder: no journal in {path.parent}: the node has not run"
            " there yet, or --config names another configuration"
        )
    return Journal(path)
