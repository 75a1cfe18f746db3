"""The coded concepts for where in a breast something lies, and for what a breast is made of.

Quadrants, clock face and depth are those of the Breast Imaging Report (PS3.16 TID 4206). The
standard has no code for half a breast, which is all that one view can tell: halves take the
general directions of CID 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mammo_node.encode.codes import concept
from mammo_node.vocabulary import CodedConcept, DensityCategory, Depth, Quadrant

# --- Names (PS3.16 TID 1419, 4206; CID 6165 Distance) --------------------------------------
TOPOGRAPHICAL_MODIFIER: Final = concept("106233006", "SCT", "Topographical modifier")
CLOCKFACE: Final = concept("111014", "DCM", "Clockface or region")
QUADRANT_LOCATION: Final = concept("111048", "DCM", "Quadrant location")
DEPTH: Final = concept("111020", "DCM", "Depth")
DISTANCE_FROM_NIPPLE: Final = concept("121242", "DCM", "Distance from nipple")
DISTANCE_FROM_SKIN: Final = concept("121243", "DCM", "Distance from skin")
DISTANCES: Final = (DISTANCE_FROM_NIPPLE, DISTANCE_FROM_SKIN)
#: What a breast is made of; the name and, as a finding, the concept of TID 4007.
BREAST_COMPOSITION: Final = concept("129715009", "SCT", "Breast composition")

#: CID 6020 Quadrant Location, CID 6018 Clockface Location or Region, CID 2 Anatomic Modifier.
QUADRANTS: Final[Mapping[Quadrant, CodedConcept]] = MappingProxyType(
    {
        Quadrant.UPPER_OUTER: concept("76365002", "SCT", "Upper outer quadrant of breast"),
        Quadrant.UPPER_INNER: concept("77831004", "SCT", "Upper inner quadrant of breast"),
        Quadrant.LOWER_OUTER: concept("33564002", "SCT", "Lower outer quadrant of breast"),
        Quadrant.LOWER_INNER: concept("19100000", "SCT", "Lower inner quadrant of breast"),
        Quadrant.CENTRAL: concept("129786000", "SCT", "Central region of breast"),
        Quadrant.AXILLARY_TAIL: concept("129785001", "SCT", "Axillary tail region"),
        Quadrant.UPPER: concept("264217000", "SCT", "Superior"),
        Quadrant.LOWER: concept("261089000", "SCT", "Inferior"),
        Quadrant.OUTER: concept("49370004", "SCT", "Lateral"),
        Quadrant.INNER: concept("255561001", "SCT", "Medial"),
    }
)
#: CID 6018, hour by hour from one.
CLOCK: Final[Mapping[int, CodedConcept]] = MappingProxyType(
    {
        hour: concept(value, "SCT", f"{hour} o'clock position")
        for hour, value in enumerate(
            (
                "129772004",
                "129773009",
                "129774003",
                "129775002",
                "129776001",
                "129777005",
                "129778000",
                "129779008",
                "129780006",
                "129781005",
                "129782003",
                "129783008",
            ),
            start=1,
        )
    }
)
#: CID 6024 Depth.
DEPTHS: Final[Mapping[Depth, CodedConcept]] = MappingProxyType(
    {
        Depth.ANTERIOR: concept("255549009", "SCT", "Anterior"),
        Depth.MIDDLE: concept("C25569", "NCIt", "Middle"),
        Depth.POSTERIOR: concept("255551008", "SCT", "Posterior"),
    }
)
#: CID 6000 Overall Breast Composition: the standard's words for categories a to d.
COMPOSITIONS: Final[Mapping[DensityCategory, CodedConcept]] = MappingProxyType(
    {
        DensityCategory.A: concept("129716005", "SCT", "Almost entirely fat"),
        DensityCategory.B: concept("129717001", "SCT", "Scattered fibroglandular densities"),
        DensityCategory.C: concept("129718006", "SCT", "Heterogeneously dense"),
        DensityCategory.D: concept("129719003", "SCT", "Extremely dense"),
    }
)
