"""What can be found in a phantom, by this package's names and by those of VinDr-Mammo.

Nguyen et al., "VinDr-Mammo", Scientific Data 2023, has ten findings; the lesions and the signs
here are the same ten, and what is benign by its nature stands apart.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

MASS: Final = "mass"
CLUSTER: Final = "calcification-cluster"
DISTORTION: Final = "architectural-distortion"
ASYMMETRY: Final = "asymmetry"
FOCAL_ASYMMETRY: Final = "focal-asymmetry"
GLOBAL_ASYMMETRY: Final = "global-asymmetry"
SUSPICIOUS_NODE: Final = "suspicious-lymph-node"
SKIN_THICKENING: Final = "skin-thickening"
SKIN_RETRACTION: Final = "skin-retraction"
NIPPLE_RETRACTION: Final = "nipple-retraction"

#: Findings beside masses and clusters, commonest first.
SIGNS: Final = (
    FOCAL_ASYMMETRY,
    DISTORTION,
    ASYMMETRY,
    SUSPICIOUS_NODE,
    SKIN_THICKENING,
    NIPPLE_RETRACTION,
    GLOBAL_ASYMMETRY,
    SKIN_RETRACTION,
)

LYMPH_NODE: Final = "lymph-node"
MOLE: Final = "mole"
BENIGN_CALCIFICATION: Final = "benign-calcification"
VASCULAR_CALCIFICATION: Final = "vascular-calcification"
SKIN_MARKER: Final = "skin-marker"

#: Things that are seen and mean nothing bad.
BENIGN: Final = (LYMPH_NODE, MOLE, BENIGN_CALCIFICATION, VASCULAR_CALCIFICATION, SKIN_MARKER)

VINDR_NAMES: Final = MappingProxyType(
    {
        MASS: "Mass",
        CLUSTER: "Suspicious Calcification",
        ASYMMETRY: "Asymmetry",
        FOCAL_ASYMMETRY: "Focal Asymmetry",
        GLOBAL_ASYMMETRY: "Global Asymmetry",
        DISTORTION: "Architectural Distortion",
        SKIN_THICKENING: "Skin Thickening",
        SKIN_RETRACTION: "Skin Retraction",
        NIPPLE_RETRACTION: "Nipple Retraction",
        SUSPICIOUS_NODE: "Suspicious Lymph Node",
    }
)
