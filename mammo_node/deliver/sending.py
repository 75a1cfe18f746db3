"""How a batch gets to a destination: by C-STORE or by STOW-RS, each object as it is wanted."""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial

import pydicom

from mammo_node.deliver.conversion import Converted, convert, syntaxes_for
from mammo_node.destination import Destination
from mammo_node.dimse.client import send_batch
from mammo_node.dimse.outcome import Loaded, SendOutcome, StoredObject
from mammo_node.errors import DeliveryError


def send(
    destination: Destination, calling_ae_title: str, items: Sequence[StoredObject]
) -> Generator[SendOutcome, None, None]:
    """Send results to a destination and yield the outcome of each, in order.

    Parameters
    ----------
    destination : Destination or WebDestination
        Where to; says transfer syntaxes and character set.
    calling_ae_title : str
        Ours, for a DICOM network peer.
    items : sequence of StoredObject
        Uncompressed files.
    """
    offered = [
        replace(item, offered=syntaxes_for(item.sop_class_uid, destination.transfer_syntaxes))
        for item in items
    ]
    load = partial(_load, character_set=destination.character_set)
    return send_batch(destination, calling_ae_title, offered, load)


def _load(item: StoredObject, transfer_syntax_uid: str, character_set: str | None) -> Loaded:
    converted = convert_file(item, transfer_syntax_uid, character_set)
    return Loaded(pydicom.dcmread(io.BytesIO(converted.content)), converted.note)


def convert_file(
    item: StoredObject, transfer_syntax_uid: str, character_set: str | None
) -> Converted:
    """Read a file as :func:`mammo_node.deliver.conversion.convert` gives it.

    Raises
    ------
    DeliveryError
        If it cannot be read or converted; names the file, and nothing of a patient.
    """
    try:
        return convert(item.path.read_bytes(), transfer_syntax_uid, character_set)
    except OSError as error:
        raise DeliveryError(f"{item.path.name} cannot be read: {error}") from error
    except DeliveryError as error:
        raise DeliveryError(f"{item.path.name} {error}") from error
