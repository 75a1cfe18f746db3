"""How a batch gets to a destination: by C-STORE or by STOW-RS, each object as it is wanted."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial

import pydicom

from mammo_node.deliver.conversion import Converted, convert_file, syntaxes_for
from mammo_node.deliver.stow import store_batch
from mammo_node.destination import AnyDestination, WebDestination
from mammo_node.dimse.client import send_batch
from mammo_node.dimse.outcome import Loaded, SendOutcome, StoredObject
from mammo_node.errors import DeliveryError


def send(
    destination: AnyDestination, calling_ae_title: str, items: Sequence[StoredObject]
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
    if isinstance(destination, WebDestination):
        return store_batch(destination, items, partial(_converted, destination), os.environ)
    offered = [
        replace(item, offered=syntaxes_for(item.sop_class_uid, destination.transfer_syntaxes))
        for item in items
    ]
    load = partial(_load, character_set=destination.character_set)
    return send_batch(destination, calling_ae_title, offered, load)


def send_as_they_are(
    destination: AnyDestination, calling_ae_title: str, items: Sequence[StoredObject]
) -> Generator[SendOutcome, None, None]:
    """Send any files, each in its own transfer syntax and character set; else as :func:`send`."""
    if isinstance(destination, WebDestination):
        return store_batch(destination, items, _as_it_is, os.environ)
    return send_batch(destination, calling_ae_title, items)


def _as_it_is(item: StoredObject) -> Converted:
    try:
        return Converted(item.path.read_bytes())
    except OSError as error:
        raise DeliveryError(f"{item.path.name} cannot be read: {error}") from error


def _converted(destination: WebDestination, item: StoredObject) -> Converted:
    syntax, *_ = syntaxes_for(item.sop_class_uid, destination.transfer_syntaxes)
    return convert_file(item.path, syntax, destination.character_set)


def _load(item: StoredObject, transfer_syntax_uid: str, character_set: str | None) -> Loaded:
    converted = convert_file(item.path, transfer_syntax_uid, character_set)
    return Loaded(pydicom.dcmread(io.BytesIO(converted.content)), converted.note)
