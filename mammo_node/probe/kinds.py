"""The SOP classes of result objects, by kind: what a destination must accept."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mammo_node.outputs import OutputKind

#: PS3.4 Table B.5-1.
SOP_CLASSES: Mapping[OutputKind, str] = MappingProxyType(
    {
        OutputKind.SR: "1.2.840.10008.5.1.4.1.1.88.34",
        OutputKind.GSPS: "1.2.840.10008.5.1.4.1.1.11.1",
        OutputKind.CAD_SR: "1.2.840.10008.5.1.4.1.1.88.50",
        OutputKind.KEY_OBJECTS: "1.2.840.10008.5.1.4.1.1.88.59",
        OutputKind.OVERVIEW: "1.2.840.10008.5.1.4.1.1.7",
        OutputKind.PDF: "1.2.840.10008.5.1.4.1.1.104.1",
        OutputKind.SEG: "1.2.840.10008.5.1.4.1.1.66.4",
    }
)
