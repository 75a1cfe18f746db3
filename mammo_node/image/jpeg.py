"""JPEG streams (ITU-T T.81), decoded only when they are whole.

libjpeg fills up what is missing of a stream with nothing but a warning that no caller gets
to see: half a mammogram would come back as a mammogram. There is no checksum, but there is a
test: with the last bytes of the compressed data replaced by others, a whole stream decodes
to the same image but for its last pixels. If the difference starts higher up, the data had
ended there; if there is no difference, the decoder never got as far as the end of the data,
because it had lost step with it. It costs a second decoding.
"""

from __future__ import annotations

import math

import imagecodecs
import numpy as np
import numpy.typing as npt

from mammo_node.errors import PixelDataError
from mammo_node.image.codestream import END_OF_IMAGE, StreamHeader

_Image = npt.NDArray[np.integer]

_REPLACED_BYTES = 8
#: The fewest bits that a pixel takes in the lossless process, and a block with the DCT: one
#: Huffman code, and two of them (the mean, the end of block).
_BITS_A_PIXEL, _BITS_A_BLOCK = 1, 2
_BLOCK = 8
#: What replaces them: 0 first, which makes a stuffed byte of a 0xFF that the cut left behind,
#: then noise without 0xFF, so that no marker arises.
_NOISE = bytes([0, *((i * i * 31 + i * 7 + 5) % 251 for i in range(255))])


def decode_jpeg(stream: bytes, header: StreamHeader) -> _Image:
    """Decode a baseline, extended or lossless JPEG stream.

    Parameters
    ----------
    stream : bytes
        With an end-of-image marker.
    header : StreamHeader
        Of this stream.

    Returns
    -------
    ndarray
        (rows, columns) uint8 or uint16.

    Raises
    ------
    PixelDataError
        The compressed data ends before the image does, or goes on behind it.
    RuntimeError
        The library's own errors; the caller translates them.
    """
    image = imagecodecs.jpeg8_decode(stream)
    if image.min() == image.max():
        return image  # Replaced bits may mean the same again, and nothing can be missing here.
    end = stream.rfind(END_OF_IMAGE)
    probe = imagecodecs.jpeg8_decode(stream[: end - _REPLACED_BYTES] + _NOISE + stream[end:])
    differing = np.flatnonzero((image != probe).any(axis=1))
    if differing.size == 0:
        raise PixelDataError("the JPEG stream goes on behind the image: it is corrupt")
    if differing[0] < header.rows - _rows_at_the_end(header):
        raise PixelDataError(f"the JPEG stream ends in row {differing[0]} of {header.rows}")
    return image


def _rows_at_the_end(header: StreamHeader) -> int:
    """Return how many rows the replaced bytes can reach into."""
    size, bits = (1, _BITS_A_PIXEL) if header.lossless else (_BLOCK, _BITS_A_BLOCK)
    units = 8 * _REPLACED_BYTES / bits
    return size * (1 + math.ceil(units * size / header.columns))
