"""How large a pixel is in the breast, and where that is known from.

Imager Pixel Spacing (0018,1164) is measured at the detector; the breast lies above it, so
its pixels are smaller by the Estimated Radiographic Magnification Factor (0018,1114), a few
per cent in contact views (PS3.3 C.8.11.7, 10.7.1.1).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from mammo_node.header import attributes
from mammo_node.vocabulary import Spacing, SpacingOrigin

#: Coarser than any mammogram; a value above it is not a pitch in mm.
_COARSEST_MM = 1.0
#: Finer than any detector or film digitiser.
_FINEST_MM = 0.005
#: Factors outside are no magnification: the breast is never below the detector, and no
#: magnification stand goes beyond a factor of about two.
_MAGNIFICATIONS = (1.0, 3.0)
#: From this factor on the breast stood on a magnification stand (contact views have 1.0-1.1).
MAGNIFIED = 1.3


def spacing_from(ds: Dataset) -> Spacing | None:
    """Return the pixel pitch in the breast's plane as far as the header knows it, or None."""
    return _imager(ds) or _pixel_spacing(ds) or _scanned(ds)


def magnification(ds: Dataset) -> float | None:
    """Return the Estimated Radiographic Magnification Factor, or None when it cannot be one."""
    factor = attributes.number(ds, "EstimatedRadiographicMagnificationFactor")
    least, greatest = _MAGNIFICATIONS
    return factor if factor is not None and least <= factor <= greatest else None


def _imager(ds: Dataset) -> Spacing | None:
    factor = magnification(ds)
    if factor is None:
        return _pitch(ds, "ImagerPixelSpacing", SpacingOrigin.IMAGER)
    return _pitch(ds, "ImagerPixelSpacing", SpacingOrigin.IMAGER_CORRECTED, factor)


def _pixel_spacing(ds: Dataset) -> Spacing | None:
    calibrated = attributes.text(ds, "PixelSpacingCalibrationType") in ("GEOMETRY", "FIDUCIAL")
    origin = SpacingOrigin.PIXEL_SPACING_CALIBRATED if calibrated else SpacingOrigin.PIXEL_SPACING
    return _pitch(ds, "PixelSpacing", origin)


def _scanned(ds: Dataset) -> Spacing | None:
    return _pitch(ds, "NominalScannedPixelSpacing", SpacingOrigin.NOMINAL_SCANNED)


def _pitch(
    ds: Dataset, keyword: str, origin: SpacingOrigin, divisor: float = 1.0
) -> Spacing | None:
    found = attributes.numbers(ds, keyword)
    if len(found) != 2 or not all(_FINEST_MM <= mm <= _COARSEST_MM for mm in found):
        return None
    return Spacing(found[0] / divisor, found[1] / divisor, origin)
