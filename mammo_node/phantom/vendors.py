"""Invented makers of mammography machines and film digitisers, with the attributes of real kinds.

No name is a company's. What each writes into its headers is a combination that is met in practice:
sigmoid windows, VOI LUTs, inverse greys, padding, ten to sixteen bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FILM, DIGITAL = "film", "digital"

LINEAR, SIGMOID, VOI_LUT = "linear", "sigmoid", "voi-lut"
MONOCHROME1, MONOCHROME2 = "MONOCHROME1", "MONOCHROME2"


@dataclass(frozen=True, slots=True)
class Vendor:
    """One maker.

    Attributes
    ----------
    key
        What `generate_study` takes as a look.
    manufacturer, model
        Written into the header.
    family
        `FILM` or `DIGITAL`.
    pitch_mm
        The machine's own pixel pitch; a study may be rendered at another.
    detector
        Detector Type (0018,7004): DIRECT, SCINTILLATOR, STORAGE or FILM.
    bits_stored
        Choices of Bits Stored.
    photometric
        Choices of Photometric Interpretation.
    voi
        Choices among `LINEAR`, `SIGMOID`, `VOI_LUT`.
    beams
        Choices of anode and filter material.
    padded
        Whether air is marked with Pixel Padding Value.
    """

    key: str
    manufacturer: str
    model: str
    family: str
    pitch_mm: float
    detector: str
    bits_stored: tuple[int, ...]
    photometric: tuple[str, ...]
    voi: tuple[str, ...]
    beams: tuple[tuple[str, str], ...]
    padded: bool = False


_MO = (("MOLYBDENUM", "MOLYBDENUM"), ("MOLYBDENUM", "RHODIUM"))
_W = (("TUNGSTEN", "RHODIUM"), ("TUNGSTEN", "SILVER"), ("TUNGSTEN", "ALUMINUM"))
_RH = (*_MO, ("RHODIUM", "RHODIUM"))

_TABLE = (
    Vendor(
        "amaranth", "Amaranth Phantom Works", "Amaranth CsI", DIGITAL, 0.1, "SCINTILLATOR",
        (12,), (MONOCHROME2,), (SIGMOID,), _RH,
    ),
    Vendor(
        "borealis", "Borealis Phantom Works", "Borealis a-Se", DIGITAL, 0.07, "DIRECT",
        (12,), (MONOCHROME2,), (LINEAR,), _W,
    ),
    Vendor(
        "cinnabar", "Cinnabar Phantom Works", "Cinnabar a-Se", DIGITAL, 0.085, "DIRECT",
        (12,), (MONOCHROME2,), (VOI_LUT,), (*_MO, ("TUNGSTEN", "RHODIUM")), padded=True,
    ),
    Vendor(
        "damson", "Damson Phantom Works", "Damson CR", DIGITAL, 0.05, "STORAGE",
        (10, 12), (MONOCHROME1,), (LINEAR, SIGMOID), _MO,
    ),
    Vendor(
        "ebony", "Ebony Phantom Works", "Ebony Counting", DIGITAL, 0.05, "DIRECT",
        (12, 16), (MONOCHROME1, MONOCHROME2), (SIGMOID, LINEAR), (("TUNGSTEN", "ALUMINUM"),),
        padded=True,
    ),
    Vendor(
        "fathom", "Fathom Phantom Works", "Fathom Panel", DIGITAL, 0.0833, "DIRECT",
        (13, 14), (MONOCHROME2,), (LINEAR, VOI_LUT), _W, padded=True,
    ),
    Vendor(
        "heather", "Heather Phantom Works", "Heather Laser Digitiser", FILM, 0.05, "FILM",
        (12,), (MONOCHROME2, MONOCHROME1), (LINEAR,), _MO,
    ),
    Vendor(
        "iris", "Iris Phantom Works", "Iris CCD Digitiser", FILM, 0.1, "FILM",
        (12, 16), (MONOCHROME2,), (LINEAR,), _MO,
    ),
    Vendor(
        "juniper", "Juniper Phantom Works", "Juniper Eight Bit Film", FILM, 0.2, "FILM",
        (8,), (MONOCHROME2,), (LINEAR,), _MO,
    ),
)  # fmt: skip

#: All makers by key.
VENDORS: Final = MappingProxyType({vendor.key: vendor for vendor in _TABLE})
