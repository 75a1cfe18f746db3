"""Rendering intent by operating point (PS3.16 CID 6034, PS3.4 O.2.2.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mammo_node.encode.cad.concepts import (
    NOT_FOR_PRESENTATION,
    PRESENTATION_OPTIONAL,
    PRESENTATION_REQUIRED,
)
from mammo_node.vocabulary import CodedConcept, Finding, StudyResult, reaches

#: From what must be shown to what must not.
ORDER: Final = (PRESENTATION_REQUIRED, PRESENTATION_OPTIONAL, NOT_FOR_PRESENTATION)
#: Landmarks, which no reader asked to have marked: (24142002, SCT, Nipple).
_LANDMARKS: Final = frozenset({("24142002", "SCT")})


def rendering_intent(result: StudyResult, finding: Finding) -> CodedConcept:
    """Return whether a workstation is to show a finding.

    A score at or above the operating point of its label must be shown, one below it may be;
    a label without an operating point has passed its model's own threshold. Landmarks are
    not for presentation.
    """
    if (finding.concept.value, finding.concept.scheme) in _LANDMARKS:
        return NOT_FOR_PRESENTATION
    threshold = result.threshold_of(finding) or 0.0
    return PRESENTATION_REQUIRED if reaches(finding.score, threshold) else PRESENTATION_OPTIONAL


def strongest(intents: Iterable[CodedConcept]) -> CodedConcept:
    """Return the intent of what has parts: it is shown if one of them must be."""
    return min(intents, key=ORDER.index)
