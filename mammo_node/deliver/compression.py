"""Images of results, losslessly compressed: the pixels that come out are those that went in.

Single-frame images of 8 bits, grey or RGB, such as the overview; a lossless syntax keeps the
SOP Instance UID (PS3.3 C.12.4.1.1 asks for a new one after lossy compression only).
"""

from __future__ import annotations

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, RLELossless

_BITS = 8
#: JPEG Process 14, selection value 1 (PS3.5 A.4.2).
_FIRST_ORDER = 1


def can_compress(ds: Dataset) -> bool:
    """Whether an object is an image that this module compresses."""
    return (
        "PixelData" in ds
        and ds.get("BitsAllocated") == _BITS
        and int(ds.get("NumberOfFrames") or 1) == 1
        and ds.get("PhotometricInterpretation") in ("RGB", "MONOCHROME1", "MONOCHROME2")
        and not ds.get("PlanarConfiguration")
    )


def compress(ds: Dataset, transfer_syntax_uid: str) -> None:
    """Compress the pixels of a dataset, in place.

    Parameters
    ----------
    ds : Dataset
        Uncompressed, one that :func:`can_compress` takes; with file meta information.
    transfer_syntax_uid : str
        JPEG Lossless SV1 or RLE Lossless.
    """
    if transfer_syntax_uid == RLELossless:
        ds.compress(RLELossless, generate_instance_uid=False)
        return
    shape = (ds.Rows, ds.Columns) + ((3,) if ds.SamplesPerPixel == 3 else ())
    pixels = np.frombuffer(ds.PixelData, dtype=np.uint8)[: int(np.prod(shape))].reshape(shape)
    space = "RGB" if len(shape) == 3 else "GRAY"
    stream = imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=_FIRST_ORDER, colorspace=space, outcolorspace=space
    )
    ds.PixelData = encapsulate([bytes(stream)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = JPEGLosslessSV1
