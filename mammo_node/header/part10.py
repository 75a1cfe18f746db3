"""Opening DICOM files that other people made, without trusting any length in them.

A deflated dataset is inflated here, up to a limit: the library would inflate whatever it is
given, and a few kilobytes can stand for gigabytes (PS3.5 A.5 sets no bound).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mammo_node.errors import ImageError
from mammo_node.header.attributes import MALFORMED

#: Most bytes that a deflated dataset may become, and most that a file may have whose pixels
#: are read: the largest mammogram (4728 x 5928, 16 bit) has 56 MB.
MAX_DATASET_BYTES = 512 * 2**20
#: Elements above this size stay on disk until they are touched: tomosynthesis objects in
#: vendors' private elements (7E01,xx10) come before the pixel data and have hundreds of MB.
_DEFERRED_BYTES = 2**20
#: Float Pixel Data, Double Float Pixel Data, Pixel Data (PS3.6).
PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: Preamble, 'DICM', and the File Meta Information Group Length element (PS3.10 7.1).
_BEFORE_META = 128 + 4 + 12

#: pydicom leaves its result unbound when a file ends inside the first element (NameError).
_UNREADABLE = (*MALFORMED, InvalidDicomError, EOFError, NameError, zlib.error)


def read_header(path: Path) -> FileDataset:
    """Read a Part 10 file up to its pixel data.

    Raises
    ------
    ImageError
        The file is not DICOM, cannot be read or cannot be parsed.
    """
    return _read(path, _at_pixel_data)


def read_whole(path: Path) -> FileDataset:
    """Read a Part 10 file with its pixel data, not decoded.

    Raises
    ------
    ImageError
        As `read_header`, or the file is larger than any mammogram.
    """
    return _read(path, None)


def _at_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in PIXEL_DATA_TAGS


_StopWhen = Callable[[BaseTag, "str | None", int], bool]


def _read(path: Path, stop_when: _StopWhen | None) -> FileDataset:
    try:
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return _read_deflated(path, meta, stop_when)
        if stop_when is not None:
            return pydicom.dcmread(path, stop_before_pixels=True, defer_size=_DEFERRED_BYTES)
        _check_size(path.stat().st_size)
        return pydicom.dcmread(path)
    except _UNREADABLE as error:
        # The library's words may quote values: only the kind of failure is passed on.
        raise ImageError(f"not a readable DICOM file ({type(error).__name__})") from error


def _check_size(size: int) -> None:
    if size > MAX_DATASET_BYTES:
        raise ImageError(f"{size / 2**20:.0f} MB is more than any mammogram has")


def _read_deflated(path: Path, meta: FileMetaDataset, stop_when: _StopWhen | None) -> FileDataset:
    dataset = path.read_bytes()[dataset_offset(meta) :]
    inflated = BytesIO(inflate(dataset))
    parsed = read_dataset(
        inflated, is_implicit_VR=False, is_little_endian=True, stop_when=stop_when
    )
    return FileDataset(path, parsed, file_meta=meta, is_implicit_VR=False, is_little_endian=True)


def dataset_offset(meta: FileMetaDataset) -> int:
    """Return where the dataset begins in a file with this meta information (PS3.10 7.1).

    Raises
    ------
    AttributeError
        The meta information does not say how long it is.
    """
    return _BEFORE_META + int(meta.FileMetaInformationGroupLength)


def inflate(deflated: bytes) -> bytes:
    """Inflate a deflated dataset (PS3.5 A.5: raw RFC 1951), to a limit.

    Raises
    ------
    ImageError
        The stream is cut off, or would become larger than any mammogram.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(deflated, MAX_DATASET_BYTES)
    if not stream.eof:
        _check_size(len(inflated) + len(stream.unconsumed_tail))
        raise ImageError("the deflated dataset is cut off")
    return inflated
