"""Small made-up mammograms for tests: a header like a modality's and a half-disc of a breast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from mammo_node.vocabulary import InstanceRef

REF = InstanceRef("1.2", "1.2.3", "1.2.4", "1.2.5", "0" * 64)
CC, MLO = "399162004", "399368009"


def breast(
    rows: int = 200, columns: int = 160, bits: int = 12, *, right: bool = True, seed: int = 1
) -> npt.NDArray[np.uint16]:
    """(rows, columns): air 0 around a noisy half-disc that touches the right or left edge."""
    y, x = np.mgrid[0:rows, 0:columns]
    centre = columns if right else 0
    inside = ((y - rows / 2) / (rows * 0.45)) ** 2 + ((x - centre) / (columns * 0.7)) ** 2 < 1
    grain = np.random.default_rng(seed).integers(0, 2 ** (bits - 4), (rows, columns))
    return np.where(inside, 2 ** (bits - 1) + grain, 0).astype(np.uint16)


def code(value: str, scheme: str = "SCT", meaning: str = "x", **more: Any) -> Dataset:
    """One item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return _with(item, more)


def header(view: str = CC, modifiers: tuple[str, ...] = (), **more: Any) -> Dataset:
    """A right CC for presentation, 12 bit; keyword arguments set attributes, None removes."""
    ds = Dataset()
    ds.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.4", "1.2.5"
    ds.Modality = "MG"
    ds.Manufacturer = "ACME"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality = "R"
    ds.PatientOrientation = ["P", "L"]
    ds.ViewCodeSequence = [code(view, ViewModifierCodeSequence=[code(m) for m in modifiers])]
    ds.ImagerPixelSpacing = [0.1, 0.1]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.Rows, ds.Columns = 200, 160
    return _with(ds, more)


def mammogram(pixels: npt.NDArray[Any] | None = None, **more: Any) -> Dataset:
    """The header with native pixel data; the pixels' size and width are described truly."""
    pixels = breast() if pixels is None else pixels
    ds = header(Rows=pixels.shape[0], Columns=pixels.shape[1])
    ds.BitsAllocated = 8 * pixels.itemsize
    ds.BitsStored = min(12, ds.BitsAllocated)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    _with(ds, more)
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def save(ds: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write a Part 10 file; the pixel data must already be in the transfer syntax."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if syntax.is_encapsulated:
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
    ds.save_as(path, enforce_file_format=True)
    return path


def _with(ds: Dataset, more: dict[str, Any]) -> Dataset:
    for keyword, content in more.items():
        if content is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, content)
    return ds
