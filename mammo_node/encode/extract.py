"""What people without a DICOM viewer can open: PNG and PDF out of result objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, SecondaryCaptureImageStorage

from mammo_node.encode.overlay import png
from mammo_node.encode.overview import capture

OVERVIEW_NAME: Final = "overview.png"
RELEVANCE_NAME: Final = "overview-relevance.png"
REPORT_NAME: Final = "report.pdf"


@dataclass(frozen=True, slots=True)
class Extract:
    """A file that any computer opens, and what it may be called."""

    name: str
    content: bytes


def extract(ds: Dataset) -> Extract | None:
    """Return the picture or document in one of our result objects; None of other kinds.

    Raises
    ------
    EncodingError
        If the picture cannot be made into a PNG.
    """
    if ds.SOPClassUID == SecondaryCaptureImageStorage:
        name = RELEVANCE_NAME if capture.shows_relevance(ds) else OVERVIEW_NAME
        shape = (ds.Rows, ds.Columns, ds.SamplesPerPixel)
        pixels = np.frombuffer(ds.PixelData, dtype=np.uint8, count=int(np.prod(shape)))
        return Extract(name, png(pixels.reshape(shape)))
    if ds.SOPClassUID == EncapsulatedPDFStorage:
        length = int(ds.EncapsulatedDocumentLength)
        return Extract(REPORT_NAME, bytes(ds.EncapsulatedDocument[:length]))
    return None
