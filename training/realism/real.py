"""Read the real images that phantoms are compared with; none of them is part of the project.

The folder holds `ddsm-tissue/images` and `ddsm-tissue/labels` (film, 0.25 mm, tissue labels) and
DICOM mammograms without labels, of which only the interior is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
from pydicom.uid import UID
from scipy import ndimage

from mammo_node.image import cells
from mammo_node.image.decoders import decode
from mammo_node.image.orientation import pixel_chest_wall_right
from training.raw import RawView
from training.realism.view import BACKGROUND, FAT, PECTORAL, TissueView, make_view

#: Typical of the digitiser of a film whose header does not say it.
FILM_PITCH_MM = 0.0435
#: Of the labelled films.
LABELLED_PITCH_MM = 0.25
_MAX_PIXELS = 100_000_000


def read_films(folder: Path) -> list[TissueView]:
    """Read the labelled films."""
    views = []
    for path in _films(folder):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        views.append(make_view(path.stem, grey, _labels(folder, path), LABELLED_PITCH_MM))
    return views


def muscles(folder: Path) -> Iterator[np.ndarray]:
    """Read where each of `films` shows the pectoral muscle, (rows, columns) bool, as stored."""
    for path in _films(folder):
        yield _labels(folder, path) == PECTORAL


def _labels(folder: Path, film: Path) -> np.ndarray:
    path = folder / "ddsm-tissue" / "labels" / f"{film.stem}_LI.png"
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def _films(folder: Path) -> list[Path]:
    return sorted((folder / "ddsm-tissue" / "images").glob("*.png"))


@dataclass(frozen=True, slots=True)
class Mammogram:
    """One mammogram: `grey` (rows, columns) float32, dense tissue bright."""

    name: str
    look: str
    grey: np.ndarray
    pitch_mm: float


def as_raw(image: Mammogram) -> RawView:
    """Give an image of which nobody has said what it shows, its chest wall as the node sees it."""
    # Signed pixels may lie below zero; only differences of greys count.
    grey = image.grey - min(0.0, float(image.grey.min()))
    return RawView(
        name=image.name,
        patient=image.name,
        pixels=grey.astype(np.uint16),
        pitch_mm=image.pitch_mm,
        laterality="R" if pixel_chest_wall_right(image.grey, None) else "L",
        view="",
        look=image.look,
        density=-1.0,
        findings=(),
    )


def films(folder: Path) -> Iterator[Mammogram]:
    """Read the labelled films without their labels, neither turned nor scaled."""
    for path in _films(folder):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.float32)
        yield Mammogram(path.stem, "film", grey, LABELLED_PITCH_MM)


def mammograms(folder: Path) -> Iterator[Mammogram]:
    """Read the single-frame DICOM mammograms, neither turned nor scaled."""
    for path in sorted(folder.glob("*.dcm")):
        ds = pydicom.dcmread(path)
        if int(ds.get("NumberOfFrames", 1) or 1) > 1:
            continue
        grey = decode(
            ds.PixelData, UID(ds.file_meta.TransferSyntaxUID), cells.pixel_format(ds, _MAX_PIXELS)
        ).astype(np.float32)
        if ds.PhotometricInterpretation == "MONOCHROME1":
            grey = grey.max() - grey
        spacing = ds.get("ImagerPixelSpacing") or ds.get("PixelSpacing")
        pitch = float(spacing[0]) if spacing else FILM_PITCH_MM
        look = "digital" if ds.get("ImagerPixelSpacing") else "film"
        yield Mammogram(path.stem, look, grey, pitch)


def read_mammograms(folder: Path) -> dict[str, list[TissueView]]:
    """Read the DICOM mammograms as views without labels, by look, film or digital."""
    found: dict[str, list[TissueView]] = {"film": [], "digital": []}
    for image in mammograms(folder):
        tissue = np.where(_breast(image.grey), FAT, BACKGROUND).astype(np.uint8)
        view = make_view(image.name, image.grey, tissue, image.pitch_mm)
        found[image.look].append(view)
    return found


def _breast(grey: np.ndarray) -> np.ndarray:
    """Largest bright region, without what hangs on it by less than 10 pixels of a coarse copy."""
    step = max(1, grey.shape[0] // 480)
    small = cv2.GaussianBlur(grey, (0, 0), step)[::step, ::step]
    used = small[small > 0.05 * small.max()]
    # Air is dark in both; the skin of a film lies at about a sixth of its range.
    mask = small > np.percentile(used, 1) + 0.16 * np.ptp(np.percentile(used, (1, 99)))
    mask = ndimage.binary_opening(mask, iterations=10)
    labels, _ = ndimage.label(mask)
    largest = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    size = (grey.shape[1], grey.shape[0])
    return cv2.resize(largest.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
