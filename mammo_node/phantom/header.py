"""What a phantom's file says about the view and about its pixels."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mammo_node.phantom.look import Look
from mammo_node.phantom.stored import Stored
from mammo_node.phantom.vendors import MONOCHROME1
from mammo_node.phantom.view import PhantomView

#: PS3.16 CID 4014.
VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}
#: PS3.16 CID 4015.
IMPLANT_DISPLACED = ("399209000", "Implant Displaced")
SPOT_COMPRESSION = ("399055006", "Spot Compression")
MAGNIFICATION = ("399163009", "Magnification")
#: Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) of JPEG 2000.
JPEG_2000 = "ISO_15444_1"


def _derivation(ds: Dataset, look: Look) -> None:
    ds.DerivationDescription = "Rendered from a procedural model of a breast"
    ds.LossyImageCompression = "00" if look.lossy_ratio is None else "01"
    if look.lossy_ratio is not None:
        ds.LossyImageCompressionRatio = f"{look.lossy_ratio:.1f}"
        ds.LossyImageCompressionMethod = JPEG_2000


def _view_modifiers(view: PhantomView, look: Look) -> list[Dataset]:
    found = [IMPLANT_DISPLACED] if view.implant and view.implant_displaced else []
    if look.spot is not None:
        found += [SPOT_COMPRESSION] + [MAGNIFICATION] * (look.spot.magnification > 1.0)
    return [_code(value, "SCT", meaning) for value, meaning in found]


def describe_view(ds: Dataset, view: PhantomView, look: Look) -> None:
    """Write the projection, the beam and the breast (PS3.3 C.8.11.7) into `ds`."""
    _derivation(ds, look)
    magnification = look.spot.magnification if look.spot else 1.0
    spacing = f"{view.pixel_spacing_mm * magnification:.6g}"
    value, meaning = VIEW_CODES[view.view]
    view_code = _code(value, "SCT", meaning)
    view_code.ViewModifierCodeSequence = Sequence(_view_modifiers(view, look))
    ds.ViewCodeSequence = Sequence([view_code])
    ds.ViewPosition = view.view
    ds.AnatomicRegionSequence = Sequence([_code("76752008", "SCT", "Breast")])
    ds.ImagerPixelSpacing = [spacing, spacing]
    ds.EstimatedRadiographicMagnificationFactor = f"{magnification:g}"
    ds.PositionerType = "MAMMOGRAPHIC"
    ds.PositionerPrimaryAngle = "45" if view.view == "MLO" else "0"
    ds.OrganExposed = "BREAST"
    ds.BreastImplantPresent = "YES" if view.implant else "NO"
    ds.PartialView = "YES" if magnification > 1.0 else "NO"
    ds.DetectorType = look.maker.detector
    ds.DetectorID = "PHANTOM"
    ds.KVP = "28"
    ds.AnodeTargetMaterial, ds.FilterMaterial = look.beam
    ds.BodyPartThickness = f"{view.compressed_mm:.1f}"
    ds.CompressionForce = "100"
    ds.DistanceSourceToDetector = "660"
    ds.DistanceSourceToPatient = f"{660 / magnification:.0f}"


def describe_pixels(ds: Dataset, stored: Stored) -> None:
    """Write the pixels and how they are to be shown (PS3.3 C.7.6.3, C.8.11.3, C.11.2) into `ds`."""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = stored.photometric
    ds.Rows, ds.Columns = stored.values.shape
    ds.BitsAllocated = 8 * stored.values.itemsize
    ds.BitsStored, ds.HighBit = stored.bits_stored, stored.bits_stored - 1
    ds.PixelRepresentation = 0
    inverse = stored.photometric == MONOCHROME1
    raw = ds.PresentationIntentType == "FOR PROCESSING"
    ds.PixelIntensityRelationship = "LIN" if raw else "LOG"
    # PS3.3 C.8.11.3.1.2: -1 where a higher value means that less got through.
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    _showing(ds, stored)
    if stored.padding is not None:
        ds.PixelPaddingValue, ds.PixelPaddingRangeLimit = stored.padding
    little_endian = stored.values.astype(stored.values.dtype.newbyteorder("<"))
    ds.PixelData = little_endian.tobytes()
    ds["PixelData"].VR = "OW"


def _showing(ds: Dataset, stored: Stored) -> None:
    """Windows or tables (PS3.3 C.11.2); detector values have neither."""
    if stored.windows:
        ds.WindowCenter = [f"{window.centre:.0f}" for window in stored.windows]
        ds.WindowWidth = [f"{window.width:.0f}" for window in stored.windows]
        ds.WindowCenterWidthExplanation = [window.explanation for window in stored.windows]
        ds.VOILUTFunction = "SIGMOID" if stored.sigmoid else "LINEAR"
    items = []
    for table in stored.tables:
        item = Dataset()
        # 2^16 entries are written as 0.
        item.add_new("LUTDescriptor", "US", [len(table.data) % 2**16, 0, 12])
        item.LUTExplanation = table.explanation
        item.add_new("LUTData", "OW", table.data.astype("<u2").tobytes())
        items.append(item)
    if items:
        ds.VOILUTSequence = Sequence(items)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
