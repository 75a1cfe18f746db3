"""What goes into a batch, and what comes out of it for each object, by whichever protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo_node.errors import DeliveryError

#: A link that is slower than this counts as broken: time is allowed for sending as well.
SLOWEST_BYTES_PER_S = 250_000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A DICOM file to send; classes and syntax as in its file meta information."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offered: tuple[str, ...] = ()
    """Transfer syntaxes that it can be sent in, preferred first; empty: its own."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An object as it goes out; ``note`` says what could not be done to it as asked."""

    dataset: Any
    """A ``pydicom.Dataset`` with its file meta information."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What became of one object.

    Exactly one of these holds: ``status`` is a C-STORE answer (of any class) or its
    counterpart of STOW-RS, ``failure`` says why there is none, or neither is set: not
    tried, because the association broke at another object.
    """

    item: StoredObject
    status: int | None = None
    comment: str | None = None
    """Error Comment (0000,0902) of the answer."""
    failure: DeliveryError | None = None
    associated: bool = True
    """False when there was no association at all: the failure is of the peer alone."""
    note: str | None = None
    """What was not done to the object as the destination asks."""

    @property
    def tried(self) -> bool:
        """Whether the object was offered to the peer at all."""
        return self.status is not None or self.failure is not None
