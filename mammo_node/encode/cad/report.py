"""The document: Mammography CAD SR (PS3.3 A.35.5) with TID 4000 as its root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import MammographyCADSRStorage

from mammo_node.encode import document, items, modules
from mammo_node.encode.cad import concepts
from mammo_node.encode.cad.impression import overall_impression
from mammo_node.encode.cad.library import image_library
from mammo_node.encode.cad.performed import summary_of_analyses, summary_of_detections
from mammo_node.encode.cad.tree import Cad
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.vocabulary import StudyResult

SERIES: Final = SeriesIdentity(
    role="cad-sr",
    modality="SR",
    number=9902,
    description="Mammography AI CAD findings (research use only)",
)


def cad_reports(
    result: StudyResult, common: Common, predecessors: Sequence[PriorResult] = ()
) -> list[Dataset]:
    """Return the CAD report of a study result.

    Parameters
    ----------
    result : StudyResult
        The answer, of any outcome.
    common : Common
        Source headers, the images that the answer speaks of, identity and equipment.
    predecessors : sequence of PriorResult
        Earlier CAD reports of the study that this one supersedes.

    Returns
    -------
    list of Dataset
        One; none where the answer knows no image to name, as TID 4020 is mandatory.

    Raises
    ------
    EncodingError
        If the lesions of the result do not fit its findings.
    """
    if not common.references:
        return []
    ds = modules.base_dataset(
        common, SERIES, MammographyCADSRStorage, "cad-sr", max(common.generation, 1)
    )
    document.put_document(ds, result)
    document.put_evidence(ds, common.references)
    document.put_predecessors(ds, predecessors)
    document.put_content(ds, _root(Cad(result, common)), "4000")
    return [modules.finish(ds, common)]


def _root(cad: Cad) -> Dataset:
    """Return TID 4000; the order of its parts is significant."""
    return items.container(
        None,
        concepts.REPORT,
        [
            items.code(items.HAS_CONCEPT_MOD, concepts.LANGUAGE, concepts.ENGLISH),
            image_library(cad),
            overall_impression(cad),
            summary_of_detections(cad),
            summary_of_analyses(cad),
        ],
    )
