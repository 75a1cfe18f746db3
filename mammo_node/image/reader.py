"""From a DICOM file to a MammoImage, or to the reason why there is none.

The only entrance to pixel decoding. Whatever is wrong with a file comes back as a Refusal;
a decoder that crashes or hangs natively is the business of the process that calls this.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from mammo_node.errors import ImageError, PixelDataError
from mammo_node.header import attributes
from mammo_node.header.part10 import read_header, read_whole
from mammo_node.image import cells, presentation
from mammo_node.image.decoders import LOSSY, decode
from mammo_node.image.orientation import air_is_bright, orient, thumbnail
from mammo_node.image.padding import padding_mask
from mammo_node.image.suitability import Policy, Suitable, assess
from mammo_node.vocabulary import (
    InstanceRef,
    MammoImage,
    Presentation,
    Refusal,
    RefusalReason,
    VoiKind,
)

__all__ = ["mammogram_of", "read_header", "read_mammogram", "read_stored"]

_Stored = npt.NDArray[np.integer]
_Mask = npt.NDArray[np.bool_]


def read_mammogram(path: Path, ref: InstanceRef, policy: Policy) -> MammoImage | Refusal:
    """Read one mammogram.

    Parameters
    ----------
    path : Path
        A Part 10 file.
    ref : InstanceRef
        The instance that it is.
    policy : Policy
        What is analysed beyond plain mammograms.

    Returns
    -------
    MammoImage or Refusal
        Stored values with all that is needed to show and measure them; or why not.
    """
    try:
        header = read_header(path)
    except (ImageError, OSError) as error:
        return Refusal(RefusalReason.HEADER, f"the file cannot be read: {error}")
    verdict = assess(header, policy)
    if isinstance(verdict, Refusal):
        return verdict
    try:
        ds = read_whole(path)
    except (ImageError, OSError) as error:
        return Refusal(RefusalReason.PIXEL_DATA, str(error))
    return mammogram_of(ds, ref, policy)


def mammogram_of(ds: FileDataset, ref: InstanceRef, policy: Policy) -> MammoImage | Refusal:
    """Do as `read_mammogram` with a dataset that is in memory already, pixel data included."""
    verdict = assess(ds, policy)
    if isinstance(verdict, Refusal):
        return verdict
    try:
        stored = _decode(ds, policy)
    except ImageError as error:
        return Refusal(RefusalReason.PIXEL_DATA, str(error))
    return _image(ds, ref, verdict, stored)


def read_stored(path: Path) -> _Stored:
    """Read the stored values, (rows, columns), of any image: a mask, for example.

    Raises
    ------
    ImageError, OSError
        The file or its pixel stream cannot be read.
    """
    return _decode(read_whole(path), Policy())


def _decode(ds: FileDataset, policy: Policy) -> _Stored:
    described = cells.pixel_format(ds, policy.max_pixels)
    pixel_data = attributes.value(ds, "PixelData")
    if not isinstance(pixel_data, bytes):
        raise PixelDataError("there is no pixel data")
    syntax = _transfer_syntax(ds)
    decoded = decode(pixel_data, syntax, described)
    if syntax in LOSSY:
        decoded = cells.without_overshoot(decoded, described)
    return cells.stored_values(decoded, described, cells.overlay_bits(ds))


def _transfer_syntax(ds: FileDataset) -> UID:
    found = attributes.uid(ds.file_meta, "TransferSyntaxUID")
    if found is None:
        raise PixelDataError("Transfer Syntax UID is missing")
    return found


def _image(
    ds: Dataset, ref: InstanceRef, suitable: Suitable, stored: _Stored
) -> MammoImage | Refusal:
    padding = padding_mask(ds, stored)
    small, small_padding = thumbnail(stored), None if padding is None else thumbnail(padding)
    greys = _presentation(ds, small, small_padding)
    shown = presentation.look_up(presentation.grey_table(greys, VoiKind.NONE), small, greys)
    orientation = orient(ds, suitable.laterality, shown, small_padding)
    if orientation is None:
        return Refusal(
            RefusalReason.ORIENTATION,
            "no usable Patient Orientation, and the pixels do not show the chest wall's side",
        )
    return MammoImage(
        ref=ref,
        stored=stored,
        padding=padding,
        laterality=suitable.laterality,
        view=suitable.view,
        orientation=orientation,
        spacing=suitable.spacing,
        presentation=greys,
        manufacturer=" ".join(attributes.words(ds, "Manufacturer")),
        implant_displaced=suitable.implant_displaced,
    )


def _presentation(ds: Dataset, stored: _Stored, padding: _Mask | None) -> Presentation:
    """Read the grey-scale pipeline; where the header contradicts itself, air must be dark."""
    told = presentation.from_dataset(ds)
    if not presentation.polarity_contradicted(ds):
        return told
    plain = replace(told, inverse=False)
    table = presentation.grey_table(plain, VoiKind.NONE)
    bright = air_is_bright(presentation.look_up(table, stored, plain), padding)
    return told if bright is None else replace(told, inverse=bright)
