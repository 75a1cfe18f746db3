"""A result file as one destination wants it: transfer syntax and character set.

A pure function from bytes to bytes. What is not asked to change stays as it is, byte by
byte; the same file and the same wish give the same bytes.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from mammo_node.deliver.compression import can_compress, compress
from mammo_node.deliver.texts import Recoding, recode
from mammo_node.destination import TransferSyntax
from mammo_node.errors import DeliveryError
from mammo_node.header import attributes
from mammo_node.header.character_set import CharacterSet

#: SOP classes of results whose pixels :mod:`compression` takes: Secondary Capture.
_IMAGES = frozenset({"1.2.840.10008.5.1.4.1.1.7"})


@dataclass(frozen=True, slots=True)
class Converted:
    """A PS3.10 file, and in words what could not be done as asked."""

    content: bytes
    note: str | None = None


def syntaxes_for(sop_class_uid: str, wanted: tuple[TransferSyntax, ...]) -> tuple[str, ...]:
    """Return the transfer syntaxes that objects of a class can be sent in, preferred first.

    Compressed ones are for images; where nothing is left, the default of PS3.5 10.1 is.
    """
    usable = [s.uid for s in wanted if sop_class_uid in _IMAGES or not s.encapsulated]
    return tuple(usable) or (TransferSyntax.IMPLICIT.uid,)


def convert(content: bytes, transfer_syntax_uid: str, character_set: str | None) -> Converted:
    """Return a file in another transfer syntax and character set.

    Parameters
    ----------
    content : bytes
        A PS3.10 file, uncompressed.
    transfer_syntax_uid : str
        What it shall be written in; see :func:`syntaxes_for`.
    character_set : str or None
        Specific Character Set as it stands in DICOM; None keeps the file's own.

    Raises
    ------
    DeliveryError
        If the file cannot be read or written so; the message has nothing of a patient.
    """
    wanted = None if character_set is None else CharacterSet.parse(character_set)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values, and so patients
            return _convert(content, UID(transfer_syntax_uid), wanted)
    except (InvalidDicomError, *attributes.MALFORMED) as error:
        raise DeliveryError(
            f"cannot be converted to {UID(transfer_syntax_uid).name} ({type(error).__name__})"
        ) from error


def convert_file(path: Path, transfer_syntax_uid: str, character_set: str | None) -> Converted:
    """Read a file and :func:`convert` it.

    Raises
    ------
    DeliveryError
        As there, or if it cannot be read; names the file.
    """
    try:
        return convert(path.read_bytes(), transfer_syntax_uid, character_set)
    except OSError as error:
        raise DeliveryError(f"{path.name} cannot be read: {error}") from error
    except DeliveryError as error:
        raise DeliveryError(f"{path.name} {error}") from error


def _convert(content: bytes, syntax: UID, wanted: CharacterSet | None) -> Converted:
    ds = pydicom.dcmread(io.BytesIO(content))
    recoding = Recoding(changed=False) if wanted is None else recode(ds, wanted)
    if recoding.changed and not _reads_the_same(ds):
        recoding = Recoding(False, f"kept in its character set: {wanted} does not carry its texts")
        ds = pydicom.dcmread(io.BytesIO(content))
    own = ds.file_meta.TransferSyntaxUID
    if not recoding.changed and own == syntax:
        return Converted(content, recoding.note)
    if not syntax.is_encapsulated:
        ds.file_meta.TransferSyntaxUID = syntax
    elif can_compress(ds):
        compress(ds, syntax)
    else:
        raise DeliveryError(f"its pixels cannot be written in {syntax.name}")
    return Converted(_written(ds), recoding.note)


def _reads_the_same(ds: Dataset) -> bool:
    """Whether the texts come out of the written file as they are: the last look before sending."""
    shown = pydicom.dcmread(io.BytesIO(_written(ds)), stop_before_pixels=True)
    return all(str(shown[e.tag].value) == str(e.value) for e in ds if e.keyword != "PixelData")


def _written(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
