"""The images worth a look: a Key Object Selection Document (PS3.3 A.35.4, PS3.16 TID 2010).

It names the images that have findings to be shown. There is none where there are no such
findings: an empty selection is not allowed, and says nothing that the report does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import KeyObjectSelectionDocumentStorage

from mammo_node.encode import codes, document, items, modules, statement
from mammo_node.encode.cad.concepts import PRESENTATION_REQUIRED
from mammo_node.encode.cad.intent import rendering_intent
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.vocabulary import StudyResult, ViewResult

SERIES: Final = SeriesIdentity(
    role="key-objects",
    modality="KO",
    number=9920,
    description="Mammography AI key images (research use only)",
)
#: CID 7010 Key Object Selection Document Title.
_OF_INTEREST: Final = codes.concept("113000", "DCM", "Of Interest")
_DESCRIPTION: Final = codes.concept("113012", "DCM", "Key Object Description")


def key_objects(
    result: StudyResult, common: Common, _: Sequence[PriorResult] = ()
) -> list[Dataset]:
    """Return the selection of a study result; empty when nothing is of interest.

    The IOD has no place for predecessors: a later selection stands beside an earlier one in
    the same series, with a higher Instance Number.
    """
    views = [view for view in result.views if _of_interest(result, view)]
    if not views:
        return []
    references = [view.ref for view in views]
    ds = modules.base_dataset(
        common,
        SERIES,
        KeyObjectSelectionDocumentStorage,
        "key-objects",
        max(common.generation, 1),
    )
    ds.ReferencedPerformedProcedureStepSequence = DicomSequence([])
    document.put_evidence(ds, references)
    document.put_content(ds, _root(result, common, views), "2010")
    return [modules.finish(ds, common)]


def _of_interest(result: StudyResult, view: ViewResult) -> bool:
    intents = (rendering_intent(result, finding) for finding in view.findings)
    return any(intent == PRESENTATION_REQUIRED for intent in intents)


def _root(result: StudyResult, common: Common, views: Sequence[ViewResult]) -> Dataset:
    children: list[Dataset] = [
        *document.device_observer(common.equipment),
        items.text(items.CONTAINS, _DESCRIPTION, _description(result, views)),
        *(items.image(items.CONTAINS, view.ref) for view in views),
    ]
    return items.container(None, _OF_INTEREST, children)


def _description(result: StudyResult, views: Sequence[ViewResult]) -> str:
    names = ", ".join(
        f"{statement.image_name(result, view)} ({statement.count(len(view.findings), 'finding')})"
        for view in views
    )
    return f"Images with AI findings: {names}. {statement.RESEARCH_USE}"
