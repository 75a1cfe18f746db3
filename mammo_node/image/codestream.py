"""What a compressed stream says of itself, read before a decoder is trusted with it.

Decoders allocate what the stream's header asks for, and some fill up what is missing without
a word. So the size, precision and end of each stream are compared with the dataset first:
JPEG family markers (ITU-T T.81 B.2, T.87 C.2), JPEG 2000 SIZ and EOC (T.800 A.5), the RLE
header (PS3.5 G.5).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mammo_node.errors import PixelDataError

_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0"

#: The end marker cannot occur inside compressed data; behind it a stream may be padded a bit.
_END_WITHIN = 16
_START = b"\xff\xd8"
END_OF_IMAGE = b"\xff\xd9"
#: Start of frame: baseline to arithmetic (T.81 Table B.1) without DHT, JPG, DAC; JPEG-LS.
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_LOSSLESS_FRAME = 0xC3
_START_OF_SCAN = 0xDA
_PARAMETERLESS = frozenset({0x01, *range(0xD0, 0xD9)})
_SIZ = b"\xff\x4f\xff\x51"
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_RLE_HEADER_BYTES = 64


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """Size and sample format by the stream's own header."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    lossless: bool = False
    """JPEG's lossless process (SOF3), predictive instead of DCT."""


def single_frame(encapsulated: bytes) -> bytes:
    """Join the fragments of a single-frame object (PS3.5 A.4).

    All fragments belong to the one frame, so the Basic Offset Table is not needed; an
    empty one is as good as a filled one.

    Raises
    ------
    PixelDataError
        There is no fragment, an item is cut off, or something else stands between them.
    """
    offset_table, *fragments = _items(encapsulated)
    if len(offset_table) > 4:
        raise PixelDataError("the offset table lists several frames, the header says one")
    if not any(fragments):
        raise PixelDataError("there are no fragments of pixel data")
    return b"".join(fragments)


def _items(encapsulated: bytes) -> list[bytes]:
    found, at = [], 0
    while encapsulated[at : at + 4] == _ITEM and at + 8 <= len(encapsulated):
        (length,) = struct.unpack_from("<L", encapsulated, at + 4)
        item = encapsulated[at + 8 : at + 8 + length]
        if len(item) != length:
            raise PixelDataError("a fragment of pixel data is cut off")
        found.append(item)
        at += 8 + length
    rest = encapsulated[at : at + 4]
    if not found or (rest.strip(b"\0") and rest != _SEQUENCE_DELIMITER):
        raise PixelDataError("the encapsulated pixel data is not a sequence of fragments")
    return found


def jpeg_header(stream: bytes) -> StreamHeader:
    """Read the frame header of a JPEG or JPEG-LS stream, and see that the stream ends.

    Raises
    ------
    PixelDataError
        There is no frame header, or the stream is cut off before its end.
    """
    if not stream.startswith(_START):
        raise PixelDataError("not a JPEG stream")
    if END_OF_IMAGE not in stream[-_END_WITHIN:]:
        raise PixelDataError("the JPEG stream is cut off: it has no end")
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            break
        marker = stream[at + 1]
        if marker == 0xFF or marker in _PARAMETERLESS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _START_OF_FRAME and at + 10 <= len(stream):
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, at + 4)
            lossless = marker == _LOSSLESS_FRAME
            return StreamHeader(rows, columns, components, precision, lossless=lossless)
        if marker == _START_OF_SCAN:
            break
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    raise PixelDataError("the JPEG stream has no frame header")


def jpeg_2000_header(stream: bytes) -> StreamHeader:
    """Read the SIZ segment of a JPEG 2000 codestream, bare or (against PS3.5) in a JP2 file.

    Raises
    ------
    PixelDataError
        There is no SIZ segment, or the codestream is cut off before its end.
    """
    start = stream.find(_SIZ) if stream.startswith(_JP2_SIGNATURE) else 0
    if start < 0 or not stream.startswith(_SIZ, start) or len(stream) < start + 45:
        raise PixelDataError("not a JPEG 2000 codestream")
    if END_OF_IMAGE not in stream[-_END_WITHIN:]:
        raise PixelDataError("the JPEG 2000 codestream is cut off: it has no end")
    right, bottom, left, top = struct.unpack_from(">4L", stream, start + 8)
    components, depth = struct.unpack_from(">HB", stream, start + 40)
    return StreamHeader(
        rows=bottom - top,
        columns=right - left,
        components=components,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
    )


def check_rle(stream: bytes, bytes_per_pixel: int) -> None:
    """See that an RLE frame has one segment per byte of a pixel, all within the frame.

    Raises
    ------
    PixelDataError
        The header says anything else.
    """
    if len(stream) < _RLE_HEADER_BYTES:
        raise PixelDataError("the RLE frame is shorter than its header")
    segments, *offsets = struct.unpack_from("<16L", stream)
    if segments != bytes_per_pixel:
        raise PixelDataError(f"{segments} RLE segments for {bytes_per_pixel} bytes a pixel")
    used = [*offsets[:segments], len(stream)]
    if used[0] != _RLE_HEADER_BYTES or used != sorted(set(used)):
        raise PixelDataError("the RLE segments lie outside the frame")
