"""The manifest of a model package: what ``model.toml`` may and must say.

A model family is one class with a literal ``family`` in a module of its own; :data:`FAMILIES`
lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mammo_node.analyse.manifest.base import BaseManifest, LabelledManifest
from mammo_node.analyse.manifest.boxes import (
    CONTRACTS,
    BoxesScoresLabels,
    DetectorOutput,
    RetinaNet,
    Yolo,
)
from mammo_node.analyse.manifest.candidate_patches import (
    BrightPixel,
    CandidatePatchesManifest,
    CentreBrightness,
)
from mammo_node.analyse.manifest.density import DensityManifest
from mammo_node.analyse.manifest.detector import DetectorManifest, Expectation, SelfTest
from mammo_node.analyse.manifest.landmarks import LandmarksManifest
from mammo_node.analyse.manifest.sliding_patches import SlidingPatchesManifest

#: Families whose graphs are described by names, sizes and ranks alone.
OtherManifest = (
    SlidingPatchesManifest | CandidatePatchesManifest | DensityManifest | LandmarksManifest
)
Manifest = DetectorManifest | OtherManifest

#: The model families, by the manifest's ``family``; a new family is one more entry.
FAMILIES: Mapping[str, type[Manifest]] = MappingProxyType(
    {
        "detector": DetectorManifest,
        "sliding-patches": SlidingPatchesManifest,
        "candidate-patches": CandidatePatchesManifest,
        "density": DensityManifest,
        "landmarks": LandmarksManifest,
    }
)

__all__ = [
    "CONTRACTS",
    "FAMILIES",
    "BaseManifest",
    "BoxesScoresLabels",
    "BrightPixel",
    "CandidatePatchesManifest",
    "CentreBrightness",
    "DensityManifest",
    "DetectorManifest",
    "DetectorOutput",
    "Expectation",
    "LabelledManifest",
    "LandmarksManifest",
    "Manifest",
    "OtherManifest",
    "RetinaNet",
    "SelfTest",
    "SlidingPatchesManifest",
    "Yolo",
]
