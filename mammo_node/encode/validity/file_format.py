"""Whether the file is one: preamble, meta information (PS3.10 7.1), bulk data of the right size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom.dataset import FileDataset
from pydicom.uid import UID

from mammo_node.encode.validity.complaint import Complaint

_PREAMBLE: Final = 128
_META = (
    "FileMetaInformationVersion",
    "MediaStorageSOPClassUID",
    "MediaStorageSOPInstanceUID",
    "TransferSyntaxUID",
    "ImplementationClassUID",
)
_SAME = (
    ("MediaStorageSOPClassUID", "SOPClassUID"),
    ("MediaStorageSOPInstanceUID", "SOPInstanceUID"),
)
_PDF = "application/pdf"


def has_prefix(content: bytes) -> bool:
    """Tell whether preamble and prefix are there."""
    return content[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def of_meta(ds: FileDataset) -> Iterator[Complaint]:
    """Check the File Meta Information against PS3.10 Table 7.1-1 and the dataset."""
    meta = ds.file_meta
    for keyword in _META:
        if not meta.get(keyword):
            yield Complaint(keyword, "missing in the File Meta Information")
    for own, other in _SAME:
        if meta.get(own) != ds.get(other):
            yield Complaint(own, f"is not the {other} of the dataset")
    if not UID(str(meta.get("TransferSyntaxUID", ""))).is_transfer_syntax:
        yield Complaint("TransferSyntaxUID", "is no transfer syntax")


def of_bulk(ds: FileDataset) -> Iterator[Complaint]:
    """Check that pixel data and an encapsulated document are what the dataset says."""
    if "PixelData" in ds and not ds.file_meta.TransferSyntaxUID.is_encapsulated:
        length = _pixel_bytes(ds)
        if len(ds.PixelData) != length + length % 2:
            yield Complaint("PixelData", "is not as long as Rows, Columns and Bits Allocated say")
    if "EncapsulatedDocument" in ds:
        yield from _document(ds)


def _pixel_bytes(ds: FileDataset) -> int:
    """Return the length of native pixel data (PS3.5 8.1.1, 8.2); single bits are packed."""
    frames = int(ds.get("NumberOfFrames") or 1)
    samples = int(ds.Rows) * int(ds.Columns) * int(ds.SamplesPerPixel) * frames
    return -(-samples * int(ds.BitsAllocated) // 8)


def _document(ds: FileDataset) -> Iterator[Complaint]:
    length = ds.get("EncapsulatedDocumentLength")
    held = len(ds.EncapsulatedDocument)
    if length is not None and not 0 <= held - int(length) <= 1:
        yield Complaint("EncapsulatedDocumentLength", "is not the length of the document")
    is_pdf = ds.get("MIMETypeOfEncapsulatedDocument") == _PDF
    if is_pdf and bytes(ds.EncapsulatedDocument[:5]) != b"%PDF-":
        yield Complaint("EncapsulatedDocument", "is no PDF")
