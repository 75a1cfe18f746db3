"""One question: what is wrong with this file? No complaint, and it may leave."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pydicom
from pydicom.dataset import FileDataset

from mammo_node.encode.objects import quiet
from mammo_node.encode.validity import (
    content_tree,
    file_format,
    frames,
    presence,
    references,
    values,
)
from mammo_node.encode.validity.complaint import Complaint
from mammo_node.encode.validity.enumerations import MODALITIES
from mammo_node.encode.validity.item import Item
from mammo_node.encode.validity.table import standard
from mammo_node.header import attributes


@dataclass(frozen=True, slots=True)
class Context:
    """What an object may speak of.

    Parameters
    ----------
    study_instance_uid : str
        The study that it belongs to.
    known : mapping of str to str
        SOP Class UID by SOP Instance UID of what it may refer to: received images, earlier
        results, and the other objects of the same answer.
    copied : collection of str
        Keywords that are taken over from the source as they are, whatever they hold.
    """

    study_instance_uid: str
    known: Mapping[str, str]
    copied: Collection[str] = ()


def complaints(content: bytes, context: Context) -> tuple[Complaint, ...]:
    """Return what is wrong with a PS3.10 file; nothing means that it may leave.

    Parameters
    ----------
    content : bytes
        The whole file, as it would leave.
    context : Context
        What it may speak of.
    """
    if not file_format.has_prefix(content):
        return (Complaint("file", "has no DICOM prefix"),)
    found: dict[Complaint, None] = {}
    try:
        with quiet():
            for complaint in _complaints(pydicom.dcmread(io.BytesIO(content)), context):
                found[complaint] = None
    except (*attributes.MALFORMED, pydicom.errors.InvalidDicomError) as error:
        # The text of the error may quote a value.
        found[Complaint("file", f"cannot be read back ({type(error).__name__})")] = None
    return tuple(found)


def _complaints(ds: FileDataset, context: Context) -> Iterator[Complaint]:
    item = Item.of(ds)
    sop_class_uid = item.text("SOPClassUID")
    if sop_class_uid not in standard().iods:
        yield Complaint("SOPClassUID", "is of no kind that the gate knows")
        return
    yield from file_format.of_meta(ds)
    yield from presence.of_modules(item, sop_class_uid, standard())
    yield from values.of_dataset(item, context.copied)
    yield from _identity(item, sop_class_uid, context)
    yield from content_tree.of_document(item, sop_class_uid, standard())
    yield from frames.of_object(item)
    yield from references.of_object(item, context.known)
    yield from file_format.of_bulk(ds)


def _identity(ds: Item, sop_class_uid: str, context: Context) -> Iterator[Complaint]:
    if ds.text("StudyInstanceUID") != context.study_instance_uid:
        yield Complaint("StudyInstanceUID", "is not that of the study")
    modality = MODALITIES.get(sop_class_uid)
    if modality is not None and ds.text("Modality") != modality:
        yield Complaint("Modality", f"must be {modality}")
    if "SpecificCharacterSet" not in ds and not _is_ascii(ds):
        yield Complaint("SpecificCharacterSet", "absent, but there is text beyond ASCII")


def _is_ascii(ds: Item) -> bool:
    """Tell whether all text at the top level is of the default repertoire (PS3.5 6.1.2.1)."""
    texts = (
        e.value for e in ds.elements.values() if e.VR in ("LO", "SH", "PN", "ST", "LT", "UT", "UC")
    )
    return all(str(text).isascii() for text in texts)
