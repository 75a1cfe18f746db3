"""What the breasts are made of (PS3.16 TID 4006 with 4007, joined by TID 4004).

A density that was read from several images is a composite feature with the composition in
each of them; one that was read from a single image is its single image finding. The templates
have no row for the side, nor for probabilities: the Tracking Identifier names the image, and the
overall impression has the rest in words. There alone is the density of the patient, which
belongs to no image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom.dataset import Dataset

from mammo_node.encode import anatomy, codes, items, sentences, statement
from mammo_node.encode.cad import algorithm, concepts
from mammo_node.encode.cad.tree import Cad
from mammo_node.vocabulary import Density, ViewResult

_PERCENT_DECIMALS: Final = 4
#: A workstation may show it: it is no lesion that has to be marked.
_RENDERING: Final = concepts.PRESENTATION_OPTIONAL


def composition_impressions(cad: Cad) -> Iterator[Dataset]:
    """Yield TID 4003 for each breast whose density is known."""
    for density in cad.result.densities:
        views = [cad.views[uid] for uid in density.sop_instance_uids if uid in cad.views]
        if density.laterality is not None and views:
            yield items.container(
                items.INFERRED_FROM,
                concepts.INDIVIDUAL_IMPRESSION,
                [
                    _rendering(),
                    _composite(cad, density, views)
                    if len(views) > 1
                    else _in_one_image(cad, density, views[0], items.CONTAINS),
                ],
            )


def _rendering() -> Dataset:
    return items.code(items.HAS_CONCEPT_MOD, concepts.RENDERING_INTENT, _RENDERING)


def _composite(cad: Cad, density: Density, views: list[ViewResult]) -> Dataset:
    """Return TID 4004 for a density that was read from several images."""
    properties = items.HAS_PROPERTIES
    return items.code(
        items.CONTAINS,
        concepts.COMPOSITE_FEATURE,
        anatomy.BREAST_COMPOSITION,
        [
            _rendering(),
            items.code(properties, concepts.COMPOSITE_TYPE, concepts.RELATED_SPATIALLY),
            items.code(properties, concepts.SCOPE_OF_FEATURE, concepts.ON_MULTIPLE_IMAGES),
            *algorithm.model(density.model),
            *(_in_one_image(cad, density, view, items.INFERRED_FROM) for view in views),
        ],
    )


def _in_one_image(cad: Cad, density: Density, view: ViewResult, relationship: str) -> Dataset:
    """Return TID 4006 with TID 4007."""
    name = f"{statement.image_name(cad.result, view)}: density"
    side = density.laterality or ""
    uid = cad.common.identity.evaluation_uid("density", side)
    percent = round(100 * sentences.certainty_of(density), _PERCENT_DECIMALS)
    composition = anatomy.COMPOSITIONS[density.category]
    return items.code(
        relationship,
        concepts.SINGLE_IMAGE_FINDING,
        anatomy.BREAST_COMPOSITION,
        [
            _rendering(),
            items.text(items.HAS_OBS_CONTEXT, codes.TRACKING_IDENTIFIER, name),
            items.uid(items.HAS_OBS_CONTEXT, codes.TRACKING_UID, uid),
            *algorithm.model(density.model),
            items.number(items.HAS_PROPERTIES, codes.CERTAINTY_OF_FINDING, percent, codes.PERCENT),
            items.code(items.HAS_PROPERTIES, anatomy.BREAST_COMPOSITION, composition),
        ],
    )
