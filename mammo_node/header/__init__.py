"""What a mammogram's header says: laterality, view, and whether it is a plain full view.

Everything here is tolerant: a garbled attribute counts as absent, nothing raises.
"""

from mammo_node.header.laterality import LateralityEvidence, laterality_evidence
from mammo_node.header.summary import summarise
from mammo_node.header.views import ViewEvidence, ViewModifier, view_evidence

__all__ = [
    "LateralityEvidence",
    "ViewEvidence",
    "ViewModifier",
    "laterality_evidence",
    "summarise",
    "view_evidence",
]
