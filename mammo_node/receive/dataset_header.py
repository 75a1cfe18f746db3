"""The part of a received dataset before its pixels, read with bounded memory.

Rules:

* Whatever the bytes are, reading ends with a Dataset or CannotUnderstand.
* At most HEADER_LIMIT bytes are read, so neither a header of millions of elements nor a
  deflated bomb grows the process.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammo_node.errors import CannotUnderstand
from mammo_node.header.part10 import PIXEL_DATA_TAGS

#: Real headers of tomosynthesis take some hundred kilobytes.
HEADER_LIMIT = 16 << 20
#: Longer values are skipped: nothing that names or describes an image is so long.
_DEFER_BYTES = 65536
_NO_DATASET = "the bytes are no dataset in the negotiated syntax"
_UNDEFINED_LENGTH = 0xFFFFFFFF


def read_header(path: Path, offset: int, transfer_syntax_uid: str) -> Dataset:
    """Read a dataset up to its pixel data.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Where the dataset begins in it, bytes.
    transfer_syntax_uid : str
        How the dataset is encoded.

    Raises
    ------
    CannotUnderstand
        If the bytes are no dataset in this syntax, or an element is longer than the file.
    """
    size = path.stat().st_size
    with path.open("rb", buffering=65536) as file:
        file.seek(offset)
        if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            return _parse(BytesIO(_inflate(file)), None, is_implicit_vr=False)
        implicit = transfer_syntax_uid == ImplicitVRLittleEndian
        return _parse(file, size, is_implicit_vr=implicit)


def _parse(file: BinaryIO, size: int | None, *, is_implicit_vr: bool) -> Dataset:
    bounded = _BoundedReader(file, HEADER_LIMIT)

    def stop_when(tag: BaseTag, _vr: str | None, length: int) -> bool:
        if size is not None and length != _UNDEFINED_LENGTH and file.tell() + length > size:
            raise CannotUnderstand(f"element {tag} is longer than the dataset")
        return tag in PIXEL_DATA_TAGS

    try:
        return read_dataset(
            cast("BinaryIO", bounded),
            is_implicit_vr,
            is_little_endian=True,
            stop_when=stop_when,
            defer_size=_DEFER_BYTES,
        )
    # What pydicom and the standard library raise on bytes that are no dataset.
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        NotImplementedError,
        LookupError,
        OSError,
        struct.error,
        RecursionError,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the dataset's
        raise CannotUnderstand(bounded.complaint or _NO_DATASET) from error


def _inflate(file: BinaryIO) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = bytearray()
    try:
        while len(inflated) < HEADER_LIMIT and not inflater.eof:
            chunk = inflater.unconsumed_tail or file.read(_DEFER_BYTES)
            if not chunk:
                break
            inflated += inflater.decompress(chunk, HEADER_LIMIT - len(inflated))
    except zlib.error as error:
        raise CannotUnderstand("the dataset is not deflated as negotiated") from error
    return bytes(inflated)


class _BoundedReader:
    """A file for pydicom that refuses to read more than so many bytes in all."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit
        self.complaint = ""
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= self._left:
            # Within a sequence pydicom makes an OSError of it: the words are kept here.
            self.complaint = "the header is larger than any mammogram's"
            raise CannotUnderstand(self.complaint)
        self._left -= count
        return self._file.read(count)
