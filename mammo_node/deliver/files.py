"""A file on disk as an object to send."""

from __future__ import annotations

from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from mammo_node.dimse.outcome import StoredObject

#: PS3.10 7.1: the meta elements that say what an object is and how it is encoded.
_NEEDED = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


def sendable(path: Path) -> StoredObject | None:
    """Return a file as an object to send, or None if it is no DICOM file (PS3.10)."""
    try:
        meta = read_file_meta_info(path)
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return None
    sop_class, sop_instance, syntax = (str(meta.get(keyword, "")) for keyword in _NEEDED)
    if not (sop_class and sop_instance and syntax):
        return None
    return StoredObject(path, sop_class, sop_instance, syntax)
