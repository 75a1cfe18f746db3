"""Opening report files that other people made; one that is cut off is not half a report."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mammo_node.encode.objects import quiet
from mammo_node.errors import ImageError, NotAReport, ReportUnreadable
from mammo_node.header import attributes
from mammo_node.header.part10 import read_header

#: More is no report: the largest CAD reports have a few megabytes.
_MAX_BYTES: Final = 64 * 2**20
_PREAMBLE: Final = 128


def read_document(path: Path) -> Dataset:
    """Return the structured report in a file.

    Raises
    ------
    NotAReport
        If it is another DICOM object, or no DICOM file.
    ReportUnreadable
        If it is cut off, or cannot be read.
    """
    try:
        with quiet():
            if not _is_dicom(path):
                raise NotAReport("not a DICOM file")
            header = read_header(path)
            if not _is_document(header):
                raise NotAReport("not a structured report")
            if header.file_meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
                # A deflated file that is cut off does not come this far.
                _check_whole(path)
    except ImageError as error:
        raise ReportUnreadable(str(error)) from error
    except OSError as error:
        raise ReportUnreadable(error.strerror or "cannot be read") from error
    return header


def _is_dicom(path: Path) -> bool:
    """Whether it is a DICOM file (PS3.10 7.1), or its name says that it should be one."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM" or path.suffix.lower() == ".dcm"


def _is_document(header: Dataset) -> bool:
    """Whether it is an SR document, or was to be one; key objects are no reports."""
    modality = attributes.text(header, "Modality")
    return modality == "SR" or (modality != "KO" and "ContentSequence" in header)


def _check_whole(path: Path) -> None:
    """Refuse a file that ends within an element: the library passes on what it has."""
    if path.stat().st_size > _MAX_BYTES:
        raise ReportUnreadable(f"{path.stat().st_size / 2**20:.0f} MB is more than a report has")
    stream = _Watched(path.read_bytes())
    try:
        pydicom.dcmread(stream)
    except attributes.MALFORMED as error:
        raise ReportUnreadable(f"cannot be parsed ({type(error).__name__})") from error
    if stream.came_short:
        raise ReportUnreadable("cut off: the file ends within an element")


class _Watched(io.BytesIO):
    """Remembers whether somebody wanted more bytes than were left of a value."""

    came_short = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual; the end of the file on the border of two elements is no shortage."""
        found = super().read(size)
        self.came_short |= size is not None and 0 < len(found) < size
        return found
