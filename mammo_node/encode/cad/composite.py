"""One lesion seen in several images of a breast (PS3.16 TID 4004, 4005)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from mammo_node.encode import items
from mammo_node.encode.cad import algorithm, concepts
from mammo_node.encode.cad.finding import single_image_finding
from mammo_node.encode.cad.intent import rendering_intent, strongest
from mammo_node.encode.cad.tree import Cad, Seen


def composite_feature(cad: Cad, lesion: tuple[Seen, ...]) -> Dataset:
    """Return TID 4004: what it is, inferred from the findings in the images."""
    intent = strongest(rendering_intent(cad.result, seen.finding) for seen in lesion)
    return items.code(
        items.CONTAINS,
        concepts.COMPOSITE_FEATURE,
        concepts.composite_concept(tuple(seen.finding for seen in lesion)),
        [
            items.code(items.HAS_CONCEPT_MOD, concepts.RENDERING_INTENT, intent),
            *_body(cad),
            *(single_image_finding(cad, seen, items.INFERRED_FROM) for seen in lesion),
        ],
    )


def _body(cad: Cad) -> list[Dataset]:
    """Return TID 4005: how the findings are related, and who says so."""
    properties = items.HAS_PROPERTIES
    return [
        items.code(properties, concepts.COMPOSITE_TYPE, concepts.RELATED_SPATIALLY),
        items.code(properties, concepts.SCOPE_OF_FEATURE, concepts.ON_MULTIPLE_IMAGES),
        *algorithm.node(cad),
    ]
