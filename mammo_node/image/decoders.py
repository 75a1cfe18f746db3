"""Decoders of pixel data, by transfer syntax: bytes in, pixel cells out.

One library decodes everything that is compressed (imagecodecs: libjpeg-turbo 3, CharLS,
OpenJPEG, its own RLE): of the permissively licensed ones it is the fastest for each syntax,
12-bit JPEG Extended included. Before it is called the stream's header has been compared with
the dataset; afterwards the result's size is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from mammo_node.errors import PixelDataError
from mammo_node.image import codestream
from mammo_node.image.codestream import StreamHeader
from mammo_node.image.jpeg import decode_jpeg

#: Threads of one JPEG 2000 decoding; more gain little.
_THREADS = 2

Cells = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the dataset says that pixels are stored (PS3.5 8.1.1)."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def bytes_per_pixel(self) -> int:
        """One or two."""
        return self.bits_allocated // 8

    @property
    def frame_bytes(self) -> int:
        """Bytes of an uncompressed frame."""
        return self.rows * self.columns * self.bytes_per_pixel

    @property
    def cell_dtype(self) -> np.dtype[np.integer]:
        """Unsigned little-endian words of Bits Allocated."""
        return np.dtype(f"<u{self.bytes_per_pixel}")


_Decoder = Callable[[bytes, PixelFormat], Cells]


def decode(pixel_data: bytes, syntax: UID, pixel_format: PixelFormat) -> Cells:
    """Decode the only frame of a grey-scale image.

    Parameters
    ----------
    pixel_data : bytes
        The value of Pixel Data (7FE0,0010), items and all when encapsulated.
    syntax : UID
        Transfer syntax.
    pixel_format : PixelFormat
        What the dataset says about it.

    Returns
    -------
    ndarray
        (rows, columns) of pixel cells, not masked, not shifted, not sign-extended.

    Raises
    ------
    PixelDataError
        No decoder, a broken or truncated stream, or one of another size than declared.
    """
    decoder = _DECODERS.get(syntax)
    if decoder is None:
        raise PixelDataError(f"no decoder for transfer syntax {syntax.name}")
    cells = decoder(pixel_data, pixel_format)
    if cells.shape != (pixel_format.rows, pixel_format.columns):
        raise PixelDataError("the decoded image has another size than Rows and Columns say")
    return cells


def _native(pixel_data: bytes, pixel_format: PixelFormat) -> Cells:
    expected = pixel_format.frame_bytes
    # An odd length is padded to an even one (PS3.5 8.1.1).
    if len(pixel_data) not in (expected, expected + expected % 2):
        raise PixelDataError(f"{len(pixel_data)} bytes of pixel data where {expected} are declared")
    cells = np.frombuffer(
        pixel_data, pixel_format.cell_dtype, pixel_format.rows * pixel_format.columns
    )
    return cells.reshape(pixel_format.rows, pixel_format.columns)


def _jpeg(pixel_data: bytes, pixel_format: PixelFormat) -> Cells:
    stream = codestream.single_frame(pixel_data)
    header = codestream.jpeg_header(stream)
    _compare(header, pixel_format)
    return _call(lambda: decode_jpeg(stream, header))


def _jpeg_ls(pixel_data: bytes, pixel_format: PixelFormat) -> Cells:
    stream = codestream.single_frame(pixel_data)
    _compare(codestream.jpeg_header(stream), pixel_format)
    return _call(lambda: imagecodecs.jpegls_decode(stream))


def _jpeg_2000(pixel_data: bytes, pixel_format: PixelFormat) -> Cells:
    stream = codestream.single_frame(pixel_data)
    header = codestream.jpeg_2000_header(stream)
    _compare(header, pixel_format)
    if header.signed and not pixel_format.signed:
        raise PixelDataError("the stream has signed samples, Pixel Representation says unsigned")
    return _call(lambda: imagecodecs.jpeg2k_decode(stream, numthreads=_THREADS))


def _rle(pixel_data: bytes, pixel_format: PixelFormat) -> Cells:
    stream = codestream.single_frame(pixel_data)
    codestream.check_rle(stream, pixel_format.bytes_per_pixel)
    decoded = _call(lambda: imagecodecs.dicomrle_decode(stream, pixel_format.cell_dtype))
    if len(decoded) != pixel_format.frame_bytes:
        raise PixelDataError("the RLE segments decode to another size than Rows x Columns")
    return _shaped(decoded, pixel_format)


def _shaped(frame: bytes | bytearray | memoryview, pixel_format: PixelFormat) -> Cells:
    cells = np.frombuffer(frame, pixel_format.cell_dtype)
    return cells.reshape(pixel_format.rows, pixel_format.columns)


def _compare(header: StreamHeader, pixel_format: PixelFormat) -> None:
    if (header.rows, header.columns) != (pixel_format.rows, pixel_format.columns):
        raise PixelDataError(
            f"the stream has {header.rows} x {header.columns} pixels,"
            f" the header says {pixel_format.rows} x {pixel_format.columns}"
        )
    if header.components != 1:
        raise PixelDataError(f"the stream has {header.components} components instead of one")
    if header.precision > pixel_format.bits_allocated:
        raise PixelDataError(
            f"the stream has {header.precision} bits a sample,"
            f" Bits Allocated is {pixel_format.bits_allocated}"
        )
    # PS3.5 8.2: a compressed sample is the value, or else the whole cell was compressed.
    whole_cell = header.precision == pixel_format.bits_allocated
    if pixel_format.high_bit != pixel_format.bits_stored - 1 and not whole_cell:
        raise PixelDataError(f"High Bit {pixel_format.high_bit} contradicts the stream")


_Decoded = TypeVar("_Decoded")


def _call(decoder: Callable[[], _Decoded]) -> _Decoded:
    try:
        return decoder()
    # The library raises RuntimeErrors of its own, and plain ones for sizes that make no sense.
    except (RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise PixelDataError(f"the decoder gave up ({type(error).__name__})") from error


_DECODERS: dict[str, _Decoder] = {
    ImplicitVRLittleEndian: _native,
    ExplicitVRLittleEndian: _native,
    DeflatedExplicitVRLittleEndian: _native,
    JPEGBaseline8Bit: _jpeg,
    JPEGExtended12Bit: _jpeg,
    JPEGLossless: _jpeg,
    JPEGLosslessSV1: _jpeg,
    JPEGLSLossless: _jpeg_ls,
    JPEGLSNearLossless: _jpeg_ls,
    JPEG2000Lossless: _jpeg_2000,
    JPEG2000: _jpeg_2000,
    RLELossless: _rle,
}

#: Syntaxes whose values need not be the original ones.
LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000})
