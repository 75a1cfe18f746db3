"""``mammo-node echo DEST``: whether the destination is there and takes our association."""

from __future__ import annotations

import argparse

from mammo_node.config import Destination, load_folder
from mammo_node.dimse.client import echo
from mammo_node.errors import ConfigurationError


def run(options: argparse.Namespace) -> int:
    """C-ECHO and say how long it took; a failure is a DeliveryError with the reason."""
    configuration = load_folder(options.config)
    destination = configuration.ae_titles.named_destination(options.destination)
    if not isinstance(destination, Destination):
        raise ConfigurationError(
            f"{destination.name!r} is a DICOMweb server, which knows no C-ECHO:"
            f" mammo-node probe {destination.name}"
        )
    seconds = echo(destination, configuration.ae_titles.local.ae_title)
    print(f"{destination.name}: {destination.address} answered in {seconds * 1000:.0f} ms")
    return 0
