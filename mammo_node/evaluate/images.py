"""From a record of truth to the image that models see, by the node's own reading.

What the file itself does not say (digitised film, PGM and PNG say little) is filled in from the
record; what it says stands, so that a model is measured on what the node would make of the file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from skimage.io import imread

from mammo_node.errors import GroundTruthError, ImageError
from mammo_node.evaluate.records import ImageRecord
from mammo_node.header import attributes, laterality_evidence, view_evidence
from mammo_node.header.part10 import read_whole
from mammo_node.image.policy import Policy
from mammo_node.image.reader import mammogram_of
from mammo_node.image.spacing import spacing_from
from mammo_node.vocabulary import InstanceRef, MammoImage, Refusal, RefusalReason

PICTURES = frozenset({".pgm", ".png", ".tif", ".tiff"})
"""Files that are read as plain greyscale pictures, bright tissue on dark air."""


def read_image(record: ImageRecord, policy: Policy) -> MammoImage | Refusal:
    """Read a record's image.

    Parameters
    ----------
    record : ImageRecord
        With a path.
    policy : Policy
        What is analysed; Secondary Capture should be, for digitised film.

    Raises
    ------
    GroundTruthError
        If the record has no file, or the file is not there.
    """
    path = record.path
    if path is None or not path.is_file():
        raise GroundTruthError(f"image {record.image_id}: there is no file {path or ''}".rstrip())
    if path.suffix.lower() in PICTURES:
        picture = _picture(path)
        if isinstance(picture, Refusal):
            return picture
        return read_dataset(_dataset(picture, record), record, policy)
    try:
        return read_dataset(read_whole(path), record, policy)
    except (ImageError, OSError) as error:
        return Refusal(RefusalReason.HEADER, f"the file cannot be read: {error}")


def read_dataset(ds: FileDataset, record: ImageRecord, policy: Policy) -> MammoImage | Refusal:
    """Do as `read_image` with a dataset in memory, which is completed in place."""
    complete(ds, record)
    return mammogram_of(ds, reference(ds), policy)


def complete(ds: Dataset, record: ImageRecord) -> None:
    """Fill in laterality, view and pixel pitch where the header says none."""
    if laterality_evidence(ds).laterality is None and not laterality_evidence(ds).conflict:
        ds.ImageLaterality = record.laterality.value
    if view_evidence(ds).view is None:
        ds.ViewPosition = record.view.value
    if spacing_from(ds) is None and record.spacing_mm is not None:
        ds.PixelSpacing = [record.spacing_mm, record.spacing_mm]


def reference(ds: Dataset) -> InstanceRef:
    """Return who an instance is, '' for what it does not say."""
    keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
    sop_class, instance, study, series = (str(attributes.uid(ds, k) or "") for k in keywords)
    return InstanceRef(sop_class, instance, study, series, "")


def _picture(path: Path) -> npt.NDArray[Any] | Refusal:
    try:
        pixels = np.asarray(imread(path))
    # What the readers behind skimage raise for a broken file has no common root.
    except (OSError, ValueError, SyntaxError, IndexError) as error:
        detail = f"the picture cannot be read ({type(error).__name__})"
        return Refusal(RefusalReason.PIXEL_DATA, detail)
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        detail = f"the picture is {pixels.dtype} with {pixels.ndim} axes, not 8 or 16 bit grey"
        return Refusal(RefusalReason.PHOTOMETRIC, detail)
    return pixels


def _dataset(pixels: npt.NDArray[Any], record: ImageRecord) -> FileDataset:
    """Wrap a picture as a Secondary Capture, so that it goes the way of every other image."""
    ds = FileDataset(None, {}, file_meta=FileMetaDataset())  # type: ignore[arg-type]
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = SecondaryCaptureImageStorage
    digest = hashlib.sha256(record.image_id.encode()).digest()[:16]
    ds.SOPInstanceUID = f"2.25.{int.from_bytes(digest, 'big')}"
    ds.Modality = "MG"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    cells = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = cells + b"\0" * (len(cells) % 2)
    ds["PixelData"].VR = "OW"
    return ds
